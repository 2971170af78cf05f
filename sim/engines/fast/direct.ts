// The same macro without tables: the law evaluated firing by firing in double precision, for machines whose states are too many or whose
// times are too long for the automaton, and for windows too wide for a mask. Slower than the automaton, still without events.
import { tabulateFlags } from '../../stages/load.js'
import type { Automaton } from './automaton.js'
import { type Back, backStages, createBack } from './back.js'
import type { FlagBlock, MacroState } from './front.js'
import type { FastPlan } from './plan.js'
import { type ItemSymbol, type OuShape, ouSymbol, windowSymbol } from './symbols.js'

export interface DirectMacro {
  /** Runs passes of a group; counts what every symbol adds. */
  run(
    group: { readonly firstWindow: number; readonly endWindow: number },
    flags: FlagBlock,
    passes: { readonly from: number; readonly to: number },
  ): void
  readonly back: Back
  readonly cacheEnd: () => number
  readonly loadEnd: () => number
  readonly cacheBlocked: () => number
  readonly loadBlocked: () => number
}

/** @param from where an automaton left off; @param count told of every item that leaves Load */
export function createDirect(
  plan: FastPlan,
  { macro, automaton }: { readonly macro: MacroState; readonly automaton: Automaton },
  count: (symbol: ItemSymbol) => void,
): DirectMacro {
  const { mapping, spec, polarities, shapes, shapeOf, cache, load, listOf } = plan
  const back = createBack(backStages(spec))
  const flagsOf = tabulateFlags(spec.bitsPerStep, spec.planes)
  if (!spec.skipZeroPlanes) flagsOf.fill(2 ** spec.planes - 1)
  const ouSymbols = shapes.map((shape) =>
    Array.from({ length: spec.planes + 1 }, (_, planes) => ouSymbol(spec, polarities, shape, planes)),
  )
  const { origin } = macro
  const ring = (starts: Int32Array, at: number): Float64Array =>
    Float64Array.from({ length: starts.length }, (_, i) => origin + starts[(at + i) % starts.length]!)
  const loadStarts = ring(macro.loadStarts, macro.loadAt)
  const backStarts = ring(macro.backStarts, macro.backAt)
  let loadAt = 0
  let backAt = 0
  let cacheFree = origin + macro.cacheFree
  let loadFree = origin + macro.loadFree
  let cacheEnd = origin + macro.cacheEnd
  let loadEnd = origin + macro.loadEnd
  let cacheBlocked = 0
  let loadBlocked = 0
  automaton.restore(back, macro.state, origin + macro.base)

  /** The back end takes one item that arrives now, or the planes of one window. */
  function follow(arrival: number, symbols: readonly ItemSymbol[]): void {
    back.free[0] = Math.max(back.free[0]!, arrival)
    for (const symbol of symbols) {
      back.run(symbol)
      count(symbol)
    }
    backStarts[backAt] = back.free[0]! - back.stages[0]!.interval
    backAt = backAt + 1 === backStarts.length ? 0 : backAt + 1
  }

  function loadStart(arrival: number): number {
    const ready = Math.max(arrival, loadFree)
    const start = Math.max(ready, backStarts[backAt]!)
    loadBlocked += start - ready
    return start
  }

  function bookLoad(ou: number, start: number): number {
    loadFree = start + load.interval[ou]!
    loadEnd = start + load.span[ou]!
    return start + load.handover[ou]!
  }

  function separately(arrival: number, first: number, end: number, flagByte: (ou: number) => number): number {
    let start = 0
    for (let ou = first; ou < end; ou++) {
      start = loadStart(arrival)
      follow(bookLoad(ou, start), [ouSymbols[shapeOf[ou]!]![planeCount(flagByte(ou))]!])
    }
    return start
  }

  function merged(arrival: number, first: number, end: number, flagByte: (ou: number) => number): number {
    let start = loadStart(arrival)
    let done = bookLoad(first, start)
    for (let ou = first + 1; ou < end; ou++) {
      start = loadFree
      done = bookLoad(ou, start)
    }
    const planes: OuShape[][] = Array.from({ length: spec.planes }, () => [])
    for (let ou = first; ou < end; ou++) {
      const shape = shapes[shapeOf[ou]!]!
      const mask = shape.slices === 0 ? 0 : flagsOf[flagByte(ou)]!
      for (const [b, list] of planes.entries()) if (((mask >> b) & 1) === 1) list.push(shape)
    }
    const fired = planes.filter((list) => list.length > 0)
    const steps = fired.length === 0 ? [[[]]] : spec.hasSkip ? fired.map((list) => [list]) : [fired]
    follow(
      done,
      steps.map((step) => windowSymbol(spec, polarities, step)),
    )
    return start
  }

  function planeCount(byte: number): number {
    let planes = 0
    for (let rest = flagsOf[byte]!; rest !== 0; rest &= rest - 1) planes++
    return planes
  }

  const order = spec.order === 'ou-bit' ? separately : merged
  return {
    back,
    cacheEnd: () => cacheEnd,
    loadEnd: () => loadEnd,
    cacheBlocked: () => cacheBlocked,
    loadBlocked: () => loadBlocked,
    run(group, flags, passes) {
      for (let pass = passes.from; pass < passes.to; pass++) {
        const flagByte = (ou: number) => flags.bytes[(listOf[ou]! - flags.firstList) * flags.stride + pass]!
        for (let w = group.firstWindow; w < group.endWindow; w++) {
          const start = Math.max(cacheFree, loadStarts[loadAt]!)
          cacheBlocked += start - cacheFree
          cacheFree = start + cache.interval[w]!
          cacheEnd = start + cache.span[w]!
          const arrival = start + cache.handover[w]!
          loadStarts[loadAt] = order(arrival, mapping.windowStart[w]!, mapping.windowStart[w + 1]!, flagByte)
          loadAt = loadAt + 1 === loadStarts.length ? 0 : loadAt + 1
        }
      }
    },
  }
}
