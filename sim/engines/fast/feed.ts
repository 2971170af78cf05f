// Load and the back end as one finite automaton, for `ou-bit`. Its state is the back end's, the moment at which the first back stage becomes
// free, and the starts that still hold Load up, all relative to the next start of Load if its input is there. So an OU is one transition
// without a single comparison; Cache (kernels/follow.ts) can only make a start later. Transitions are worked out when they are met for the
// first time, from the automaton of the back end, and lie in memory of the kernels.
import { type Automaton, stepOf, waited } from './automaton.js'
import type { MacroState } from './front.js'
import type { FastPlan } from './plan.js'
import type { Rows } from './rows.js'

/** What an OU is to the feed: Load's interval and handover, and the symbol of the automaton behind it. */
export interface FeedSymbol {
  readonly interval: number
  readonly handover: number
  readonly symbol: number
}

export interface Feed {
  /** Row of the state of a macro; −1: no room is left. */
  rowOf(macro: MacroState): number
  /** Tabulates a transition. @returns false: no room is left */
  fill(row: number, symbol: number): boolean
  /** Row after the input of Load came `late` cycles later than it could have been taken; −1: no room is left. */
  wait(row: number, late: number): number
  /** Sets the back end of a macro, and what it asks of Load, to a state whose next start of Load is `start`. */
  restore(macro: MacroState, row: number, start: number): void
  /** row of the state in which everything is idle */
  readonly idle: number
}

/** @param table where the rows of states lie; empty */
export function createFeed(plan: FastPlan, automaton: Automaton, symbols: readonly FeedSymbol[], table: Rows): Feed {
  const { queue, depth } = plan.spec.timing.load
  const entries = queue + depth - 1
  const firstInterval = automaton.stages[0]!.interval
  const least = (key: 'interval' | 'handover') =>
    symbols.reduce((a, s) => Math.min(a, s[key]), Number.POSITIVE_INFINITY)
  const leastInterval = least('interval')
  const leastHandover = least('handover')
  const known = new Map<string | number, number>()
  /** per state: state of the back end, when its first stage becomes free, and the starts that hold up the OUs behind the next one */
  const vectors: Int32Array[] = []
  /** What cannot delay anything any more is clamped to the earliest moment that could ask for it. */
  function intern(state: number, free: number, starts: readonly number[]): number {
    const gap = leastHandover - free
    const vector = new Int32Array(2 + entries)
    vector[0] = gap > 0 ? waited(automaton, state, gap) : state
    vector[1] = Math.max(free, leastHandover)
    for (let i = 0; i < entries; i++) vector[2 + i] = Math.max(starts[i]!, (i + 1) * leastInterval)
    const key = keyOf(vector)
    const found = known.get(key)
    if (found !== undefined) return found
    const row = table.add(slack(vector))
    if (row < 0) return -1
    known.set(key, row)
    vectors.push(vector)
    return row
  }

  /** Cycles after which every clamped entry of a state is at its floor. */
  function slack(vector: Int32Array): number {
    let longest = vector[1]! - leastHandover + automaton.tables.longest[vector[0]!]!
    for (let i = 0; i < entries; i++) longest = Math.max(longest, vector[2 + i]! - (i + 1) * leastInterval)
    return longest
  }

  const vectorOf = (row: number): Int32Array => vectors[table.indexOf(row)]!

  function fill(row: number, index: number): boolean {
    const vector = vectorOf(row)
    const { interval, handover, symbol } = symbols[index]!
    const gap = handover - vector[1]!
    const state = gap > 0 ? waited(automaton, vector[0]!, gap) : vector[0]!
    const step = stepOf(automaton, state, symbol)
    const free = Math.max(vector[1]!, handover) + step.delta
    const start = Math.max(interval, entries === 0 ? free - firstInterval : vector[2]!)
    const starts: number[] = []
    for (let i = 1; i < entries; i++) starts.push(vector[2 + i]! - start)
    if (entries > 0) starts.push(free - firstInterval - start)
    const next = intern(step.next, free - start, starts)
    if (next < 0) return false
    return table.put(row, index, next, start, state, symbol)
  }

  function wait(row: number, late: number): number {
    const vector = vectorOf(row)
    const next = intern(
      vector[0]!,
      vector[1]! - late,
      Array.from(vector.subarray(2), (at) => at - late),
    )
    if (next >= 0) table.putWait(row, late, next)
    return next
  }

  function rowOf({ base, state, loadFree, backStarts, backAt }: MacroState): number {
    const start = Math.max(loadFree, backStarts[backAt]!)
    const starts = Array.from({ length: entries }, (_, i) => backStarts[(backAt + 1 + i) % (entries + 1)]! - start)
    return intern(state, base - start, starts)
  }

  function restore(macro: MacroState, row: number, start: number): void {
    const vector = vectorOf(row)
    macro.state = vector[0]!
    macro.base = start + vector[1]!
    macro.backAt = 0
    macro.backStarts[0] = start
    for (let i = 0; i < entries; i++) macro.backStarts[1 + i] = start + vector[2 + i]!
  }

  table.reset(symbols.length)
  const idle = intern(
    automaton.start,
    leastHandover,
    Array.from({ length: entries }, () => 0),
  )
  return { rowOf, fill, wait, restore, idle }
}

/** Different vectors have different keys: a number where all of them are small, as they nearly always are, otherwise text. */
function keyOf(vector: Int32Array): number | string {
  let key = 1
  for (const entry of vector) {
    if (entry < 0 || entry >= 4096 || key >= 2 ** 40) return vector.join()
    key = key * 4096 + entry
  }
  return key
}
