// A price table: what every action costs and what every component leaks and occupies, for one node. Numbers carry their source.
import type { Named } from '../../base/registry.js'
import type { ActionName } from '../actions.js'
import type { ComponentName } from '../components.js'
import type { PriceContext } from '../context.js'

/** Energy of one action, in pJ per unit of the action. `source` is "[Key] where" (docs/sources.md) or "assumed: reason". */
export interface Price {
  readonly energyPj: number
  readonly source: string
}

/** One instance of a component (components.ts says what is one instance). */
export interface Footprint {
  readonly areaUm2: number
  readonly leakageUw: number
  readonly source: string
}

/** Conversions and the area of ADCs come from the ADC model, not from the table. */
export type TableAction = Exclude<ActionName, 'adcConversions'>
export type TableComponent = Exclude<ComponentName, 'adc'>

export interface PriceTable extends Named {
  /** the table holds for this node and no other */
  readonly nodeNm: number
  /** nominal supply of its numbers */
  readonly supplyV: number
  /** supplies it accepts; away from `supplyV` dynamic energy scales with V² and leakage power with V, and a note says so */
  readonly supplyRangeV: readonly [number, number]
  /** prices at the nominal supply */
  actions(context: PriceContext): Readonly<Record<TableAction, Price>>
  /** footprints at the nominal supply; those of absent components are not looked at */
  components(context: PriceContext): Readonly<Record<TableComponent, Footprint>>
  /** leakage power of one ADC at the nominal supply */
  adcLeakageUw(bits: number, areaUm2: number): number
  readonly adcLeakageSource: string
}
