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
  /** Calls `visit(symbol, times taken, cycles blocked per stage in one)` for every transition taken since the last call, and forgets them. */
  collect(visit: (symbol: number, times: number, blocked: Float64Array) => void): void
  /** Sets `back` to a state, `base` cycles on. */
  restore(back: Back, state: number, base: number): void
  /** end of the latest firing, relative to the moment at which the first stage becomes free */
  end(state: number): number
  states(): number
}

/** Arrays by state · width + symbol, or by state. */
export interface Tables {
  /** length of a row */
  width: number
  /** −1: not tabulated yet */
  next: Int32Array
  /** cycles by which the first stage's becoming free moves on */
  delta: Int32Array
  /** times that a transition was taken since they were last collected */
  visits: Int32Array
  /** per state: waiting at least so long makes everything irrelevant */
  longest: Int32Array
  /** per state: where its row of `waits` begins, −1 = looked up by `wait` */
  waitRow: Int32Array
  /** state after a wait of row + gap − 1 cycles; −1: not tabulated */
  waits: Int32Array
}

/** Longest wait that is tabulated; longer ones are looked up one by one. */
const longestRow = 2048

export function createAutomaton(stages: readonly BackStage[]): Automaton {
  const back = createBack(stages)
  const floors = earliestArrivals(stages)
  const known = new Map<string, number>()
  const vectors: Int32Array[] = []
  const items: BackItem[] = []
  /** per state and symbol: cycles blocked per stage in the transition */
  const blockedOf: Float64Array[][] = []
  const none = () => new Int32Array(0)
  const tables: Tables = {
    width: 16,
    next: none(),
    delta: none(),
    visits: none(),
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
    blockedOf.push([])
    if (state >= tables.longest.length) grow(2 * (state + 1))
    tables.longest[state] = slack(vector, stages, floors)
    addWaitRow(state)
    return state
  }

  function grow(states: number): void {
    const size = states * tables.width
    tables.next = widened(tables.next, size, -1)
    tables.delta = widened(tables.delta, size, 0)
    tables.visits = widened(tables.visits, size, 0)
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
    if (items.length > tables.width) {
      const from = tables.width
      tables.width *= 2
      tables.next = respaced(tables.next, from, tables.width, -1)
      tables.delta = respaced(tables.delta, from, tables.width, 0)
      tables.visits = respaced(tables.visits, from, tables.width, 0)
    }
    return items.length - 1
  }

  function fill(state: number, symbol: number): number {
    restore(back, vectors[state]!, 0)
    back.run(items[symbol]!)
    const delta = back.free[0]!
    const next = intern()
    const at = state * tables.width + symbol
    tables.next[at] = next
    tables.delta[at] = delta
    blockedOf[state]![symbol] = Float64Array.from(back.blocked)
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

  function collect(visit: (symbol: number, times: number, blocked: Float64Array) => void): void {
    for (let state = 0; state < vectors.length; state++) {
      for (let symbol = 0; symbol < items.length; symbol++) {
        const at = state * tables.width + symbol
        const times = tables.visits[at]!
        if (times === 0) continue
        visit(symbol, times, blockedOf[state]![symbol]!)
        tables.visits[at] = 0
      }
    }
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
    restore: (target, state, base) => restore(target, vectors[state]!, base),
    end: (state) => vectors[state]![stages.length]!,
    states: () => vectors.length,
  }
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

/** The same rows in a wider table. */
function respaced(array: Int32Array, from: number, to: number, fill: number): Int32Array {
  const rows = array.length / from
  const wider = new Int32Array(rows * to).fill(fill)
  for (let row = 0; row < rows; row++) wider.set(array.subarray(row * from, (row + 1) * from), row * to)
  return wider
}
