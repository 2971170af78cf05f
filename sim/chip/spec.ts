// The machine description: a composition of part specs. Every part validates its own fields; this file only puts them together
// (cross-field rules: rules.ts). Nothing but this composition sees the whole.
import { z } from 'zod'
import { choice, flag, int, intOr } from '../../models/base/fields.js'
import { cellParams, clockParams, costParams, technologyParams } from '../../models/cost/spec.js'
import { arrayParams, block, mappingParams, ouParams, stripParams, tileParams } from '../../models/mapping/spec.js'
import { inputParams, weightParams } from '../../models/nn/spec.js'
import {
  adcParams,
  benesParams,
  cacheParams,
  cimParams,
  loadParams,
  shiftAddParams,
  skipParams,
} from '../stages/params.js'

export const machineSchema = z.strictObject({
  name: z.string().min(1).max(100).meta({ description: 'name of the machine', unit: '' }),
  description: z.string().max(2000).meta({ description: 'what the machine is', unit: '' }).default(''),
  sources: z
    .record(z.string(), z.string())
    .meta({ description: 'path of a field (ou.rows) to the source of its value, or "assumed: reason"', unit: '' })
    .default({}),
  ou: ouParams,
  block,
  tile: tileParams,
  strip: stripParams,
  array: arrayParams,
  macros: intOr('pipelines of the chip; all = one per array group', 'macro', 1, 1 << 20, 'all'),
  cell: cellParams,
  input: inputParams,
  weights: weightParams,
  mapping: mappingParams,
  order: choice('order of execution inside a window', ['ou-bit', 'window-bit']),
  slices: choice('weight slices of an OU: one after another, or all at once', ['serial', 'parallel']),
  skipZeroPlanes: flag('skip planes whose zero flag is not set'),
  skipZeroSlices: flag('skip slices of an OU whose cells all hold zero'),
  adcs: int('ADCs of a macro', 'ADC', 1, 1 << 20),
  cache: cacheParams,
  load: loadParams,
  skip: skipParams,
  cim: cimParams,
  adc: adcParams,
  benes: benesParams,
  shiftAdd: shiftAddParams,
  clock: clockParams,
  technology: technologyParams,
  cost: costParams,
})

export type Machine = z.infer<typeof machineSchema>
