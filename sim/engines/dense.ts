// Timing of the dense baselines. It does not depend on data, so the schedule repeats from pass to pass: simulate a group until the
// state of the pipeline at the start of a pass equals that at an earlier one, leave out whole periods, and add what they would have
// added. Held equal to the full simulation by a property test.
import type { MacroResult } from '../../traces/results/result.js'
import { createKernel } from '../kernel/kernel.js'
import type { Pipeline, Station } from '../pipeline/pipeline.js'
import { type MacroContext, popcount, type Tally } from '../stages/context.js'
import type { TallyContext } from '../stages/tally.js'
import { createTally, type PassHook } from '../stages/visits.js'
import { buildMacro, finish, groupsOf, plainEvent } from './event.js'

/** What a pipeline had counted at the start of a pass. */
interface Snapshot {
  readonly pass: number
  readonly now: number
  readonly stages: readonly { readonly firings: number; readonly busy: number; readonly blocked: number }[]
}

/** Passes after which the search for a repetition is given up: it always ends early in practice, and giving up only costs time. */
const longestSearch = 4096

export function runDense(ctx: TallyContext, macros: number): readonly MacroResult[] {
  const results: MacroResult[] = []
  for (let macro = 0; macro < Math.min(macros, ctx.work.mapping.groups.length); macro++) {
    results.push(runMacro(ctx, macro, groupsOf(ctx, macro, macros)))
  }
  return results
}

function runMacro(ctx: TallyContext, macro: number, groups: readonly number[]): MacroResult {
  const kernel = createKernel('wheel')
  const skipper = createSkipper(ctx.work.passes)
  const run = buildMacro(ctx, kernel, macro, groups, createTally(ctx.work), plainEvent, skipper.hook)
  skipper.watch(run.pipeline, run.macroContext)
  run.pipeline.start()
  kernel.run()
  const result = finish(macro, groups, run.pipeline, run.describe)
  const { left } = skipper
  const span = result.span + left.cycles
  const stages = result.stages.map((stage, i) => {
    const busy = stage.busy + left.busy[i]!
    const blocked = stage.blocked + left.blocked[i]!
    return {
      name: stage.name,
      firings: stage.firings + left.firings[i]!,
      busy,
      blocked,
      starved: span - busy - blocked,
    }
  })
  return { ...result, span, stages }
}

/** Watches the starts of passes and leaves out whole periods once a state comes back. */
function createSkipper(passes: number) {
  const left = { cycles: 0, firings: [] as number[], busy: [] as number[], blocked: [] as number[] }
  let watched: { pipeline: Pipeline; ctx: MacroContext } | null = null
  let seen = new Map<string, Snapshot>()
  let group = -1
  let done = false

  function watch(pipeline: Pipeline, ctx: MacroContext): void {
    watched = { pipeline, ctx }
    for (const list of [left.firings, left.busy, left.blocked]) list.push(...pipeline.stations.map(() => 0))
  }

  const hook: PassHook = (nextGroup, pass, passesLeft, now) => {
    if (nextGroup !== group) {
      group = nextGroup
      seen = new Map()
      done = passes < 3
    }
    if (done || watched === null || seen.size > longestSearch) return 0
    const key = signature(watched.pipeline.stations, watched.ctx, pass, now)
    const earlier = seen.get(key)
    const current = snapshot(watched.pipeline.stations, pass, now)
    if (earlier === undefined) {
      seen.set(key, current)
      return 0
    }
    done = true
    const periods = Math.floor((passesLeft - 1) / (pass - earlier.pass))
    add(left, earlier, current, periods)
    return periods * (pass - earlier.pass)
  }
  return { hook, watch, left }
}

function add(
  left: { cycles: number; firings: number[]; busy: number[]; blocked: number[] },
  from: Snapshot,
  to: Snapshot,
  periods: number,
): void {
  left.cycles += periods * (to.now - from.now)
  for (const [i, stage] of to.stages.entries()) {
    left.firings[i]! += periods * (stage.firings - from.stages[i]!.firings)
    left.busy[i]! += periods * (stage.busy - from.stages[i]!.busy)
    left.blocked[i]! += periods * (stage.blocked - from.stages[i]!.blocked)
  }
}

function snapshot(stations: readonly Station[], pass: number, now: number): Snapshot {
  const stages = stations.map(({ totalFirings, busy, blocked }) => ({ firings: totalFirings, busy, blocked }))
  return { pass, now, stages }
}

/** Everything that decides the future, relative to this cycle and pass. */
function signature(stations: readonly Station[], ctx: MacroContext, pass: number, now: number): string {
  const parts: number[] = []
  const place = (item: number): void => {
    const visit = item >>> ctx.layout.visitShift
    const below = item & (2 ** ctx.layout.visitShift - 1)
    parts.push(ctx.visits.passes[visit]! - pass, ctx.visits.windows[visit]!, below)
  }
  for (const [i, s] of stations.entries()) {
    parts.push(
      s.k,
      s.firings,
      Math.max(0, s.freeAt - now),
      s.credits,
      s.waiting ? 1 : 0,
      s.waiting ? s.readyAt - now : 0,
    )
    parts.push(s.scheduled ? s.readyAt - now : -1, s.queued)
    if (i === 0) continue
    if (s.k !== s.firings) place(s.item)
    for (let n = 0; n < s.queued; n++) {
      const at = (s.head + n) & s.ringMask
      place(s.items[at]!)
      parts.push(Math.max(0, s.arrivals[at]! - now))
    }
  }
  return parts.join()
}

/**
 * Counters of a dense machine in closed form: every window is visited once a pass and every plane and slice fires.
 * Pulses of a row follow from the activations alone.
 */
export function denseTally(ctx: TallyContext): Tally {
  const { mapping, passes, codes } = ctx.work
  const digitSums = codes.map((bytes, m) =>
    rowDigitSums(bytes, mapping.matrices[m]!.rows, passes, ctx.spec.bitsPerStep),
  )
  const rowPulses = new Float64Array(mapping.rowOf.length)
  for (let ou = 0; ou < mapping.ous; ou++) {
    const sums = digitSums[mapping.strips[mapping.stripOf[ou]!]!.matrix]!
    for (let i = mapping.rowStart[ou]!; i < mapping.rowStart[ou + 1]!; i++) rowPulses[i] = sums[mapping.rowOf[i]!]!
  }
  return { ...denseTotals(ctx), rowPulses }
}

/** The counters that no activation changes. */
export function denseTotals(ctx: Pick<TallyContext, 'spec' | 'work'>): Omit<Tally, 'rowPulses'> {
  const { mapping, passes, sliceMasks } = ctx.work
  const { spec } = ctx
  const windowVisits = new Float64Array(mapping.windows).fill(passes)
  const sums = { planesFired: 0, planesTotal: 0, outputs: 0, outputSlices: 0, activations: 0, benesItemSlices: 0 }
  const fired = spec.planes * passes
  for (let w = 0; w < mapping.windows; w++) {
    let union = 0
    const ous = mapping.windowStart[w + 1]! - mapping.windowStart[w]!
    for (let ou = mapping.windowStart[w]!; ou < mapping.windowStart[w + 1]!; ou++) {
      const slices = popcount(sliceMasks[ou]!)
      const outputs = mapping.colStart[ou + 1]! - mapping.colStart[ou]!
      sums.planesFired += fired
      sums.planesTotal += fired
      sums.activations += fired * slices
      sums.outputs += fired * outputs * (spec.parallelSlices ? 1 : slices)
      sums.outputSlices += fired * outputs * slices
      union |= sliceMasks[ou]!
    }
    sums.benesItemSlices += fired * (spec.order === 'ou-bit' ? ous : 1) * popcount(union)
  }
  return { ...sums, windowVisits }
}

/** Σ over passes of the digits of every row's code. */
function rowDigitSums(bytes: Uint8Array, rows: number, passes: number, bitsPerStep: number): Float64Array {
  const sums = new Float64Array(rows)
  for (let pass = 0; pass < passes; pass++) {
    for (let row = 0; row < rows; row++) {
      for (let rest = bytes[pass * rows + row]!; rest !== 0; rest >>= bitsPerStep)
        sums[row]! += rest & (2 ** bitsPerStep - 1)
    }
  }
  return sums
}
