// One table and one ADC model, checked against one machine: from here on prices are plain numbers.
import { SimFault, SpecError } from '../base/errors.js'
import { type Action, actions } from './actions.js'
import { adcModels } from './adc/index.js'
import { type AdcModel, type AdcQuery, adcCost } from './adc/model.js'
import { cellReadPj } from './cell.js'
import { type ComponentName, components, type Features, hasComponent, type Instance } from './components.js'
import type { PriceContext } from './context.js'
import { priceTables } from './prices/index.js'
import type { Footprint, Price, PriceTable } from './prices/table.js'

export interface BoundAction extends Price {
  readonly name: string
  readonly component: string
  readonly unit: string
  /** false: this machine has no hardware for it, so a count is a bug */
  readonly present: boolean
}

export interface BoundComponent extends Footprint {
  readonly name: ComponentName
  readonly instance: Instance
  /** instances per macro, group or array: ADCs of a macro, else 1 */
  readonly each: number
}

export interface Prices {
  readonly table: string
  readonly adcModel: string
  /** one per action, in the order of `actions` */
  readonly actions: readonly BoundAction[]
  /** energy of a unit read pulse by stored level, pJ; zero when the ADC model already contains the column current */
  readonly cellReadPj: Float64Array
  /** the components that the machine has, in the order of `components` */
  readonly components: readonly BoundComponent[]
  readonly periodNs: number
  readonly powerGating: boolean
  /** what a reader of the numbers must know: scaling, what is inside what */
  readonly notes: readonly string[]
}

/**
 * Looks up `cost.prices` and `cost.adcModel` and resolves every price.
 * @throws SpecError for an unknown table or model, another node, a supply outside the table's range, an action or component without a price,
 * a price that is not a finite number above 0, an ADC that the model does not cover, or rOn ≥ rOff
 */
export function bindPrices(context: PriceContext): Prices {
  return bindWith(context, priceTables.get(context.cost.prices), adcModels.get(context.cost.adcModel))
}

/** The same with a given table and model (alternatives, tests of new tables). */
export function bindWith(context: PriceContext, table: PriceTable, model: AdcModel): Prices {
  checkTable(table, context)
  const query = adcQuery(context)
  const adc = adcCost(model, query)
  const ratio = context.technology.supplyV / table.supplyV
  const prices: Readonly<Record<string, Price>> = { ...table.actions(context) }
  const footprints: Readonly<Record<string, Footprint>> = {
    ...table.components(context),
    adc: {
      areaUm2: adc.areaUm2,
      leakageUw: table.adcLeakageUw(query.bits, adc.areaUm2),
      source: `area: ${adc.source}; leakage: ${table.adcLeakageSource}`,
    },
  }
  const cells = cellReadPj(context.cell)
  return {
    table: table.name,
    adcModel: model.name,
    actions: actions.map((action) => {
      const price = action.name === 'adcConversions' ? adc : scaled(prices[action.name], ratio)
      return bindAction(action, price, table, context.features)
    }),
    cellReadPj: model.includesCellCurrent ? cells.fill(0) : cells,
    components: components
      .filter((component) => hasComponent(context.features, component.name))
      .map(({ name, instance }) => {
        const footprint = checkFootprint(name, footprints[name], table)
        const leakageUw = footprint.leakageUw * ratio
        return { ...footprint, leakageUw, name, instance, each: instance === 'adc' ? context.adcs : 1 }
      }),
    periodNs: context.periodNs,
    powerGating: context.cost.powerGating,
    notes: notes(context, table, model, query, ratio),
  }
}

export function adcQuery(context: PriceContext): AdcQuery {
  return {
    bits: context.adcBits,
    nodeNm: context.technology.nodeNm,
    supplyV: context.technology.supplyV,
    conversionsPerSecond: context.conversionsPerSecond,
    arrayRows: context.arrayRows,
  }
}

function checkTable(table: PriceTable, { technology }: PriceContext): void {
  if (technology.nodeNm !== table.nodeNm) {
    throw new SpecError(
      `price table ${table.name} is for ${table.nodeNm} nm and is not scaled; technology.nodeNm is ${technology.nodeNm}. Known tables: ${priceTables.all.map((t) => `${t.name} (${t.nodeNm} nm)`).join(', ')}`,
    )
  }
  const [low, high] = table.supplyRangeV
  if (technology.supplyV < low || technology.supplyV > high) {
    throw new SpecError(
      `price table ${table.name} holds from ${low} to ${high} V; technology.supplyV is ${technology.supplyV} V`,
    )
  }
}

function scaled(price: Price | undefined, ratio: number): Price | undefined {
  return price === undefined ? undefined : { ...price, energyPj: price.energyPj * ratio ** 2 }
}

function bindAction(action: Action, price: Price | undefined, table: PriceTable, features: Features): BoundAction {
  if (price === undefined) throw new SpecError(`price table ${table.name} has no price for action ${action.name}`)
  if (!Number.isFinite(price.energyPj) || price.energyPj <= 0) {
    throw new SpecError(
      `price table ${table.name}, action ${action.name}: expected an energy above 0 pJ, got ${price.energyPj}`,
    )
  }
  return {
    ...price,
    name: action.name,
    component: action.component,
    unit: action.unit,
    present: present(action, features),
  }
}

/** Whether the machine has the hardware that performs the action. */
function present(action: Action, features: Features): boolean {
  if (action.name === 'flagOrs') return features.zeroFlags
  if (action.name === 'rowListBitsRead') return features.rowLists
  if (action.name === 'permutationBitsRead') return features.benes
  const component = components.find(({ name }) => name === action.component)
  if (component === undefined)
    throw new SimFault(`action ${action.name} belongs to unknown component ${action.component}`)
  return hasComponent(features, component.name)
}

function checkFootprint(name: string, footprint: Footprint | undefined, table: PriceTable): Footprint {
  if (footprint === undefined) throw new SpecError(`price table ${table.name} has no area and leakage for ${name}`)
  for (const value of [footprint.areaUm2, footprint.leakageUw]) {
    if (!Number.isFinite(value) || value < 0)
      throw new SpecError(`price table ${table.name}, component ${name}: expected area and leakage ≥ 0, got ${value}`)
  }
  return footprint
}

function notes(c: PriceContext, table: PriceTable, model: AdcModel, query: AdcQuery, ratio: number): string[] {
  const list: string[] = []
  if (ratio !== 1) {
    list.push(
      `${table.name} is for ${table.supplyV} V: dynamic energy of digital parts scaled by (${c.technology.supplyV}/${table.supplyV})², leakage by ${c.technology.supplyV}/${table.supplyV}`,
    )
  }
  if (model.includesCellCurrent) list.push(`${model.name} contains the column current: cell reads are not added again`)
  const delayNs = model.delayNs(query)
  const periodNs = 1e9 / query.conversionsPerSecond
  if (delayNs !== null && delayNs > periodNs) {
    list.push(`${model.name} needs ${delayNs.toPrecision(3)} ns per conversion, the machine allows ${periodNs} ns`)
  }
  return list
}
