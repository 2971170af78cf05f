// The preset machine, and what a test changes of it.
import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { type ActionCounts, type ActionName, actionId, actions } from '../../../models/cost/actions.js'
import { type PriceContext, type PriceFacts, priceContext, type Variant } from '../../../models/cost/context.js'
import { type Machine, machineSchema } from '../../../sim/chip/spec.js'

export const presetFile = new URL('../../../models/presets/wu2024.yaml', import.meta.url)
export const preset: Machine = machineSchema.parse(parse(readFileSync(presetFile, 'utf8')))

/** 5-bit ADCs, one tile of 128 rows, four slices (7-bit weights in 2-bit cells). */
export const facts: PriceFacts = { adcBits: 5, matrixRows: 128, slices: 4 }

export function contextOf(
  change: Partial<Machine> = {},
  some: Partial<PriceFacts> = {},
  variant?: Variant,
): PriceContext {
  return priceContext({ ...preset, ...change }, { ...facts, ...some }, variant)
}

/** The preset at 32 nm with the isaac32 table. */
export const isaacMachine: Machine = {
  ...preset,
  technology: { nodeNm: 32, supplyV: 0.9 },
  cost: { prices: 'isaac32', adcModel: 'accelergy', powerGating: false },
}

export function countsOf(
  counts: Partial<Record<ActionName, number>>,
  cellReads: readonly number[] = [0, 0, 0, 0],
): ActionCounts {
  const vector = new Float64Array(actions.length)
  for (const action of actions) vector[actionId[action.name]] = counts[action.name] ?? 0
  return { counts: vector, cellReads: Float64Array.from(cellReads), adcCodes: new Float64Array(0) }
}
