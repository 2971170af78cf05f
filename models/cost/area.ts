// Area by component: every array of every group, every ADC of every macro, one network per macro.
import type { Prices } from './bind.js'
import { type ChipCounts, instances } from './price.js'

/** Extends AreaRow of traces/results/result.ts: `areaUm2` is that of all `count` instances together. */
export interface AreaRow {
  readonly component: string
  readonly count: number
  readonly areaUm2: number
  /** of one instance */
  readonly eachUm2: number
  readonly source: string
}

/** Rows in the order of `components`; only components that the machine has. */
export function area(prices: Prices, chip: ChipCounts): AreaRow[] {
  return prices.components.map((component) => {
    const count = instances(component, chip)
    return {
      component: component.name,
      count,
      areaUm2: count * component.areaUm2,
      eachUm2: component.areaUm2,
      source: component.source,
    }
  })
}
