// Parameters of the seven stages, one strict object each. Units and texts are part of the declaration.
import { z } from 'zod'
import { int, interval, stageTiming } from '../../models/base/fields.js'
import { adcTransfer } from '../../models/values/adc.js'

export const cacheParams = z.strictObject({
  portBits: int('bits that the activation buffer delivers per cycle', 'bit', 1, 1 << 20),
  ...stageTiming,
})

export const loadParams = z.strictObject({
  rowsPerCycle: int('rows gathered per cycle', 'row', 1, 1 << 16),
  ...stageTiming,
})

export const skipParams = z.strictObject({ interval, ...stageTiming })

export const cimParams = z.strictObject({ interval, ...stageTiming })

export const adcParams = z.strictObject({
  ...adcTransfer,
  cyclesPerConversion: int('cycles of one conversion', 'cycle', 1, 1_000_000),
  ...stageTiming,
})

export const benesParams = z.strictObject({
  interval,
  ...stageTiming,
  latency: z
    .union([z.int().min(1).max(1_000_000), z.enum(['combinational', 'registered'])])
    .meta({ description: 'combinational = 1 cycle, registered = 2·log2(ports) − 1, or a number', unit: 'cycle' })
    .default('combinational'),
})

export const shiftAddParams = z.strictObject({ interval, ...stageTiming })
