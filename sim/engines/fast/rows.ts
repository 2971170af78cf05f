// Tables of an automaton in memory of the kernels: a row a state, as kernels/follow.ts describes them.
import { type Automaton, stepShift } from './automaton.js'
import { entry, entryBytes, rowHead } from './kernels/follow.js'

/** A part of the memory, in words. */
export interface Part {
  readonly from: number
  readonly to: number
}

/** Rows are known by their addresses: bytes from the beginning of the memory. */
export interface Rows {
  /** Forgets all rows; from now on a row has so many transitions. */
  reset(symbols: number): void
  /** A new row. @param longest wait from which on everything is idle; −1: no room is left */
  add(longest: number): number
  /** number of a row, in the order in which they were added */
  indexOf(row: number): number
  count(): number
  /** A transition of the row; it counts as a visit of `symbol` in a state of the automaton of the back end. */
  put(row: number, index: number, next: number, delta: number, state: number, symbol: number): void
  putWait(row: number, late: number, next: number): void
  /** Hands the visits over to the automaton of the back end. */
  collect(): void
  /** Forgets the visits. */
  drop(): void
}

/** Longest wait that is tabulated; longer ones are looked up one by one. */
const longestWait = 512

/** Numbers of a transition that is tabulated: word of its visits, state and symbol in the automaton of the back end. */
const metSize = 3

export function createRows(automaton: Automaton, memory: Int32Array, rows: Part, waits: Part): Rows {
  let rowWords = 0
  let count = 0
  let waitsUsed = 0
  let met = new Int32Array(metSize * 256)
  let metUsed = 0

  function reset(symbols: number): void {
    rowWords = rowHead + symbols * (entryBytes / 4)
    count = 0
    waitsUsed = waits.from
    metUsed = 0
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

  function put(row: number, index: number, next: number, delta: number, state: number, symbol: number): void {
    const at = row / 4 + rowHead + index * (entryBytes / 4)
    memory[at + entry.next] = next
    memory[at + entry.delta] = delta
    if (metUsed === met.length) {
      const wider = new Int32Array(2 * met.length)
      wider.set(met)
      met = wider
    }
    met[metUsed++] = at + entry.visits
    met[metUsed++] = state
    met[metUsed++] = symbol
  }

  function putWait(row: number, late: number, next: number): void {
    const to = memory[row / 4 + 1]!
    if (to >= 0 && late < memory[row / 4]!) memory[to / 4 + late] = next
  }

  function collect(): void {
    const { steps, shift } = automaton.tables
    const words = memory
    const list = met
    const end = metUsed
    for (let i = 0; i < end; i += metSize) {
      const at = list[i]!
      const taken = words[at]!
      if (taken === 0) continue
      words[at] = 0
      const visits = (((list[i + 1]! << shift) + list[i + 2]!) << stepShift) + 2
      steps[visits] = steps[visits]! + taken
    }
  }

  function drop(): void {
    for (let i = 0; i < metUsed; i += metSize) memory[met[i]!] = 0
  }

  return {
    reset,
    add,
    indexOf: (row) => (row / 4 - rows.from) / rowWords,
    count: () => count,
    put,
    putWait,
    collect,
    drop,
  }
}
