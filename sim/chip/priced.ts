// Counts → energy and area, and everything together → RunResult. The simulation itself knows no joule.
import { area } from '../../models/cost/area.js'
import { bindPrices } from '../../models/cost/bind.js'
import { programmingEnergyPj } from '../../models/cost/cell.js'
import { type PriceFacts, priceContext, type Variant } from '../../models/cost/context.js'
import { alternatives, type ChipCounts, price, totalPj } from '../../models/cost/price.js'
import type { Network } from '../../models/nn/types.js'
import { findPattern } from '../../models/sparsity/detect.js'
import type { ItemFacts, RecordedProduct } from '../../traces/record/trace.js'
import type { BaselineResult, LayerResult, RunResult } from '../../traces/results/result.js'
import type { RunOptions } from '../options.js'
import type { LayerOutcome } from './layer.js'
import { patternHardware } from './parts.js'
import type { LayerPlan, NetworkPlan } from './plan.js'
import { machineAdc } from './prepare.js'
import type { Machine } from './spec.js'
import { type DenseOutcome, spans } from './totals.js'

/** What is told of the trace whose items were simulated. */
export interface SimulatedTrace {
  readonly sha256: string
  readonly items: readonly Pick<ItemFacts, 'prediction' | 'labels'>[]
  readonly products: readonly RecordedProduct[]
  /** there are more items, or may be */
  readonly limited: boolean
}

export interface PricedRun {
  readonly options: RunOptions
  /** engine that was used */
  readonly engine: string
  readonly network: Network
  readonly trace: SimulatedTrace
  readonly plan: NetworkPlan
  readonly outcomes: readonly { readonly plan: LayerPlan; readonly outcome: LayerOutcome }[]
}

export function priceRun(run: PricedRun): RunResult {
  const { machine } = run.options
  const facts = factsOf(machine, run.plan)
  const chip = chipCounts(machine, run.plan, 'machine')
  const context = priceContext(machine, facts, 'machine')
  const prices = bindPrices(context)
  const layers = run.outcomes.map((entry) => layerResult(entry.plan, entry.outcome, run, facts))
  const counted = run.outcomes.map(({ outcome }) => ({
    actions: outcome.timing.actions,
    activity: activityOf(outcome),
  }))
  const cells = run.plan.layers.reduce((sum, layer) => sum + layer.cells, 0)
  return {
    network: { file: run.network.file, sha256: run.network.sha256 },
    trace: { sha256: run.trace.sha256, items: run.trace.items.length },
    machine: machine.name,
    engine: run.engine,
    partial: partialWords(run),
    layers,
    notOnArrays: run.trace.products.map(({ name, op, macs }) => ({ name, op, macs: macs * run.trace.items.length })),
    accuracy: accuracyOf(run),
    pattern: patternOf(run),
    area: area(prices, chip),
    prices: {
      table: machine.cost.prices,
      adcModel: machine.cost.adcModel,
      alternatives: alternatives(context, counted, chip),
    },
    cyclePeriodNs: machine.clock.periodNs,
    programmingPj: programmingEnergyPj(cells, machine.cell),
  }
}

/** The named pattern that the zeros of the simulated layers follow. */
function patternOf({ outcomes, options }: PricedRun): RunResult['pattern'] {
  const hardware = patternHardware(options.machine)
  return findPattern(
    outcomes.map(({ plan }) => plan.sample),
    hardware,
  )
}

function factsOf(machine: Machine, plan: NetworkPlan): PriceFacts {
  return {
    adcBits: machineAdc(machine).bits,
    matrixRows: Math.max(...plan.layers.map((layer) => layer.rows)),
    slices: Math.max(...plan.layers.map((layer) => layer.summary.slices)),
    rowListBits: machine.mapping.index === 'plain' ? null : Math.max(...plan.layers.map((layer) => layer.rowListBits)),
  }
}

/** Arrays and pipelines of the whole chip: the weights of all layers are resident. */
function chipCounts(machine: Machine, plan: NetworkPlan, variant: Variant): ChipCounts {
  let groups = 0
  let arrays = 0
  for (const layer of plan.layers) {
    const own = variant === 'machine' ? layer.groups : layer.dense.arrayGroups
    groups += own
    arrays += own * layer.summary.slices * layer.summary.polarities
  }
  return { macros: machine.macros === 'all' ? groups : machine.macros, groups, arrays }
}

function activityOf(outcome: LayerOutcome) {
  return { cycles: outcome.timing.cycles, macroCycles: spans(outcome.timing.macros) }
}

function layerResult(plan: LayerPlan, outcome: LayerOutcome, run: PricedRun, facts: PriceFacts): LayerResult {
  const { machine } = run.options
  const prices = bindPrices(priceContext(machine, facts, 'machine'))
  const baseline = (variant: Variant, dense: DenseOutcome): BaselineResult => {
    const bound = bindPrices(priceContext(machine, facts, variant))
    const rows = price(bound, dense.actions, dense, chipCounts(machine, run.plan, variant))
    return { cycles: dense.cycles, energyPj: totalPj(rows), ...plan.dense }
  }
  const itemEnergyPj = (variant: Variant): ((counted: DenseOutcome) => number) => {
    const bound = bindPrices(priceContext(machine, facts, variant))
    const chip = chipCounts(machine, run.plan, variant)
    return (counted) => totalPj(price(bound, counted.actions, counted, chip))
  }
  const [ownPj, barePj] = [itemEnergyPj('machine'), itemEnergyPj('dense-bare')]
  const macsPerVector = plan.macs / plan.vectors
  return {
    index: plan.layer.index,
    name: plan.layer.name,
    op: plan.layer.op,
    vectorsTotal: plan.vectors * run.trace.items.length,
    vectors: outcome.vectors,
    macs: macsPerVector * outcome.vectors,
    mapping: plan.summary,
    timing: outcome.timing,
    boundCycles: outcome.boundCycles,
    limitingStage: limitingStage(outcome),
    values: outcome.values,
    energy: price(prices, outcome.timing.actions, activityOf(outcome), chipCounts(machine, run.plan, 'machine')),
    dense: {
      bare: baseline('dense-bare', outcome.bare),
      sameHardware: baseline('dense-same-hardware', outcome.sameHardware),
    },
    items: outcome.items.map((entry) => ({
      item: entry.item,
      cycles: entry.run.cycles,
      energyPj: ownPj(entry.run),
      denseBareCycles: entry.bare.cycles,
      denseBareEnergyPj: barePj(entry.bare),
      planesFired: entry.planesFired,
      planesTotal: entry.planesTotal,
      ouActivations: entry.ouActivations,
      clipped: entry.clipped,
    })),
  }
}

/** Stage with the most busy cycles in the slowest macro (ties: the earlier one). */
function limitingStage(outcome: LayerOutcome): string {
  const slowest = outcome.timing.macros.reduce<LayerOutcome['timing']['macros'][number] | null>(
    (a, b) => (a === null || b.span > a.span ? b : a),
    null,
  )
  return slowest?.stages.reduce((a, b) => (b.busy > a.busy ? b : a)).name ?? 'none'
}

function partialWords(run: PricedRun): string | null {
  const parts: string[] = []
  if (run.outcomes.length < run.plan.layers.length)
    parts.push(`${run.outcomes.length} of ${run.plan.layers.length} layers`)
  const { vectors } = run.options
  const items = run.trace.items.length
  if (run.trace.limited) parts.push(`first ${items} item${items === 1 ? '' : 's'}`)
  if (vectors !== null)
    parts.push(
      vectors.kind === 'first'
        ? `first ${vectors.n} vectors of every layer and item`
        : `every ${vectors.k}th vector of every layer and item`,
    )
  return parts.length === 0 ? null : parts.join('; ')
}

/** Top-1 of the recorded network, where every item has its labels. */
function accuracyOf({ trace }: PricedRun): RunResult['accuracy'] {
  if (trace.items.some(({ labels }) => labels === null)) return null
  const correct = trace.items.filter(({ prediction, labels }) => labels!.includes(prediction))
  return { items: trace.items.length, correct: correct.length }
}
