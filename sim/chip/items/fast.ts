// One item through the fast engine. What no activation changes (plan, tables, dense timing, certificates) is worked out once a layer.
import { SimFault } from '../../../models/base/errors.js'
import { gathersOf } from '../../../models/nn/gather.js'
import { zeroPointOf } from '../../../models/nn/lower.js'
import { sumMatrix } from '../../../models/values/sums.js'
import type { TimingResult } from '../../../traces/results/result.js'
import { denseTotals } from '../../engines/dense.js'
import { runFastDense } from '../../engines/fast/dense.js'
import { type DriveWeights, driveWeights, linearDrive } from '../../engines/fast/drive.js'
import { fastSteps } from '../../engines/fast/fast.js'
import { chooseKernels } from '../../engines/fast/kernels/index.js'
import { createFastLayer } from '../../engines/fast/macro.js'
import { type FastPlan, planAnew, planDense, planFast } from '../../engines/fast/plan.js'
import { timingOf } from '../../engines/fast/result.js'
import { chooseGather, tensorStreams } from '../../engines/fast/streams.js'
import { openFastValues } from '../../engines/fast/values.js'
import { createWorkspace } from '../../engines/fast/workspace.js'
import type { LayerWork, MacroSpec } from '../../stages/context.js'
import { countActions, type TallyContext, withDrive } from '../../stages/tally.js'
import { openChecksums } from '../checksums.js'
import type { LayerJob } from '../job.js'
import { chooseVectors, type PlacedLayer } from '../prepare.js'
import { type DenseOutcome, longestSpan, spans } from '../totals.js'
import { conversionsOf, type Engine, type ItemOutcome, type ItemRequest } from './engine.js'

export const fast: Engine = {
  name: 'fast',
  doc: 'exact without events: tabulated pipeline, integer product plus what the ADC changes',
  firings: false,
  open(job, items) {
    const layer = openLayer(job, items)
    return (request) => runItem(job, layer, request)
  },
}

type Layer = ReturnType<typeof openLayer>

function openLayer(job: LayerJob, items: number) {
  const { placed, dense, choice } = job
  const chosen = chooseVectors(placed.resolved.vectors, choice.vectors)
  const gathers = gathersOf(placed.layer, placed.resolved, placed.inputShape, placed.packed, job.rowOrder).map(
    (gather) => chooseGather(gather, chosen),
  )
  const plan = planFast(workOf(placed, 0), placed.spec)
  let opened: ReturnType<typeof openSpace> | null = null
  let denseReferences: ReturnType<typeof openDense> | null = null
  return {
    vectors: chosen.length,
    gathers,
    plan,
    engine: createFastLayer(plan),
    /** Memory, and what values need: both are sized for a number of passes, which is the same for every item. */
    open(passes: number) {
      opened ??= openSpace(job, plan, passes, items)
      if (opened.space.passes !== passes)
        throw new SimFault(`${placed.layer.name}: an item of ${passes} passes behind one of ${opened.space.passes}`)
      return opened
    },
    drive: driveOf(placed),
    denseDrive: driveOf(dense),
    /** The dense references but for their word lines: the same for every item. */
    denseReferences(passes: number) {
      denseReferences ??= openDense(job, passes, chosen.length)
      return denseReferences
    },
  }
}

function openDense(job: LayerJob, passes: number, vectors: number) {
  const { dense } = job
  const work = workOf(dense, passes)
  const bare = planDense(work, job.denseSpecs.bare)
  const undriven = { pulses: 0, cellReads: new Float64Array(0) }
  const reference = (plan: FastPlan): DenseOutcome => {
    const macros = runFastDense(createFastLayer(plan), { work }, dense.macros)
    const ctx = contextOf(job, dense, plan.spec, work, vectors)
    return {
      cycles: longestSpan(macros),
      macroCycles: spans(macros),
      actions: countActions(denseTotals(ctx), ctx, undriven),
    }
  }
  return { bare: reference(bare), sameHardware: reference(planAnew(bare, job.denseSpecs.sameHardware)) }
}

function openSpace(job: LayerJob, plan: FastPlan, passes: number, items: number) {
  const { coding, masks } = job.placed
  const { values, adcCodes, memoryBytes } = job.choice
  const inputBytes = job.placed.inputShape.reduce((a, b) => a * b, 1)
  const kernels = chooseKernels(job.choice.kernels)
  const space = createWorkspace(plan, passes, kernels, { memoryBytes: memoryBytes / 4, values, items, inputBytes })
  if (!values) return { space, openValues: null, openSums: null }
  const sums = plan.mapping.matrices.map(sumMatrix)
  const layer = { plan, sums, coding, adc: job.adc, sliceMasks: masks, adcCodes, keepsResults: false }
  return { space, openValues: openFastValues(layer, space), openSums: openChecksums(job.placed, sums, space.arena) }
}

/** The layer as counters see it; the fast engine has no vectors in memory. */
function workOf({ mapping, coding, masks }: PlacedLayer, passes: number): LayerWork {
  return { mapping, coding, passes, codes: [], sliceMasks: masks }
}

function driveOf({ mapping, coding, masks }: PlacedLayer): DriveWeights {
  return driveWeights(mapping, coding, masks)
}

function* runItem(job: LayerJob, layer: Layer, request: ItemRequest): Generator<void, ItemOutcome> {
  const { placed } = job
  const { tensor } = request
  const passes = layer.vectors * (tensor.form === 'split' ? 2 : 1)
  const work = workOf(placed, passes)
  const { space, openValues, openSums } = layer.open(passes)
  const zeroPoint = zeroPointOf(tensor, 0)
  const values = openValues?.(tensor.form, zeroPoint) ?? null
  const checksums = openSums?.(tensor.form, zeroPoint, passes) ?? null
  const streams = tensorStreams(layer.gathers, tensor, 0, space)
  const result = yield* fastSteps(layer.engine, space, { work }, placed.macros, streams, {
    onBlock: (m, block, first) => {
      checksums?.add(m, block, first)
      values?.block(m, block, first)
    },
    onPass: request.onPass,
  })
  const finished = values?.finish() ?? null
  if (finished !== null) checksums?.compare(finished.vectorSums)
  const ctx = contextOf(job, placed, placed.spec, work, layer.vectors, finished?.histogram)
  const timing = timingOf(result, ctx, layer.drive)
  const denseDrive = linearDrive(layer.denseDrive, separate(result.digitSums, job.dense))
  const { bare, sameHardware } = layer.denseReferences(passes)
  const driven = (outcome: DenseOutcome): DenseOutcome => ({
    ...outcome,
    actions: withDrive(outcome.actions, denseDrive, job.dense.coding),
  })
  return {
    vectors: layer.vectors,
    timing,
    boundCycles: busiest(timing),
    bare: driven(bare),
    sameHardware: driven(sameHardware),
    values:
      finished === null
        ? null
        : {
            errors: finished.errors,
            conversions: conversionsOf(timing.actions),
            clipped: finished.clipped,
          },
    detail: null,
  }
}

function contextOf(
  job: LayerJob,
  { map, benes }: PlacedLayer,
  spec: MacroSpec,
  work: LayerWork,
  vectors: number,
  adcCodes: Float64Array = new Float64Array(0),
): TallyContext {
  return { work, spec, map, benes, codeBits: job.adc.bits, vectors, adcCodes }
}

/** Digit sums group by group, as the dense references hold them: rows of packed groups stand one after another in one matrix. */
function separate(sums: readonly Float64Array[], { mapping }: PlacedLayer): readonly Float64Array[] {
  const [first] = sums
  if (sums.length === mapping.matrices.length || first === undefined) return sums
  let from = 0
  return mapping.matrices.map(({ rows }) => {
    from += rows
    return first.subarray(from - rows, from)
  })
}

/** max over macros and stages of busy cycles: what models/analytic/bound.ts counts from the activations (a law of the tests). */
function busiest(timing: TimingResult): number {
  let most = 0
  for (const { stages } of timing.macros) for (const { busy } of stages) most = Math.max(most, busy)
  return most
}
