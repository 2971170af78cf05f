// One macro from Cache to Shift&Add in `ou-bit` order, with tables that grow: for what has no room in those of feed-run.ts. Cache and Load are
// three maxima a firing; what comes behind them is one step of the automaton per OU. Times are int32, relative to an origin that moves on between
// chunks of passes.
import { type Automaton, stepShift } from './automaton.js'
import type { FastPlan } from './plan.js'

/** Everything that a macro carries from one pass to the next; times are relative to `origin`. */
export interface MacroState {
  origin: number
  cacheFree: number
  loadFree: number
  /** moment at which the first stage of the back end becomes free, and the automaton's state then */
  base: number
  state: number
  /** starts of the last firings of Load on the last windows, and of the first back stage on the last items */
  readonly loadStarts: Int32Array
  loadAt: number
  readonly backStarts: Int32Array
  backAt: number
  /** end of the last firing of Cache and of Load */
  cacheEnd: number
  loadEnd: number
  cacheBlocked: number
  loadBlocked: number
}

/** Earlier than everything, and far from the end of int32. */
export const longAgo = -(2 ** 30)

export function createMacroState(plan: FastPlan, automaton: Automaton): MacroState {
  const { cache, load } = plan.spec.timing
  return {
    origin: 0,
    cacheFree: 0,
    loadFree: 0,
    base: 0,
    state: automaton.start,
    loadStarts: new Int32Array(cache.queue + cache.depth).fill(longAgo),
    loadAt: 0,
    backStarts: new Int32Array(load.queue + load.depth).fill(longAgo),
    backAt: 0,
    cacheEnd: 0,
    loadEnd: 0,
    cacheBlocked: 0,
    loadBlocked: 0,
  }
}

/** Zero flags of the OUs of a group: byte of (row list, pass) at (list − firstList) · stride + pass. */
export interface FlagBlock {
  readonly bytes: Uint8Array
  readonly stride: number
  readonly firstList: number
}

/**
 * @param symbolOf per OU: first of its symbols; its symbol for n planes to fire is symbolOf + n
 * @param planesOf number of planes to fire, by flag byte
 */
export function runOuBit(
  plan: FastPlan,
  automaton: Automaton,
  macro: MacroState,
  group: { readonly firstWindow: number; readonly endWindow: number },
  flags: FlagBlock,
  passes: { readonly from: number; readonly to: number },
  symbolOf: Int32Array,
  planesOf: Uint8Array,
): void {
  const { tables } = automaton
  const { windowStart } = plan.mapping
  const { interval: cacheInterval, handover: cacheHandover } = plan.cache
  const { loadStarts, backStarts } = macro
  const { bytes } = flags
  const firstInterval = automaton.stages[0]!.interval
  const { firstWindow, endWindow } = group
  const firstOu = windowStart[firstWindow]!
  const ous = ouWords(plan, firstOu, windowStart[endWindow]!, flags, symbolOf)
  const planeSteps = Int32Array.from(planesOf, (planes) => planes << stepShift)
  let { cacheFree, loadFree, base, state, loadAt, backAt } = macro
  let cacheBlocked = 0
  let loadBlocked = 0
  let { steps, longest, waitRow, waits } = tables
  const rowShift = tables.shift + stepShift
  for (let pass = passes.from; pass < passes.to; pass++) {
    let ou = 0
    for (let w = firstWindow; w < endWindow; w++) {
      let start = loadStarts[loadAt]!
      if (start > cacheFree) cacheBlocked += start - cacheFree
      else start = cacheFree
      cacheFree = start + cacheInterval[w]!
      const arrival = start + cacheHandover[w]!
      const end = (windowStart[w + 1]! - firstOu) * ouSize
      for (; ou < end; ou += ouSize) {
        const ready = Math.max(arrival, loadFree)
        start = backStarts[backAt]!
        if (start > ready) loadBlocked += start - ready
        else start = ready
        loadFree = start + ous[ou]!
        const gap = start + ous[ou + 1]! - base
        if (gap > 0) {
          base += gap
          const row = waitRow[state]!
          const after = gap >= longest[state]! ? automaton.start : row < 0 ? -1 : waits[row + gap - 1]!
          if (after >= 0) state = after
          else {
            state = automaton.wait(state, gap)
            ;({ steps, longest, waitRow, waits } = tables)
          }
        }
        const at = (state << rowShift) + ous[ou + 2]! + planeSteps[bytes[ous[ou + 3]! + pass]!]!
        let to = steps[at]!
        if (to < 0) {
          to = automaton.fill(state, (at - (state << rowShift)) >> stepShift)
          ;({ steps, longest, waitRow, waits } = tables)
        }
        base += steps[at + 1]!
        steps[at + 2] = steps[at + 2]! + 1
        state = to
        backStarts[backAt] = base - firstInterval
        if (++backAt === backStarts.length) backAt = 0
      }
      loadStarts[loadAt] = start
      if (++loadAt === loadStarts.length) loadAt = 0
    }
  }
  macro.cacheBlocked += cacheBlocked
  macro.loadBlocked += loadBlocked
  Object.assign(macro, { cacheFree, loadFree, base, state, loadAt, backAt })
  endFront(plan, macro, endWindow)
}

/** Words of an OU in the loop: interval and handover of Load, its symbol for no planes, and where its flags begin. */
const ouSize = 4

function ouWords(plan: FastPlan, from: number, to: number, flags: FlagBlock, symbolOf: Int32Array): Int32Array {
  const words = new Int32Array((to - from) * ouSize)
  for (let ou = from, at = 0; ou < to; ou++, at += ouSize) {
    words[at] = plan.load.interval[ou]!
    words[at + 1] = plan.load.handover[ou]!
    words[at + 2] = symbolOf[ou]! << stepShift
    words[at + 3] = (plan.listOf[ou]! - flags.firstList) * flags.stride
  }
  return words
}

/** The last firings of Cache and Load, on the last window before `endWindow`, decide when both have ended. */
export function endFront(plan: FastPlan, macro: MacroState, endWindow: number): void {
  const ou = plan.mapping.windowStart[endWindow]! - 1
  macro.cacheEnd = macro.cacheFree - plan.cache.interval[endWindow - 1]! + plan.cache.span[endWindow - 1]!
  macro.loadEnd = macro.loadFree - plan.load.interval[ou]! + plan.load.span[ou]!
}

/** Moves the origin to the present, so that int32 times stay small. */
export function rebase(macro: MacroState): void {
  const by = macro.base
  macro.origin += by
  macro.base = 0
  macro.cacheFree = Math.max(macro.cacheFree - by, longAgo)
  macro.loadFree = Math.max(macro.loadFree - by, longAgo)
  macro.cacheEnd = Math.max(macro.cacheEnd - by, longAgo)
  macro.loadEnd = Math.max(macro.loadEnd - by, longAgo)
  for (const starts of [macro.loadStarts, macro.backStarts])
    for (let i = 0; i < starts.length; i++) starts[i] = Math.max(starts[i]! - by, longAgo)
}
