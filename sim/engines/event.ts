// The reference engine: every firing of every stage is a discrete event. One macro after another on a fresh kernel (macros share
// nothing yet), or all macros of a layer on one kernel, with the same result.
import { finished } from '../../models/base/steps.js'
import type { ArrayGroup } from '../../models/mapping/mapping.js'
import type { MacroResult, TimingResult } from '../../traces/results/result.js'
import { createKernel, type Kernel, type KernelName } from '../kernel/kernel.js'
import { createPipeline, type Pipeline } from '../pipeline/pipeline.js'
import type { MacroContext, Tally, ValueSink } from '../stages/context.js'
import { buildStages } from '../stages/index.js'
import { planeOf, sliceOf } from '../stages/item.js'
import { countActions, driveCounts, type TallyContext } from '../stages/tally.js'
import { createSource, createTally, type PassHook } from '../stages/visits.js'

/** One firing, for dumps. Fields are −1 where the item has none (docs/timing.md, section 7). */
export interface Firing {
  readonly macro: number
  readonly stage: string
  readonly start: number
  readonly interval: number
  readonly pass: number
  readonly window: number
  readonly ou: number
  readonly plane: number
  readonly slice: number
}

export interface EventOptions {
  readonly kernel: KernelName
  /** all macros of the layer on one kernel */
  readonly together: boolean
  readonly values: ValueSink | null
  readonly onFiring: ((firing: Firing) => void) | null
  /** called now and then with the number of passes begun, over all groups */
  readonly onPass: ((passes: number) => void) | null
}

export const plainEvent: EventOptions = { kernel: 'wheel', together: false, values: null, onFiring: null, onPass: null }

/** @param macros number of pipelines; group g runs on macro g mod macros */
export function runEvent(ctx: TallyContext, macros: number, options: EventOptions): TimingResult {
  return finished(eventSteps(ctx, macros, options))
}

/** Cycles that run before a pause in which signals and progress can come through. */
const sliceCycles = 200_000

/** `runEvent` in slices: pauses now and then, so that the caller can look at the world. The result is the same. */
export function* eventSteps(ctx: TallyContext, macros: number, options: EventOptions): Generator<void, TimingResult> {
  const tally = createTally(ctx.work)
  const progress = passCounter(options)
  const used = Math.min(macros, ctx.work.mapping.groups.length)
  const shared = options.together ? createKernel(options.kernel) : null
  const runs = Array.from({ length: used }, (_, macro) => {
    const groups = groupsOf(ctx, macro, macros)
    return () => {
      const kernel = shared ?? createKernel(options.kernel)
      const run = buildMacro(ctx, kernel, macro, groups, tally, options, progress)
      run.pipeline.start()
      return { kernel, result: () => finish(macro, groups, run.pipeline, run.describe) }
    }
  })
  const results: MacroResult[] = []
  if (shared === null) {
    for (const start of runs) {
      const { kernel, result } = start()
      yield* runInSlices(kernel)
      results.push(result())
    }
  } else {
    const started = runs.map((start) => start())
    yield* runInSlices(shared)
    for (const { result } of started) results.push(result())
  }
  return {
    cycles: results.reduce((most, result) => Math.max(most, result.span), 0),
    macros: results,
    actions: countActions(tally, ctx, driveCounts(tally, ctx.work)),
    planesFired: tally.planesFired,
    planesTotal: tally.planesTotal,
    ouActivations: tally.activations,
  }
}

function* runInSlices(kernel: Kernel): Generator<void, void> {
  for (let until = sliceCycles; kernel.pending > 0; until += sliceCycles) {
    kernel.run(until)
    if (kernel.pending > 0) yield
  }
}

/** Array groups that a macro runs: g with g mod macros = macro. Taken by steps: a fully connected layer has thousands of both. */
export function groupsOf(ctx: Pick<TallyContext, 'work'>, macro: number, macros: number): number[] {
  const groups: number[] = []
  for (let g = macro; g < ctx.work.mapping.groups.length; g += macros) groups.push(g)
  return groups
}

export function buildMacro(
  ctx: TallyContext,
  kernel: Kernel,
  macro: number,
  groups: readonly number[],
  tally: Tally,
  options: EventOptions,
  hook: PassHook | null,
): { readonly pipeline: Pipeline; readonly macroContext: MacroContext; readonly describe: (item: number) => string } {
  const ranges: ArrayGroup[] = groups.map((g) => ctx.work.mapping.groups[g]!)
  const source = createSource(ctx.work, ctx.spec, ranges, hook)
  const macroContext: MacroContext = {
    spec: ctx.spec,
    work: ctx.work,
    layout: source.layout,
    visits: source.visits,
    tally,
    values: options.values,
  }
  const stages = buildStages(macroContext)
  const names = stages.map((stage) => stage.name)
  const observer = options.onFiring === null ? null : firingReporter(macroContext, macro, names, options.onFiring)
  const pipeline = createPipeline(kernel, stages, source, observer)
  return { pipeline, macroContext, describe: (item) => describeItem(macroContext, macro, item) }
}

export function finish(
  macro: number,
  groups: readonly number[],
  pipeline: Pipeline,
  describe: (item: number) => string,
): MacroResult {
  pipeline.assertDrained(describe)
  const span = pipeline.span()
  const stages = pipeline.counters().map((stage) => ({ ...stage, starved: span - stage.busy - stage.blocked }))
  return { macro, groups, span, stages }
}

function passCounter(options: EventOptions): PassHook | null {
  const report = options.onPass
  if (report === null) return null
  let passes = 0
  return () => {
    report(++passes)
    return 0
  }
}

function describeItem(ctx: MacroContext, macro: number, item: number): string {
  const visit = item >>> ctx.layout.visitShift
  const ou = (item >> 10) & ctx.layout.ouMask
  return `macro ${macro}, pass ${ctx.visits.passes[visit]}, window ${ctx.visits.windows[visit]}, OU ${ou} of it, plane ${planeOf(item)}, slice ${sliceOf(item)}`
}

/** Translates the packed items of a firing into the columns of firings.csv. */
function firingReporter(ctx: MacroContext, macro: number, names: readonly string[], report: (firing: Firing) => void) {
  const merging = ctx.spec.order === 'window-bit'
  const { windowStart } = ctx.work.mapping
  return (stage: number, start: number, interval: number, item: number, k: number, output: number): void => {
    const visit = item >>> ctx.layout.visitShift
    const window = ctx.visits.windows[visit]!
    const name = names[stage]!
    const shown = name === 'skip' || name === 'cim' ? (output === -1 ? item : output) : item
    const absorbed = output === -1 && (name === 'skip' || name === 'cim')
    const behindSkip = name === 'cim' || name === 'adc' || name === 'benes' || name === 'shiftAdd'
    const windowItem = name === 'cache' || (merging && (name === 'skip' || name === 'benes' || name === 'shiftAdd'))
    const ouInWindow = name === 'load' ? k : (shown >> 10) & ctx.layout.ouMask
    report({
      macro,
      stage: name,
      start,
      interval,
      pass: ctx.visits.passes[visit]!,
      window,
      ou: windowItem ? -1 : windowStart[window]! + ouInWindow,
      plane: (behindSkip || name === 'skip') && !absorbed ? planeOf(shown) : -1,
      slice: behindSkip && !ctx.spec.parallelSlices && !absorbed ? sliceOf(shown) : -1,
    })
  }
}
