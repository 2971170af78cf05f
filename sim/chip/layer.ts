// One layer, item by item: event engine, values, checks, baselines, bound. Energy is put on afterwards (run.ts).

import { cycleBound } from '../../models/analytic/bound.js'
import { CheckFailure, Interrupted } from '../../models/base/errors.js'
import type { ActionCounts } from '../../models/cost/actions.js'
import { firstOutput } from '../../models/mapping/mapping.js'
import { integerProduct, zeroPointOf } from '../../models/nn/lower.js'
import type { CodedTensor } from '../../models/nn/types.js'
import { correct, errorStatistics } from '../../models/values/finish.js'
import { createOuValues, type OuValues } from '../../models/values/ou-values.js'
import type { MacroResult, TimingResult, ValueResult } from '../../traces/results/result.js'
import { denseTally, runDense } from '../engines/dense.js'
import { type EventOptions, eventSteps, type Firing } from '../engines/event.js'
import type { VectorChoice } from '../options.js'
import { countActions, driveCounts, type TallyContext } from '../stages/tally.js'
import { type ItemVectors, itemVectors, machineAdc, type PlacedLayer } from './prepare.js'
import { addReference, createReferenceTotals, finishReference, type ReferenceTensor } from './reference.js'
import type { Machine } from './spec.js'

export interface LayerRequest {
  readonly machine: Machine
  readonly placed: PlacedLayer
  readonly bare: PlacedLayer
  readonly sameHardware: PlacedLayer
  readonly tensor: CodedTensor
  readonly items: number
  readonly vectors: VectorChoice | null
  readonly values: boolean
  readonly kernel: EventOptions['kernel']
  readonly signal: AbortSignal
  readonly onPass: (passes: number) => void
  /** firings of item 0, and its finished results, for dumps */
  readonly onFiring: ((firing: Firing) => void) | null
  /** onnxruntime's result of the layer for an item, or null */
  readonly reference: (item: number) => Promise<ReferenceTensor | null>
}

export interface DenseOutcome {
  readonly cycles: number
  readonly macroCycles: number
  readonly actions: ActionCounts
}

export interface LayerOutcome {
  readonly vectors: number
  readonly timing: TimingResult
  readonly boundCycles: number
  readonly values: ValueResult | null
  readonly bare: DenseOutcome
  readonly sameHardware: DenseOutcome
  /** vectors and results of item 0, for dumps */
  readonly firstItem: { readonly vectors: ItemVectors; readonly outputs: Float64Array | null } | null
}

export async function simulateLayer(request: LayerRequest): Promise<LayerOutcome> {
  const timings: TimingResult[] = []
  const bare: DenseOutcome[] = []
  const same: DenseOutcome[] = []
  const values = createValueTotals(request)
  let boundCycles = 0
  let vectors = 0
  let firstItem: LayerOutcome['firstItem'] = null
  let passes = 0
  for (let item = 0; item < request.items; item++) {
    const input = itemVectors(request.placed, request.tensor, item, request.machine, request.vectors)
    const sink = request.values ? ouValues(request, input) : null
    const before = passes
    const onPass = (done: number) => {
      passes = before + done
      request.onPass(passes)
    }
    const ctx = contextOf(request.placed, input, request.machine, sink)
    const options = {
      kernel: request.kernel,
      together: false,
      values: sink,
      onFiring: item === 0 ? request.onFiring : null,
      onPass,
    }
    timings.push(await runPatiently(ctx, request.placed.macros, options, request.signal))
    boundCycles += boundOf(request.placed, input)
    vectors += input.chosen.length
    const outputs = sink === null ? null : await values.add(input, sink, item)
    if (item === 0) firstItem = { vectors: input, outputs }
    bare.push(dense(request, request.bare, item))
    same.push(dense(request, request.sameHardware, item))
    await breathe(request.signal)
  }
  return {
    vectors,
    timing: addTimings(timings),
    boundCycles,
    values: request.values ? values.finish() : null,
    bare: addDense(bare),
    sameHardware: addDense(same),
    firstItem,
  }
}

/** The event engine with pauses in which signals and progress come through. */
async function runPatiently(
  ctx: TallyContext,
  macros: number,
  options: EventOptions,
  signal: AbortSignal,
): Promise<TimingResult> {
  const steps = eventSteps(ctx, macros, options)
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done === true) return step.value
    await breathe(signal)
  }
}

async function breathe(signal: AbortSignal): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
  if (signal.aborted) throw new Interrupted('interrupted')
}

function contextOf(placed: PlacedLayer, input: ItemVectors, machine: Machine, sink: OuValues | null): TallyContext {
  const { spec, map, benes } = placed
  const codeBits = machineAdc(machine).bits
  const adcCodes = sink?.histogram ?? new Float64Array(0)
  return { work: input.work, spec, map, benes, codeBits, vectors: input.chosen.length, adcCodes }
}

function boundOf(placed: PlacedLayer, input: ItemVectors): number {
  const { passes, codes, sliceMasks } = input.work
  const polarities = placed.coding.polarities
  return cycleBound(
    { mapping: placed.mapping, polarities, passes, codes, sliceMasks, rates: placed.spec },
    placed.macros,
  )
}

function ouValues(request: LayerRequest, input: ItemVectors): OuValues {
  return createOuValues({
    mapping: request.placed.mapping,
    coding: request.placed.coding,
    adc: machineAdc(request.machine),
    form: request.tensor.form,
    codes: input.work.codes,
    bitsPerStep: request.machine.input.bitsPerStep,
    vectors: input.chosen.length,
  })
}

function dense(request: LayerRequest, placed: PlacedLayer, item: number): DenseOutcome {
  const input = itemVectors(placed, request.tensor, item, request.machine, request.vectors)
  const ctx = contextOf(placed, input, request.machine, null)
  const macros = runDense(ctx, placed.macros)
  const tally = denseTally(ctx)
  return {
    cycles: longest(macros),
    macroCycles: spans(macros),
    actions: countActions(tally, ctx, driveCounts(tally, ctx.work)),
  }
}

export function spans(macros: readonly MacroResult[]): number {
  return macros.reduce((sum, macro) => sum + macro.span, 0)
}

function longest(macros: readonly MacroResult[]): number {
  return macros.reduce((most, macro) => Math.max(most, macro.span), 0)
}

/** Items run one after another: everything adds up. */
function addTimings(timings: readonly TimingResult[]): TimingResult {
  return timings.reduce((a, b) => ({
    cycles: a.cycles + b.cycles,
    macros: a.macros.map((macro, i) => addMacros(macro, b.macros[i]!)),
    actions: addActions(a.actions, b.actions),
    planesFired: a.planesFired + b.planesFired,
    planesTotal: a.planesTotal + b.planesTotal,
    ouActivations: a.ouActivations + b.ouActivations,
  }))
}

function addMacros(a: MacroResult, b: MacroResult): MacroResult {
  const stages = a.stages.map((stage, i) => {
    const other = b.stages[i]!
    return {
      name: stage.name,
      firings: stage.firings + other.firings,
      busy: stage.busy + other.busy,
      blocked: stage.blocked + other.blocked,
      starved: stage.starved + other.starved,
    }
  })
  return { macro: a.macro, groups: a.groups, span: a.span + b.span, stages }
}

function addDense(list: readonly DenseOutcome[]): DenseOutcome {
  return list.reduce((a, b) => ({
    cycles: a.cycles + b.cycles,
    macroCycles: a.macroCycles + b.macroCycles,
    actions: addActions(a.actions, b.actions),
  }))
}

function addActions(a: ActionCounts, b: ActionCounts): ActionCounts {
  const add = (x: Float64Array, y: Float64Array) => x.map((value, i) => value + y[i]!)
  return {
    counts: add(a.counts, b.counts),
    cellReads: add(a.cellReads, b.cellReads),
    adcCodes: add(a.adcCodes, b.adcCodes),
  }
}

/** Checks every item's results against the integer product and adds up what the ADC did to them. */
function createValueTotals(request: LayerRequest) {
  const { placed, tensor } = request
  const errors: { actual: Float64Array; exact: Float64Array }[] = []
  const reference = createReferenceTotals(placed)
  let conversions = 0
  let clipped = 0

  async function add(input: ItemVectors, sink: OuValues, item: number): Promise<Float64Array> {
    const vectors = input.chosen.length
    const exact = exactProduct(placed, input)
    const base = {
      mapping: placed.mapping,
      coding: placed.coding,
      form: tensor.form,
      zeroPoint: zeroPointOf(tensor, item),
      codes: input.work.codes,
      vectors,
    }
    correct(sink.lossless, base)
    correct(sink.acc, base)
    const wrong = sink.lossless.findIndex((value, i) => value !== exact[i])
    if (wrong >= 0) {
      throw new CheckFailure(
        `${placed.layer.name}: result ${wrong} of item ${item} is ${sink.lossless[wrong]} with a lossless ADC, the integer product is ${exact[wrong]}`,
      )
    }
    conversions += sink.histogram.reduce((a, b) => a + b, 0)
    clipped += sink.clipped()
    errors.push({ actual: sink.acc, exact })
    const theirs = await request.reference(item)
    if (theirs !== null) addReference(reference, placed, tensor, input.chosen, exact, theirs)
    return sink.acc
  }

  function finish(): ValueResult {
    const statistics = errorStatistics(join(errors.map((e) => e.actual)), join(errors.map((e) => e.exact)))
    return {
      outputs: null,
      losslessMismatches: 0,
      clips: { conversions, clipped, ...statistics },
      reference: finishReference(reference),
    }
  }
  return { add, finish }
}

function join(parts: readonly Float64Array[]): Float64Array {
  const all = new Float64Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

/** Integer product, vectors × outputs over all matrices. */
function exactProduct(placed: PlacedLayer, input: ItemVectors): Float64Array {
  const { matrices } = placed.mapping
  const outputs = firstOutput(matrices, matrices.length)
  const exact = new Float64Array(input.chosen.length * outputs)
  let base = 0
  for (const [m, matrix] of matrices.entries()) {
    const part = integerProduct(matrix, input.vectors[m]!)
    for (let v = 0; v < input.chosen.length; v++)
      exact.set(part.subarray(v * matrix.cols, (v + 1) * matrix.cols), v * outputs + base)
    base += matrix.cols
  }
  return exact
}
