// Counts × prices, after the run: another technology needs no new simulation. A shared ADC costs time, not energy: only conversions count.
import { SimFault } from '../base/errors.js'
import type { ActionCounts } from './actions.js'
import { adcModels } from './adc/index.js'
import { adcRefusal } from './adc/model.js'
import { adcQuery, type BoundComponent, bindWith, type Prices } from './bind.js'
import type { PriceContext } from './context.js'
import { priceTables } from './prices/index.js'

/** Everything that is on the chip, used by a layer or not. */
export interface ChipCounts {
  readonly macros: number
  /** array groups of all layers (all are resident) */
  readonly groups: number
  /** arrays of all groups: Σ slices × polarities of the group's layer */
  readonly arrays: number
}

/** How long the chip was powered. */
export interface Activity {
  /** cycles of the layer (its slowest macro) */
  readonly cycles: number
  /** Σ over macros of their spans: what leaks when idle macros are gated */
  readonly macroCycles: number
}

/** Same shape as EnergyRow of traces/results/result.ts. */
export interface EnergyRow {
  readonly component: string
  readonly dynamicPj: number
  readonly leakagePj: number
}

/**
 * Energy of one layer by component, in the order of `components`; only components that the machine has.
 * Dynamic = Σ count × price; leakage = leakage power × instances on the chip × cycles × period. With `powerGating` only the cycles in which
 * macros run count; index memories keep their contents and leak all the time.
 * @throws SimFault for counts that do not fit the prices: wrong lengths, negative or not finite, or of hardware that is absent
 */
export function price(prices: Prices, counted: ActionCounts, activity: Activity, chip: ChipCounts): EnergyRow[] {
  checkCounts(prices, counted)
  checkActivity(activity, chip)
  const dynamicPj = new Map<string, number>()
  const add = (component: string, energyPj: number) =>
    dynamicPj.set(component, (dynamicPj.get(component) ?? 0) + energyPj)
  prices.actions.forEach((action, i) => {
    add(action.component, counted.counts[i]! * action.energyPj)
  })
  counted.cellReads.forEach((reads, level) => {
    add('array', reads * prices.cellReadPj[level]!)
  })
  return prices.components.map((component) => ({
    component: component.name,
    dynamicPj: dynamicPj.get(component.name) ?? 0,
    leakagePj: leakagePj(component, prices, activity, chip),
  }))
}

/** Instances of a component on the chip. */
export function instances(component: BoundComponent, chip: ChipCounts): number {
  const holders = { macro: chip.macros, adc: chip.macros, group: chip.groups, array: chip.arrays }
  return holders[component.instance] * component.each
}

export function totalPj(rows: readonly EnergyRow[]): number {
  return rows.reduce((sum, row) => sum + row.dynamicPj + row.leakagePj, 0)
}

/** The same run with another ADC model, everything else equal. */
export interface Alternative {
  readonly adcModel: string
  /** energy of all layers; null when the model does not cover this ADC */
  readonly energyPj: number | null
  /** null, or why the model does not apply */
  readonly reason: string | null
}

export interface CountedLayer {
  readonly actions: ActionCounts
  readonly activity: Activity
}

/** One entry per ADC model except the chosen one, in the order of the registry. */
export function alternatives(context: PriceContext, layers: readonly CountedLayer[], chip: ChipCounts): Alternative[] {
  const table = priceTables.get(context.cost.prices)
  return adcModels.all
    .filter((model) => model.name !== context.cost.adcModel)
    .map((model) => {
      const reason = adcRefusal(model, adcQuery(context))
      if (reason !== null) return { adcModel: model.name, energyPj: null, reason }
      const prices = bindWith(context, table, model)
      const energies = layers.map((layer) => totalPj(price(prices, layer.actions, layer.activity, chip)))
      return { adcModel: model.name, energyPj: energies.reduce((sum, e) => sum + e, 0), reason: null }
    })
}

function leakagePj(component: BoundComponent, prices: Prices, activity: Activity, chip: ChipCounts): number {
  const gated = prices.powerGating && component.instance !== 'group'
  const cycles = gated && chip.macros > 0 ? activity.macroCycles / chip.macros : activity.cycles
  // µW × ns = fJ
  return component.leakageUw * instances(component, chip) * cycles * prices.periodNs * 1e-3
}

function checkCounts(prices: Prices, { counts, cellReads }: ActionCounts): void {
  if (counts.length !== prices.actions.length)
    throw new SimFault(`price: expected ${prices.actions.length} action counts, got ${counts.length}`)
  if (cellReads.length !== prices.cellReadPj.length)
    throw new SimFault(`price: expected cell reads of ${prices.cellReadPj.length} levels, got ${cellReads.length}`)
  prices.actions.forEach((action, i) => {
    const count = counts[i]!
    if (!Number.isFinite(count) || count < 0) throw new SimFault(`price: ${count} ${action.name} counted`)
    if (count > 0 && !action.present)
      throw new SimFault(
        `price: ${count} ${action.name} counted on a machine without the hardware for it (${action.component})`,
      )
  })
  cellReads.forEach((reads, level) => {
    if (!Number.isFinite(reads) || reads < 0) throw new SimFault(`price: ${reads} cell reads of level ${level} counted`)
  })
}

function checkActivity({ cycles, macroCycles }: Activity, { macros }: ChipCounts): void {
  if (!(cycles >= 0 && macroCycles >= 0 && macroCycles <= cycles * macros))
    throw new SimFault(`price: ${macroCycles} macro cycles do not fit in ${cycles} cycles of ${macros} macros`)
}
