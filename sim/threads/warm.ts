// A thread compiles the engine while the network is still being read: what it runs on is made up, and what comes out is forgotten.
import { CimulatorError } from '../../models/base/errors.js'
import type { CodedTensor, Layer } from '../../models/nn/types.js'
import type { Engine } from '../chip/items/engine.js'
import type { JobChoice } from '../chip/job.js'
import { layerIntegers } from '../chip/prepare.js'
import type { Machine } from '../chip/spec.js'
import { openLayer } from './layer-task.js'

/** What the threads of a run are told before there is a layer. */
export interface Expected {
  readonly engine: string
  readonly machine: Machine
  readonly choice: JobChoice
  /** one number in shared memory: 1 when a layer has come */
  readonly called: Int32Array
  /** nothing will be simulated, only placed */
  readonly idle: boolean
  /** the kernels of the fast engine, compiled; null where this machine does not run them */
  readonly kernels: object | null
}

/** Channels in and out, width and height of the made-up convolution: enough for the hot loops to be compiled. */
const channels = 64
const width = 24
/** How often it is placed at most, and run each time. */
const rounds = 6
const items = 2

/** Simulates made-up layers until a real one comes. A machine that cannot take them is left to the real ones, which say what is wrong. */
export function warmUp(engine: Engine, { machine, choice, called, idle }: Omit<Expected, 'engine' | 'kernels'>): void {
  if (idle) return
  const layer = convolution()
  const tensor = activations()
  const task = { layer, inputShape: tensor.shape, form: tensor.form, machine, choice, perms: undefined }
  try {
    const integers = layerIntegers(layer, machine)
    for (let round = 0; round < rounds; round++) {
      // As it comes in a message: compiled code knows objects by how they were made.
      const { run } = openLayer(engine, structuredClone({ ...task, integers }), items)
      for (let i = 0; i < items; i++)
        for (const _ of run({ tensor, onPass: null, onFiring: null })) if (Atomics.load(called, 0) === 1) return
      if (Atomics.load(called, 0) === 1) return
    }
  } catch (cause) {
    if (!(cause instanceof CimulatorError)) throw cause
  }
}

function convolution(): Layer {
  const rows = channels * 9
  // Two rows of three are zero, the others differ.
  const values = Float32Array.from({ length: channels * rows }, (_, i) =>
    (i % rows) % 3 === 0 ? ((i * 37) % 255) - 127 : 0,
  )
  const sides = [1, 1]
  return {
    index: 0,
    name: 'warm-up',
    op: 'Conv',
    geometry: {
      kind: 'conv',
      groups: 1,
      groupIn: channels,
      groupOut: channels,
      kernel: [3, 3],
      strides: sides,
      dilations: sides,
      pads: [...sides, ...sides],
      autoPad: null,
    },
    weightShape: [channels, channels, 3, 3],
    weights: { kind: 'float', values },
    inputTensor: '',
    input: null,
    outputTensor: '',
    outputStep: null,
    bias: null,
  }
}

function activations(): CodedTensor {
  const shape = [1, channels, width, width]
  const codes = Uint8Array.from({ length: channels * width * width }, (_, i) => (i % 2 === 0 ? 0 : (i * 73) % 256))
  return { form: 'unsigned', shape, codes, scale: 1, zeroPoint: 0 }
}
