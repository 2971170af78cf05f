// An ADC model: energy per conversion and area as functions of resolution, node, supply and rate. Published models differ by more than
// 10× at the same bits and node, so several are offered and a result names the one used.
import { SpecError } from '../../base/errors.js'
import type { Named } from '../../base/registry.js'

export interface AdcQuery {
  /** resolution that is priced, bit */
  readonly bits: number
  readonly nodeNm: number
  readonly supplyV: number
  /** conversions per second of one ADC */
  readonly conversionsPerSecond: number
  /** rows of the array behind the ADC (only for delays) */
  readonly arrayRows: number
}

export interface AdcModel extends Named {
  /** true: the current of the cells on the column is already in `energyPj`, so cell reads must not be added again */
  readonly includesCellCurrent: boolean
  readonly source: string
  /** null, or why the model does not cover the query (a reason that follows "does not apply: ") */
  refusal(query: AdcQuery): string | null
  /** energy of one conversion; only for queries that are not refused */
  energyPj(query: AdcQuery): number
  /** area of one ADC; only for queries that are not refused */
  areaUm2(query: AdcQuery): number
  /** time of one conversion, or null where the model has none */
  delayNs(query: AdcQuery): number | null
}

export interface AdcCost {
  readonly energyPj: number
  readonly areaUm2: number
  readonly source: string
}

/** @throws SpecError when the model does not cover the query */
export function adcCost(model: AdcModel, query: AdcQuery): AdcCost {
  const reason = adcRefusal(model, query)
  if (reason !== null)
    throw new SpecError(`ADC model ${model.name} does not apply: ${reason}; choose another cost.adcModel`)
  return { energyPj: model.energyPj(query), areaUm2: model.areaUm2(query), source: model.source }
}

/** The reason why a model does not cover a query, or null. Checks first what holds for all models. */
export function adcRefusal(model: AdcModel, query: AdcQuery): string | null {
  if (!Number.isInteger(query.bits) || query.bits < 1 || query.bits > 16)
    return `expected a resolution of 1 to 16 bits, got ${query.bits}`
  return model.refusal(query)
}

/** "expected … from low to high, got value" when value is outside, else null. */
export function outside(what: string, value: number, low: number, high: number): string | null {
  return value >= low && value <= high ? null : `expected ${what} from ${low} to ${high}, got ${value}`
}
