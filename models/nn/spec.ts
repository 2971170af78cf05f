// The parts of a machine description that decide integers: how weights and activations become codes; docs/values.md, section 1.
import { z } from 'zod'
import { choice, int, real } from '../base/fields.js'

export const inputParams = z.strictObject({
  bitsPerStep: int('input bits driven per step, d: a plane is a d-bit digit', 'bit', 1, 8),
  signed: choice('coding of signed activations', ['offset', 'twos-complement', 'split']),
  calibration: choice('range of the activations of a float model, over the given inputs', [
    'min-max',
    'percentile',
    'mse',
  ]),
  percentile: real('share of values inside the range, for calibration percentile', '%', 50, 100).default(99.9),
})

export const weightParams = z.strictObject({
  encoding: choice('how signed weights become cell levels', ['differential', 'offset', 'twos-complement']),
  scale: choice('scale of the int8 weights of a float model', ['per-channel', 'per-tensor']),
  rowOrder: choice('order of the im2col rows', ['channel-major', 'position-major']),
})

export type InputSpec = z.infer<typeof inputParams>
export type WeightSpec = z.infer<typeof weightParams>

/** Bits of an activation code; fixed (docs/values.md, section 1). */
export const activationBits = 8
