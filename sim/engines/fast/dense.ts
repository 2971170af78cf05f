// The dense baselines without events: every plane fires in every pass, so the state of a macro at the beginning of a pass comes back, and
// from then on only whole periods are added. Macros whose groups look alike are evaluated once.
import type { MacroResult, StageResult } from '../../../traces/results/result.js'
import type { TallyContext } from '../../stages/tally.js'
import { groupsOf } from '../event.js'
import { createFastMacro, type FastLayer, type FastMacro } from './macro.js'
import type { FastPlan } from './plan.js'

/** Passes after which the search for a repetition is given up: it ends early in practice, and giving up only costs time. */
const longestSearch = 4096

/** One pass in which every plane of every OU fires, whatever the flag byte. */
const anyFlags = { bytes: new Uint8Array(1), stride: 0, firstList: 0 }
const onePass = { from: 0, to: 1 }

/** Timing of a machine without zero flags. @param layer with `skipZeroPlanes` off */
export function runFastDense(
  layer: FastLayer,
  ctx: Pick<TallyContext, 'work'>,
  macros: number,
): readonly MacroResult[] {
  const { plan } = layer
  const known = new Map<string, MacroResult>()
  return Array.from({ length: Math.min(macros, plan.mapping.groups.length) }, (_, macro) => {
    const groups = groupsOf(ctx, macro, macros)
    const key = groups.map((g) => groupKey(plan, g)).join(';')
    const found = known.get(key) ?? denseMacro(layer, groups, ctx.work.passes)
    known.set(key, found)
    return { ...found, macro, groups }
  })
}

/** Everything of a group that its timing depends on. */
function groupKey(plan: FastPlan, group: number): string {
  const { firstWindow, endWindow } = plan.mapping.groups[group]!
  const { windowStart } = plan.mapping
  const parts: number[] = []
  for (let w = firstWindow; w < endWindow; w++) {
    parts.push(-plan.cache.interval[w]!)
    for (let ou = windowStart[w]!; ou < windowStart[w + 1]!; ou++)
      parts.push(plan.load.interval[ou]!, plan.shapeOf[ou]!)
  }
  return parts.join()
}

function denseMacro(layer: FastLayer, groups: readonly number[], passes: number): MacroResult {
  const macro = createFastMacro(layer)
  let extra: StageResult[] | null = null
  let extraSpan = 0
  for (const group of groups) {
    const left = runGroup(macro, group, passes)
    extra = left === null ? extra : extra === null ? left.stages : addStages(extra, left.stages, 1)
    extraSpan += left?.cycles ?? 0
  }
  const { span, stages } = macro.result(0, groups)
  const all = extra === null ? stages : addStages(stages, extra, 1)
  const total = span + extraSpan
  return { macro: 0, groups, span: total, stages: all.map((s) => ({ ...s, starved: total - s.busy - s.blocked })) }
}

/** What had been counted at the beginning of a pass. */
interface Seen {
  readonly pass: number
  readonly now: number
  readonly stages: readonly StageResult[]
}

/** Runs a group for as long as its schedule is new; returns what the periods that are left out add. */
function runGroup(macro: FastMacro, group: number, passes: number): { stages: StageResult[]; cycles: number } | null {
  const seen = new Map<string, Seen>()
  let left: { stages: StageResult[]; cycles: number } | null = null
  for (let pass = 0; pass < passes; pass++) {
    const key: string | null = left === null && seen.size < longestSearch ? macro.key() : null
    const earlier: Seen | undefined = key === null ? undefined : seen.get(key)
    if (earlier !== undefined) {
      const period = pass - earlier.pass
      const periods = Math.floor((passes - pass) / period)
      const { stages } = macro.result(0, [])
      left = {
        stages: addStages(scaled(stages, periods), scaled(earlier.stages, periods), -1),
        cycles: periods * (macro.now() - earlier.now),
      }
      pass += periods * period
      if (pass >= passes) break
    } else if (key !== null) seen.set(key, { pass, now: macro.now(), stages: macro.result(0, []).stages })
    macro.run(group, anyFlags, onePass)
  }
  return left
}

function scaled(stages: readonly StageResult[], by: number): StageResult[] {
  return stages.map((s) => ({
    ...s,
    firings: s.firings * by,
    busy: s.busy * by,
    blocked: s.blocked * by,
    starved: s.starved * by,
  }))
}

function addStages(a: readonly StageResult[], b: readonly StageResult[], sign: number): StageResult[] {
  return a.map((stage, i) => ({
    name: stage.name,
    firings: stage.firings + sign * b[i]!.firings,
    busy: stage.busy + sign * b[i]!.busy,
    blocked: stage.blocked + sign * b[i]!.blocked,
    starved: stage.starved + sign * b[i]!.starved,
  }))
}
