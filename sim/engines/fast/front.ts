// One macro from Cache to Shift&Add in `ou-bit` order. Cache and Load are three maxima a firing; what comes behind them is one step of the
// automaton per OU. Times are int32, relative to an origin that moves on between chunks of passes.
import type { Automaton } from './automaton.js'
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
  const { interval: cacheInterval, handover: cacheHandover, span: cacheSpan } = plan.cache
  const { interval: loadInterval, handover: loadHandover, span: loadSpan } = plan.load
  const { listOf } = plan
  const { loadStarts, backStarts } = macro
  const { bytes, stride, firstList } = flags
  const firstInterval = automaton.stages[0]!.interval
  const { firstWindow, endWindow } = group
  let { cacheFree, loadFree, base, state, loadAt, backAt, cacheEnd, loadEnd } = macro
  let cacheBlocked = 0
  let loadBlocked = 0
  let { width, next, delta, visits, longest, waitRow, waits } = tables
  for (let pass = passes.from; pass < passes.to; pass++) {
    for (let w = firstWindow; w < endWindow; w++) {
      let start = loadStarts[loadAt]!
      if (start > cacheFree) cacheBlocked += start - cacheFree
      else start = cacheFree
      cacheFree = start + cacheInterval[w]!
      cacheEnd = start + cacheSpan[w]!
      const arrival = start + cacheHandover[w]!
      const end = windowStart[w + 1]!
      for (let ou = windowStart[w]!; ou < end; ou++) {
        const ready = Math.max(arrival, loadFree)
        start = backStarts[backAt]!
        if (start > ready) loadBlocked += start - ready
        else start = ready
        loadFree = start + loadInterval[ou]!
        loadEnd = start + loadSpan[ou]!
        const gap = start + loadHandover[ou]! - base
        if (gap > 0) {
          base += gap
          const row = waitRow[state]!
          const after = gap >= longest[state]! ? automaton.start : row < 0 ? -1 : waits[row + gap - 1]!
          if (after >= 0) state = after
          else {
            state = automaton.wait(state, gap)
            ;({ width, next, delta, visits, longest, waitRow, waits } = tables)
          }
        }
        const at = state * width + symbolOf[ou]! + planesOf[bytes[(listOf[ou]! - firstList) * stride + pass]!]!
        let to = next[at]!
        if (to < 0) {
          to = automaton.fill(state, at - state * width)
          ;({ next, delta, visits, longest, waitRow, waits } = tables)
        }
        visits[at] = visits[at]! + 1
        base += delta[at]!
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
  Object.assign(macro, { cacheFree, loadFree, base, state, loadAt, backAt, cacheEnd, loadEnd })
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
