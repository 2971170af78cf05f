// One macro from Cache to Shift&Add in `window-bit` order, for the plain kernels and what has no room in those of window-run.ts: Load merges the
// OUs of a window, and one step of the automaton is one plane of the window. Which OUs fire in a plane is a mask; equal masks of equal windows
// are one symbol.
import type { MacroSpec } from '../../stages/context.js'
import { tabulateFlags } from '../../stages/load.js'
import { type Automaton, stepShift, waited } from './automaton.js'
import { endFront, type FlagBlock, type MacroState } from './front.js'
import type { FastPlan } from './plan.js'
import { type ItemSymbol, type OuShape, windowSymbol } from './symbols.js'

/** Widest window whose masks are tabulated. */
export const widestWindow = 16

export interface WindowAlphabet {
  /** per window: its class; windows of a class hold the same shapes in the same order */
  readonly classOf: Int32Array
  /** per class: symbol by mask of the OUs that fire, −1 = not met yet */
  readonly symbols: readonly Int32Array[]
  /** plane mask of a flag byte, spread: plane b of the lower (upper) four at bit 8·(b & 3) */
  readonly lower: Int32Array
  readonly upper: Int32Array
  /** per class: bit masks of the OUs that can fire at all */
  readonly live: Int32Array
  /** number of the symbol of a mask; without a Skip stage that of all planes together */
  symbol(windowClass: number, mask: number): number
}

export function createWindowAlphabet(plan: FastPlan, add: (symbol: ItemSymbol) => number): WindowAlphabet {
  const { mapping, shapes, shapeOf, spec } = plan
  const known = new Map<string, number>()
  const members: OuShape[][] = []
  const classOf = Int32Array.from({ length: mapping.windows }, (_, w) => {
    const own = shapeOf.subarray(mapping.windowStart[w]!, mapping.windowStart[w + 1]!)
    const key = own.join()
    const found = known.get(key)
    if (found !== undefined) return found
    known.set(key, members.length)
    members.push(Array.from(own, (shape) => shapes[shape]!))
    return members.length - 1
  })
  const symbols = members.map((list) => new Int32Array(2 ** list.length).fill(-1))
  const live = Int32Array.from(members, (list) =>
    list.reduce((mask, shape, k) => (shape.slices === 0 ? mask : mask | (1 << k)), 0),
  )
  const symbol = (windowClass: number, mask: number): number => {
    const firing = members[windowClass]!.filter((_, k) => ((mask >> k) & 1) === 1)
    const planes = spec.hasSkip || mask === 0 ? 1 : spec.planes
    const made = add(windowSymbol(spec, plan.polarities, new Array<OuShape[]>(planes).fill(firing)))
    symbols[windowClass]![mask] = made
    return made
  }
  return { classOf, symbols, live, symbol, ...spreadFlags(spec) }
}

function spreadFlags(spec: MacroSpec): { lower: Int32Array; upper: Int32Array } {
  const flags = tabulateFlags(spec.bitsPerStep, spec.planes)
  const spread = (shift: number) =>
    Int32Array.from({ length: 256 }, (_, byte) => {
      const planes = spec.skipZeroPlanes ? flags[byte]! : 2 ** spec.planes - 1
      let word = 0
      for (let b = 0; b < 4; b++) word |= ((planes >> (shift + b)) & 1) << (8 * b)
      return word
    })
  return { lower: spread(0), upper: spread(4) }
}

export function runWindowBit(
  plan: FastPlan,
  automaton: Automaton,
  macro: MacroState,
  group: { readonly firstWindow: number; readonly endWindow: number },
  flags: FlagBlock,
  passes: { readonly from: number; readonly to: number },
  alphabet: WindowAlphabet,
): void {
  const { windowStart } = plan.mapping
  const { interval: cacheInterval, handover: cacheHandover } = plan.cache
  const { listOf, spec } = plan
  const { loadStarts, backStarts } = macro
  const { bytes, stride, firstList } = flags
  const { symbols, lower, upper } = alphabet
  const { firstWindow, endWindow } = group
  const { tables } = automaton
  const firstInterval = automaton.stages[0]!.interval
  const firstOu = windowStart[firstWindow]!
  const words = windowWords(plan, firstWindow, endWindow, alphabet)
  const flagRows = Int32Array.from({ length: windowStart[endWindow]! - firstOu }, (_, k) => {
    return (listOf[firstOu + k]! - firstList) * stride
  })
  const planes = spec.hasSkip ? spec.planes : 1
  let { cacheFree, loadFree, base, state, loadAt, backAt } = macro
  let { steps } = tables
  for (let pass = passes.from; pass < passes.to; pass++) {
    let ou = 0
    for (let w = firstWindow, word = 0; w < endWindow; w++, word += windowSize) {
      let start = loadStarts[loadAt]!
      if (start > cacheFree) macro.cacheBlocked += start - cacheFree
      else start = cacheFree
      cacheFree = start + cacheInterval[w]!
      const ready = Math.max(start + cacheHandover[w]!, loadFree)
      start = backStarts[backAt]!
      if (start > ready) macro.loadBlocked += start - ready
      else start = ready
      start += words[word + 1]!
      loadFree = start + words[word + 2]!
      const gap = start + words[word + 3]! - base
      if (gap > 0) {
        base += gap
        state = waited(automaton, state, gap)
        ;({ steps } = tables)
      }
      // Plane masks: the mask of plane b is byte b of (high, low), that of OUs 8 … 15 byte b of (high2, low2).
      let low = 0
      let high = 0
      let low2 = 0
      let high2 = 0
      const end = words[word]!
      const middle = Math.min(end, ou + 8)
      for (let k = 0; ou < middle; ou++, k++) {
        const byte = bytes[flagRows[ou]! + pass]!
        low |= lower[byte]! << k
        high |= upper[byte]! << k
      }
      for (let k = 0; ou < end; ou++, k++) {
        const byte = bytes[flagRows[ou]! + pass]!
        low2 |= lower[byte]! << k
        high2 |= upper[byte]! << k
      }
      const windowClass = words[word + 4]!
      const alive = words[word + 5]!
      const symbolOf = symbols[windowClass]!
      let idle = true
      for (let b = 0; b < planes; b++) {
        const shift = 8 * (b & 3)
        const mask =
          (b < 4
            ? ((low >>> shift) & 255) | (((low2 >>> shift) & 255) << 8)
            : ((high >>> shift) & 255) | (((high2 >>> shift) & 255) << 8)) & alive
        if (mask === 0 && (!idle || b < planes - 1)) continue
        idle = false
        let symbol = symbolOf[mask]!
        if (symbol < 0) {
          symbol = alphabet.symbol(windowClass, mask)
          ;({ steps } = tables)
        }
        const at = ((state << tables.shift) + symbol) << stepShift
        let to = steps[at]!
        if (to < 0) {
          to = automaton.fill(state, symbol)
          ;({ steps } = tables)
        }
        base += steps[at + 1]!
        steps[at + 2] = steps[at + 2]! + 1
        state = to
      }
      backStarts[backAt] = base - firstInterval
      if (++backAt === backStarts.length) backAt = 0
      loadStarts[loadAt] = start
      if (++loadAt === loadStarts.length) loadAt = 0
    }
  }
  Object.assign(macro, { cacheFree, loadFree, base, state, loadAt, backAt })
  endFront(plan, macro, endWindow)
}

/**
 * Words of a window in the loop: end of its OUs, counted from the first of the group; interval of Load on all of them but the last; interval
 * and handover on the last; its class; the OUs that can fire at all.
 */
const windowSize = 6

function windowWords(plan: FastPlan, from: number, to: number, { classOf, live }: WindowAlphabet): Int32Array {
  const { windowStart } = plan.mapping
  const { interval, handover } = plan.load
  const words = new Int32Array((to - from) * windowSize)
  for (let w = from, word = 0; w < to; w++, word += windowSize) {
    const last = windowStart[w + 1]! - 1
    words[word] = last + 1 - windowStart[from]!
    for (let ou = windowStart[w]!; ou < last; ou++) words[word + 1]! += interval[ou]!
    words[word + 2] = interval[last]!
    words[word + 3] = handover[last]!
    words[word + 4] = classOf[w]!
    words[word + 5] = live[classOf[w]!]!
  }
  return words
}
