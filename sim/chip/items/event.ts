// One item through the reference engine. Its lossless results, summed bit line by bit line, are held against the plain integer product.
import { cycleBound } from '../../../models/analytic/bound.js'
import { CheckFailure } from '../../../models/base/errors.js'
import { firstOutput } from '../../../models/mapping/mapping.js'
import { integerProduct, zeroPointOf } from '../../../models/nn/lower.js'
import { correct, errorTotals } from '../../../models/values/finish.js'
import { createOuValues, type OuValues } from '../../../models/values/ou-values.js'
import { denseTally, runDense } from '../../engines/dense.js'
import { eventSteps } from '../../engines/event.js'
import type { MacroSpec } from '../../stages/context.js'
import { countActions, driveCounts, type TallyContext } from '../../stages/tally.js'
import type { LayerJob } from '../job.js'
import { type ItemVectors, itemVectors, type PlacedLayer } from '../prepare.js'
import { type DenseOutcome, longestSpan, spans } from '../totals.js'
import type { Engine, ItemOutcome, ItemRequest, ItemValues } from './engine.js'

export const event: Engine = {
  name: 'event',
  doc: 'discrete events: the reference, every firing of every stage',
  firings: true,
  open: (job) => (request) => runItem(job, request),
}

function* runItem(job: LayerJob, request: ItemRequest): Generator<void, ItemOutcome> {
  const { placed, choice } = job
  const { tensor } = request
  const input = itemVectors(placed, tensor, 0, job.rowOrder, choice.vectors)
  const sink = choice.values ? ouValues(job, request, input) : null
  const adcCodes = choice.adcCodes && sink !== null ? sink.histogram : new Float64Array(0)
  const ctx = contextOf(job, placed, placed.spec, input, adcCodes)
  const { kernel } = choice
  const { onFiring, onPass } = request
  const timing = yield* eventSteps(ctx, placed.macros, { kernel, together: false, values: sink, onFiring, onPass })
  const values = sink === null ? null : valuesOf(job, request, input, sink)
  const denseInput = itemVectors(job.dense, tensor, 0, job.rowOrder, choice.vectors)
  return {
    vectors: input.chosen.length,
    timing,
    boundCycles: boundOf(placed, input),
    bare: dense(job, job.denseSpecs.bare, denseInput),
    sameHardware: dense(job, job.denseSpecs.sameHardware, denseInput),
    values,
    detail: onFiring === null ? null : { input, outputs: sink?.acc ?? null },
  }
}

function contextOf(
  job: LayerJob,
  placed: PlacedLayer,
  spec: MacroSpec,
  input: ItemVectors,
  adcCodes: Float64Array,
): TallyContext {
  const { map, benes } = placed
  return { work: input.work, spec, map, benes, codeBits: job.adc.bits, vectors: input.chosen.length, adcCodes }
}

function boundOf(placed: PlacedLayer, input: ItemVectors): number {
  const { passes, codes, sliceMasks } = input.work
  const { polarities } = placed.coding
  return cycleBound(
    { mapping: placed.mapping, polarities, passes, codes, sliceMasks, rates: placed.spec },
    placed.macros,
  )
}

function dense(job: LayerJob, spec: MacroSpec, input: ItemVectors): DenseOutcome {
  const ctx = contextOf(job, job.dense, spec, input, new Float64Array(0))
  const macros = runDense(ctx, job.dense.macros)
  const tally = denseTally(ctx)
  return {
    cycles: longestSpan(macros),
    macroCycles: spans(macros),
    actions: countActions(tally, ctx, driveCounts(tally, ctx.work)),
  }
}

function ouValues(job: LayerJob, { tensor }: ItemRequest, input: ItemVectors): OuValues {
  return createOuValues({
    mapping: job.placed.mapping,
    coding: job.placed.coding,
    adc: job.adc,
    form: tensor.form,
    codes: input.work.codes,
    bitsPerStep: job.bitsPerStep,
    vectors: input.chosen.length,
  })
}

/** Finishes the results in place. @throws CheckFailure when the lossless ones are not the integer product */
function valuesOf(job: LayerJob, { tensor }: ItemRequest, input: ItemVectors, sink: OuValues): ItemValues {
  const { placed } = job
  const exact = exactProduct(placed, input)
  const base = {
    mapping: placed.mapping,
    coding: placed.coding,
    form: tensor.form,
    zeroPoint: zeroPointOf(tensor, 0),
    codes: input.work.codes,
    vectors: input.chosen.length,
  }
  correct(sink.lossless, base)
  correct(sink.acc, base)
  const wrong = sink.lossless.findIndex((value, i) => value !== exact[i])
  if (wrong >= 0) {
    throw new CheckFailure(
      `${placed.layer.name}: result ${wrong} is ${sink.lossless[wrong]} with a lossless ADC, the integer product is ${exact[wrong]}`,
    )
  }
  return {
    errors: errorTotals(sink.acc, exact),
    conversions: sink.histogram.reduce((a, b) => a + b, 0),
    clipped: sink.clipped(),
  }
}

/** Integer product, vectors × outputs over all matrices. */
export function exactProduct(placed: PlacedLayer, input: ItemVectors): Float64Array {
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
