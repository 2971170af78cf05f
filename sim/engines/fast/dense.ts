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
  /** by hash of what it depends on: every different macro so far */
  const known = new Map<number, { readonly looks: Int32Array; readonly result: MacroResult }[]>()
  return Array.from({ length: Math.min(macros, plan.mapping.groups.length) }, (_, macro) => {
    const groups = groupsOf(ctx, macro, macros)
    const looks = looksOf(plan, groups)
    const hash = looks.reduce((sum, part) => (Math.imul(sum, 0x01000193) ^ part) | 0, looks.length)
    const alike = known.get(hash) ?? []
    let result = alike.find((other) => sameInts(other.looks, looks))?.result
    if (result === undefined) {
      result = denseMacro(layer, groups, ctx.work.passes)
      known.set(hash, [...alike, { looks, result }])
    }
    return { ...result, macro, groups }
  })
}

/** Everything of some groups that their timing depends on. */
function looksOf({ mapping, cache, load, shapeOf }: FastPlan, groups: readonly number[]): Int32Array {
  const { windowStart } = mapping
  const range = (g: number) => mapping.groups[g]!
  const sizeOf = ({ firstWindow, endWindow }: { firstWindow: number; endWindow: number }): number =>
    1 + 2 * (endWindow - firstWindow) + 2 * (windowStart[endWindow]! - windowStart[firstWindow]!)
  const looks = new Int32Array(groups.reduce((sum, g) => sum + sizeOf(range(g)), 0))
  let at = 0
  for (const g of groups) {
    const { firstWindow, endWindow } = range(g)
    looks[at++] = endWindow - firstWindow
    for (let w = firstWindow; w < endWindow; w++) {
      const end = windowStart[w + 1]!
      looks[at++] = cache.interval[w]!
      looks[at++] = end - windowStart[w]!
      for (let ou = windowStart[w]!; ou < end; ou++) {
        looks[at++] = load.interval[ou]!
        looks[at++] = shapeOf[ou]!
      }
    }
  }
  return looks
}

function sameInts(a: Int32Array, b: Int32Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
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
