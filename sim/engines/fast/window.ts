// One macro from Cache to Shift&Add in `window-bit` order: Load merges the OUs of a window, and one step of the automaton is one plane of the
// window. Which OUs fire in a plane is a mask; equal masks of equal windows are one symbol.
import type { MacroSpec } from '../../stages/context.js'
import { tabulateFlags } from '../../stages/load.js'
import { type Automaton, stepShift } from './automaton.js'
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
  const { interval: loadInterval, handover: loadHandover } = plan.load
  const { listOf, spec } = plan
  const { loadStarts, backStarts } = macro
  const { bytes, stride, firstList } = flags
  const { classOf, symbols, lower, upper, live } = alphabet
  const { firstWindow, endWindow } = group
  const firstInterval = automaton.stages[0]!.interval
  const planeMasks = new Int32Array(8)
  let { cacheFree, loadFree, base, state, loadAt, backAt } = macro

  /** Plane masks of the OUs ou … end − 1 in one pass; returns the number of planes that any of them needs. */
  function transpose(ou: number, end: number, pass: number): number {
    planeMasks.fill(0)
    for (let first = ou; first < end; first += 8) {
      let low = 0
      let high = 0
      const many = Math.min(8, end - first)
      for (let k = 0; k < many; k++) {
        const byte = bytes[(listOf[first + k]! - firstList) * stride + pass]!
        low |= lower[byte]! << k
        high |= upper[byte]! << k
      }
      const shift = first - ou
      for (let b = 0; b < 4; b++) {
        planeMasks[b] = planeMasks[b]! | (((low >>> (8 * b)) & 255) << shift)
        planeMasks[b + 4] = planeMasks[b + 4]! | (((high >>> (8 * b)) & 255) << shift)
      }
    }
    return spec.hasSkip ? spec.planes : 1
  }

  function step(windowClass: number, mask: number): void {
    let symbol = symbols[windowClass]![mask]!
    if (symbol < 0) symbol = alphabet.symbol(windowClass, mask)
    const { tables } = automaton
    const at = ((state << tables.shift) + symbol) << stepShift
    let to = tables.steps[at]!
    if (to < 0) to = automaton.fill(state, symbol)
    const { steps } = tables
    base += steps[at + 1]!
    steps[at + 2] = steps[at + 2]! + 1
    state = to
  }

  for (let pass = passes.from; pass < passes.to; pass++) {
    for (let w = firstWindow; w < endWindow; w++) {
      let start = loadStarts[loadAt]!
      if (start > cacheFree) macro.cacheBlocked += start - cacheFree
      else start = cacheFree
      cacheFree = start + cacheInterval[w]!
      const arrival = start + cacheHandover[w]!
      const ou = windowStart[w]!
      const end = windowStart[w + 1]!
      const ready = Math.max(arrival, loadFree)
      start = backStarts[backAt]!
      if (start > ready) macro.loadBlocked += start - ready
      else start = ready
      for (let k = ou; k < end - 1; k++) start += loadInterval[k]!
      loadFree = start + loadInterval[end - 1]!
      const gap = start + loadHandover[end - 1]! - base
      if (gap > 0) {
        base += gap
        state = waited(automaton, state, gap)
      }
      const windowClass = classOf[w]!
      const planes = transpose(ou, end, pass)
      const alive = live[windowClass]!
      let steps = 0
      for (let b = 0; b < planes; b++) {
        const mask = planeMasks[b]! & alive
        if (mask === 0) continue
        steps++
        step(windowClass, mask)
      }
      if (steps === 0) step(windowClass, 0)
      backStarts[backAt] = base - firstInterval
      if (++backAt === backStarts.length) backAt = 0
      loadStarts[loadAt] = start
      if (++loadAt === loadStarts.length) loadAt = 0
    }
  }
  Object.assign(macro, { cacheFree, loadFree, base, state, loadAt, backAt })
  endFront(plan, macro, endWindow)
}

function waited(automaton: Automaton, state: number, gap: number): number {
  const { longest, waitRow, waits } = automaton.tables
  if (gap >= longest[state]!) return automaton.start
  const row = waitRow[state]!
  const after = row < 0 ? -1 : waits[row + gap - 1]!
  return after >= 0 ? after : automaton.wait(state, gap)
}
