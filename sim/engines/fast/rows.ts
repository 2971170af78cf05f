// Tables of an automaton in memory of the kernels: a row a state, as kernels/follow.ts describes them.
import type { Automaton } from './automaton.js'
import { entry, entryBytes, rowHead } from './kernels/follow.js'
import type { Arena } from './kernels/kernels.js'
import { metBytes, metWord } from './kernels/tally.js'
import type { Layout } from './layout.js'

/** Rows are known by their addresses: bytes from the beginning of the memory. */
export interface Rows {
  /** Forgets all rows; from now on a row has so many transitions. */
  reset(symbols: number): void
  /** A new row. @param longest wait from which on everything is idle; −1: no room is left */
  add(longest: number): number
  /** number of a row, in the order in which they were added */
  indexOf(row: number): number
  /**
   * A transition of the row; it counts as a visit of `symbol` in a state of the automaton of the back end, where it is tabulated.
   * @returns false: no room is left
   */
  put(row: number, index: number, next: number, delta: number, state: number, symbol: number): boolean
  putWait(row: number, late: number, next: number): void
  /** Adds up, and forgets, the transitions taken since the last call, as `Automaton.collect` does. */
  collect(times: Float64Array, blocked: Float64Array): void
  /** Forgets the visits. */
  drop(): void
}

/** Longest wait that is tabulated; longer ones are looked up one by one. */
const longestWait = 512

export function createRows(automaton: Automaton, arena: Arena, memory: Int32Array, parts: Layout): Rows {
  const rows = { from: parts.rows, to: parts.waits }
  const waits = { from: parts.waits, to: parts.blocked }
  let rowWords = 0
  let count = 0
  let waitsUsed = 0
  let metEnd = parts.met

  function reset(symbols: number): void {
    rowWords = rowHead + symbols * (entryBytes / 4)
    count = 0
    waitsUsed = waits.from
    metEnd = parts.met
  }

  function add(longest: number): number {
    const row = rows.from + count * rowWords
    if (row + rowWords > rows.to) return -1
    count++
    memory[row] = longest
    memory[row + 1] = waitsOf(longest)
    for (let at = row + rowHead; at < row + rowWords; at += entryBytes / 4) {
      memory[at + entry.next] = -1
      memory[at + entry.visits] = 0
    }
    return 4 * row
  }

  function waitsOf(longest: number): number {
    if (longest > longestWait || waitsUsed + longest > waits.to) return -1
    const from = waitsUsed
    waitsUsed += longest
    memory.fill(-1, from, waitsUsed)
    return 4 * from
  }

  function put(row: number, index: number, next: number, delta: number, state: number, symbol: number): boolean {
    const at = row / 4 + rowHead + index * (entryBytes / 4)
    if (metEnd + metBytes / 4 > parts.end || symbol >= parts.met - parts.times) return false
    memory[at + entry.next] = next
    memory[at + entry.delta] = delta
    memory[metEnd + metWord.visits] = 4 * (at + entry.visits)
    memory[metEnd + metWord.symbol] = 4 * symbol
    automaton.writeBlocked(state, symbol, memory, metEnd + metWord.blocked)
    metEnd += metBytes / 4
    return true
  }

  function putWait(row: number, late: number, next: number): void {
    const to = memory[row / 4 + 1]!
    if (to >= 0 && late < memory[row / 4]!) memory[to / 4 + late] = next
  }

  function collect(times: Float64Array, blocked: Float64Array): void {
    arena.tally(memory, { from: parts.met, to: metEnd, times: parts.times, blocked: parts.blocked })
    for (let symbol = 0; symbol < times.length; symbol++) {
      times[symbol]! += memory[parts.times + symbol]!
      memory[parts.times + symbol] = 0
    }
    for (let b = 0; b < blocked.length; b++) blocked[b]! += memory[parts.blocked + b]!
  }

  function drop(): void {
    for (let at = parts.met; at < metEnd; at += metBytes / 4) memory[memory[at]! / 4] = 0
  }

  return {
    reset,
    add,
    indexOf: (row) => (row / 4 - rows.from) / rowWords,
    put,
    putWait,
    collect,
    drop,
  }
}
