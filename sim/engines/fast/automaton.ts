// The back end as a finite automaton. Its state is everything that can still delay a firing, relative to the moment at which the first
// stage becomes free; what lies so far back that it cannot matter any more is clamped, so few states occur. Transitions are evaluated by
// the recurrence (back.ts) when they are met for the first time, and tabulated.
import { type Back, type BackItem, type BackStage, createBack } from './back.js'

export interface Automaton {
  readonly stages: readonly BackStage[]
  readonly tables: Tables
  readonly start: number
  /** symbols so far */
  readonly items: readonly BackItem[]
  /** Takes a new symbol in and returns its number. The arrays of `tables` may be replaced. */
  add(item: BackItem): number
  /** Tabulates a transition and returns the state behind it. The arrays of `tables` may be replaced. */
  fill(state: number, symbol: number): number
  /** State after nothing has arrived for `gap` cycles after the first stage became free. */
  wait(state: number, gap: number): number
  /** Adds up, and forgets, the transitions taken since the last call: times[symbol], and cycles blocked per stage. */
  collect(times: Float64Array, blocked: Float64Array): void
  /** Writes the cycles blocked per stage in a tabulated transition. */
  writeBlocked(state: number, symbol: number, into: Int32Array, at: number): void
  /** Sets `back` to a state, `base` cycles on. */
  restore(back: Back, state: number, base: number): void
  /** end of the latest firing, relative to the moment at which the first stage becomes free */
  end(state: number): number
  states(): number
}

/** Arrays by transition, (state << shift) + symbol, or by state. */
export interface Tables {
  /** a row holds 2^shift symbols */
  shift: number
  /**
   * Four words a transition, side by side because they are used together: the state behind it (−1: not tabulated yet); cycles by which the
   * first stage's becoming free moves on; times that it was taken since they were last collected; its number in the order in which they were met.
   */
  steps: Int32Array
  /** per state: waiting at least so long makes everything irrelevant */
  longest: Int32Array
  /** per state: where its row of `waits` begins, −1 = looked up by `wait` */
  waitRow: Int32Array
  /** state after a wait of row + gap − 1 cycles; −1: not tabulated */
  waits: Int32Array
}

/** A transition takes 2^stepShift words of `steps`. */
export const stepShift = 2

/** Longest wait that is tabulated; longer ones are looked up one by one. */
const longestRow = 2048

export function createAutomaton(stages: readonly BackStage[]): Automaton {
  const back = createBack(stages)
  const floors = earliestArrivals(stages)
  const known = new Map<string, number>()
  const vectors: Int32Array[] = []
  const items: BackItem[] = []
  /** state and symbol of the tabulated transitions, in the order in which they were met, and the cycles blocked per stage in each */
  const met: number[] = []
  let blockedIn = new Float64Array(0)
  const none = () => new Int32Array(0)
  const tables: Tables = {
    shift: 4,
    steps: none(),
    longest: none(),
    waitRow: none(),
    waits: none(),
  }
  let waitsUsed = 0

  function intern(): number {
    const vector = normalise(back, floors)
    const key = vector.join()
    const found = known.get(key)
    if (found !== undefined) return found
    const state = vectors.length
    known.set(key, state)
    vectors.push(vector)
    if (state >= tables.longest.length) grow(2 * (state + 1))
    tables.longest[state] = slack(vector, stages, floors)
    addWaitRow(state)
    return state
  }

  function grow(states: number): void {
    const { length } = tables.steps
    tables.steps = widened(tables.steps, states << (tables.shift + stepShift), 0)
    forget(tables.steps, length)
    tables.longest = widened(tables.longest, states, 0)
    tables.waitRow = widened(tables.waitRow, states, -1)
  }

  function addWaitRow(state: number): void {
    const length = tables.longest[state]!
    if (length > longestRow) return
    tables.waitRow[state] = waitsUsed
    waitsUsed += length
    if (waitsUsed > tables.waits.length) tables.waits = widened(tables.waits, 2 * waitsUsed, -1)
  }

  function add(item: BackItem): number {
    items.push(item)
    if (items.length > 2 ** tables.shift) {
      const row = 2 ** (tables.shift + stepShift)
      const { steps } = tables
      tables.shift++
      tables.steps = new Int32Array(steps.length * 2)
      forget(tables.steps, 0)
      for (let at = 0; at < steps.length; at += row) tables.steps.set(steps.subarray(at, at + row), 2 * at)
    }
    return items.length - 1
  }

  function fill(state: number, symbol: number): number {
    restore(back, vectors[state]!, 0)
    back.run(items[symbol]!)
    const delta = back.free[0]!
    const next = intern()
    const at = ((state << tables.shift) + symbol) << stepShift
    tables.steps[at] = next
    tables.steps[at + 1] = delta
    tables.steps[at + 3] = met.length / 2
    const from = (met.length / 2) * stages.length
    met.push(state, symbol)
    if (from + stages.length > blockedIn.length) {
      const wider = new Float64Array(2 * (from + stages.length))
      wider.set(blockedIn)
      blockedIn = wider
    }
    blockedIn.set(back.blocked, from)
    return next
  }

  function wait(state: number, gap: number): number {
    if (gap >= tables.longest[state]!) return start
    restore(back, vectors[state]!, 0)
    back.free[0] = gap
    const next = intern()
    if (tables.waitRow[state]! >= 0) tables.waits[tables.waitRow[state]! + gap - 1] = next
    return next
  }

  function collect(times: Float64Array, blocked: Float64Array): void {
    const { shift, steps } = tables
    for (let i = 0, from = 0; i < met.length; i += 2, from += blocked.length) {
      const symbol = met[i + 1]!
      const at = (((met[i]! << shift) + symbol) << stepShift) + 2
      const taken = steps[at]!
      if (taken === 0) continue
      steps[at] = 0
      times[symbol]! += taken
      for (let b = 0; b < blocked.length; b++) blocked[b]! += taken * blockedIn[from + b]!
    }
  }

  function writeBlocked(state: number, symbol: number, into: Int32Array, at: number): void {
    const number = tables.steps[(((state << tables.shift) + symbol) << stepShift) + 3]!
    for (let b = 0; b < stages.length; b++) into[at + b] = blockedIn[number * stages.length + b]!
  }

  const start = intern()
  return {
    stages,
    tables,
    start,
    items,
    add,
    fill,
    wait,
    collect,
    writeBlocked,
    restore: (target, state, base) => restore(target, vectors[state]!, base),
    end: (state) => vectors[state]![stages.length]!,
    states: () => vectors.length,
  }
}

/** A transition, tabulated if it was not yet. */
export function stepOf(automaton: Automaton, state: number, symbol: number): { next: number; delta: number } {
  const { tables } = automaton
  const at = ((state << tables.shift) + symbol) << stepShift
  if (tables.steps[at]! < 0) automaton.fill(state, symbol)
  return { next: tables.steps[at]!, delta: tables.steps[at + 1]! }
}

/** State after nothing has arrived for `gap` cycles, looked up where it is tabulated. */
export function waited(automaton: Automaton, state: number, gap: number): number {
  const { longest, waitRow, waits } = automaton.tables
  if (gap >= longest[state]!) return automaton.start
  const row = waitRow[state]!
  const after = row < 0 ? -1 : waits[row + gap - 1]!
  return after >= 0 ? after : automaton.wait(state, gap)
}

/** Earliest arrival at every stage of what the first one starts next, relative to that start. */
function earliestArrivals(stages: readonly BackStage[]): number[] {
  const floors = [0]
  for (const [b, stage] of stages.entries())
    floors[b + 1] = floors[b]! + (stage.streaming ? stage.latency : Math.max(stage.latency, stage.interval, 1))
  return floors
}

/**
 * [free per stage, end, rings oldest first], relative to free[0]. A time is clamped to the earliest moment at which anything could ask for it,
 * a release to the moment at which its stage is free: neither changes any maximum that the law forms.
 */
function normalise(back: Back, floors: readonly number[]): Int32Array {
  const base = back.free[0]!
  const vector: number[] = []
  for (let b = 0; b < back.stages.length; b++) vector.push(Math.max(back.free[b]! - base, floors[b]!))
  vector.push(Math.max(0, back.end - base))
  for (const [b, ring] of back.rings.entries()) {
    for (let i = 0; i < ring.length; i++) {
      const at = back.heads[b]! + i
      vector.push(Math.max(ring[at < ring.length ? at : at - ring.length]! - base, vector[b]!))
    }
  }
  return Int32Array.from(vector)
}

function restore(back: Back, vector: Int32Array, base: number): void {
  const count = back.stages.length
  for (let b = 0; b < count; b++) back.free[b] = base + vector[b]!
  back.end = base + vector[count]!
  let at = count + 1
  for (const ring of back.rings) for (let i = 0; i < ring.length; i++) ring[i] = base + vector[at++]!
  back.heads.fill(0)
  back.blocked.fill(0)
}

/** Cycles after which every clamped entry of a state is at its floor. */
function slack(vector: Int32Array, stages: readonly BackStage[], floors: readonly number[]): number {
  let longest = vector[stages.length]!
  for (let b = 0; b < stages.length; b++) longest = Math.max(longest, vector[b]! - floors[b]!)
  let at = stages.length + 1
  for (const [b, stage] of stages.entries())
    for (let i = 0; i < stage.capacity; i++) longest = Math.max(longest, vector[at++]! - floors[b]!)
  return longest
}

function widened(array: Int32Array, length: number, fill: number): Int32Array {
  const wider = new Int32Array(length).fill(fill)
  wider.set(array)
  return wider
}

/** Marks the transitions from word `from` on as not tabulated. */
function forget(steps: Int32Array, from: number): void {
  for (let at = from; at < steps.length; at += 2 ** stepShift) steps[at] = -1
}
