// Counts → energy and area, and everything together → RunResult. The simulation itself knows no joule.
import { SpecError } from '../../models/base/errors.js'
import { area } from '../../models/cost/area.js'
import { bindPrices } from '../../models/cost/bind.js'
import { programmingEnergyPj } from '../../models/cost/cell.js'
import { type PriceFacts, priceContext, type Variant } from '../../models/cost/context.js'
import { alternatives, type ChipCounts, price, totalPj } from '../../models/cost/price.js'
import type { Network } from '../../models/nn/types.js'
import type { RecordedTrace } from '../../traces/record/trace.js'
import type { BaselineResult, LayerResult, RunResult } from '../../traces/results/result.js'
import type { RunOptions } from '../options.js'
import { type DenseOutcome, type LayerOutcome, spans } from './layer.js'
import type { LayerPlan, NetworkPlan } from './plan.js'
import { machineAdc } from './prepare.js'
import type { Machine } from './spec.js'

export interface PricedRun {
  readonly options: RunOptions
  readonly network: Network
  readonly trace: RecordedTrace
  readonly traceSha256: string
  readonly labels: readonly (readonly number[])[] | null
  readonly items: number
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
    trace: { sha256: run.traceSha256, items: run.items },
    machine: machine.name,
    engine: 'event',
    partial: partialWords(run),
    layers,
    notOnArrays: run.trace.products.map(({ name, op, macs }) => ({ name, op, macs: macs * run.items })),
    accuracy: accuracyOf(run),
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

function factsOf(machine: Machine, plan: NetworkPlan): PriceFacts {
  return {
    adcBits: machineAdc(machine).bits,
    matrixRows: Math.max(...plan.layers.map((layer) => layer.rows)),
    slices: Math.max(...plan.layers.map((layer) => layer.summary.slices)),
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
  const macsPerVector = plan.macs / plan.vectors
  return {
    index: plan.layer.index,
    name: plan.layer.name,
    op: plan.layer.op,
    vectorsTotal: plan.vectors * run.items,
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
  const { vectors, limit } = run.options
  if (limit !== null && (run.items < run.trace.items || run.trace.items === limit))
    parts.push(`first ${run.items} item${run.items === 1 ? '' : 's'}`)
  if (vectors !== null)
    parts.push(
      vectors.kind === 'first'
        ? `first ${vectors.n} vectors of every layer and item`
        : `every ${vectors.k}th vector of every layer and item`,
    )
  return parts.length === 0 ? null : parts.join('; ')
}

function accuracyOf(run: PricedRun): RunResult['accuracy'] {
  const { labels, items } = run
  if (labels === null) return null
  if (labels.length < items) throw new SpecError(`${labels.length} labels for ${items} items; give one label an item`)
  let correct = 0
  for (let i = 0; i < items; i++) if (labels[i]!.includes(run.trace.predictions[i]!)) correct++
  return { items, correct }
}
