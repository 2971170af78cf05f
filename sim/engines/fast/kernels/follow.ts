// The loop of `ou-bit` through the automaton of Load and the back end (feed.ts): Cache by its maxima, once a window; one transition per OU.
// Everything that it reads and writes, except for the flags, lies in one memory of words; addresses are bytes from its beginning. This is the
// plain twin of the kernel in wasm/follow.ts.

/** Where the loop keeps what; times are relative to the origin of the macro. */
export const register = {
  cacheFree: 0,
  loadFree: 1,
  /** next start of Load if its input is there */
  start: 2,
  /** address of the state's row */
  row: 3,
  /** address of the oldest entry of the ring of starts of the last firings of Load on the last windows */
  slot: 4,
  /** cycles that Load waited for Cache, not counting those that it was blocked */
  starved: 5,
  /** start of the last firing of Load, and the row of the state before it */
  lastStart: 6,
  lastRow: 7,
  /** cycles by which the input of Load comes after `start` */
  late: 8,
  /** where the loop is: address of the window, of the OU, and the pass */
  window: 9,
  ou: 10,
  pass: 11,
  /** 0: goes on in the midst of a window */
  fresh: 12,
  firstWindow: 13,
  endWindow: 14,
  firstOu: 15,
  endPass: 16,
  ring: 17,
  ringEnd: 18,
  /** row of the state in which everything is idle */
  idle: 19,
  /** by flag byte: planes to fire × bytes of a transition */
  planes: 20,
} as const

/** Words in front of the ring. */
export const registers = register.planes + 256

/** Words of a row: wait from which on everything is idle; address of the states after a wait of late cycles, less 4 · late, −1 = none; transitions. */
export const rowHead = 2
/** Words of a transition: row of the state behind it (−1: not tabulated yet), cycles to the next start of Load, times taken. */
export const entry = { next: 0, delta: 1, visits: 2 } as const
export const entryBytes = 12
/** Words of a window: address behind its last OU; interval and handover of Cache; interval of Load on its last OU. */
export const windowBytes = 16
/** Words of an OU: offset in a row of its transition without planes; where its flags begin. */
export const ouBytes = 8

/** Why the loop ended: all is done; a transition, or a wait, is not tabulated. */
export const code = { done: 0, step: 1, late: 2 } as const

export function followPlain(memory: Int32Array, flags: Uint8Array): number {
  const r = register
  const endPass = memory[r.endPass]!
  const endWindow = memory[r.endWindow]! >> 2
  const ringEnd = memory[r.ringEnd]! >> 2
  let cacheFree = memory[r.cacheFree]!
  let loadFree = memory[r.loadFree]!
  let start = memory[r.start]!
  let row = memory[r.row]!
  let slot = memory[r.slot]! >> 2
  let starved = memory[r.starved]!
  let lastStart = memory[r.lastStart]!
  let lastRow = memory[r.lastRow]!
  let late = memory[r.late]!
  let window = memory[r.window]! >> 2
  let ou = memory[r.ou]! >> 2
  let pass = memory[r.pass]!
  let fresh = memory[r.fresh] === 1
  let ended: number = code.done
  walk: while (pass < endPass) {
    if (fresh) {
      const begin = Math.max(memory[slot]!, cacheFree)
      cacheFree = begin + memory[window + 1]!
      const arrival = begin + memory[window + 2]!
      starved += Math.max(0, arrival - loadFree)
      late = arrival - start
      if (late > 0) {
        start = arrival
        let to = memory[r.idle]!
        if (late < memory[row >> 2]!) {
          const waits = memory[(row >> 2) + 1]!
          to = waits < 0 ? -1 : memory[(waits >> 2) + late]!
          if (to < 0) {
            ended = code.late
            break
          }
        }
        row = to
      }
    }
    fresh = true
    const end = memory[window]! >> 2
    do {
      const at = (row + memory[ou]! + memory[r.planes + flags[memory[ou + 1]! + pass]!]!) >> 2
      const next = memory[at]!
      if (next < 0) {
        ended = code.step
        break walk
      }
      lastStart = start
      lastRow = row
      start += memory[at + 1]!
      row = next
      memory[at + 2] = memory[at + 2]! + 1
      ou += 2
    } while (ou < end)
    memory[slot] = lastStart
    loadFree = lastStart + memory[window + 3]!
    if (++slot === ringEnd) slot = memory[r.ring]! >> 2
    window += 4
    if (window === endWindow) {
      window = memory[r.firstWindow]! >> 2
      ou = memory[r.firstOu]! >> 2
      pass++
    }
  }
  memory.set([cacheFree, loadFree, start, row, 4 * slot, starved, lastStart, lastRow, late, 4 * window, 4 * ou, pass])
  return ended
}
