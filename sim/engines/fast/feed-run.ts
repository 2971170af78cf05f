// One macro from Cache to Shift&Add in `ou-bit` order, through the automaton of Load and the back end: lays out the memory of the loop, and
// does what the loop leaves to it.
import { type Automaton, stepOf, waited } from './automaton.js'
import { createFeed, type FeedSymbol } from './feed.js'
import { endFront, type FlagBlock, type MacroState } from './front.js'
import { code, entryBytes, ouBytes, register, rowHead, windowBytes } from './kernels/follow.js'
import type { FastPlan } from './plan.js'
import { createRows } from './rows.js'
import type { GroupRange, PassRange, TabulatedRun } from './run.js'
import type { Workspace } from './workspace.js'

/** @param symbolOf per OU: first of its symbols in the automaton; @param planesOf number of planes to fire, by flag byte */
export function createFeedRun(
  plan: FastPlan,
  automaton: Automaton,
  symbolOf: Int32Array,
  planesOf: Uint8Array,
  space: Workspace,
): TabulatedRun {
  const { arena, tables: memory, layout: parts } = space
  const symbols = writeWords(plan, space, symbolOf)
  for (let byte = 0; byte < 256; byte++) memory[register.planes + byte] = planesOf[byte]! * entryBytes
  const table = createRows(automaton, arena, memory, parts)
  const feed = createFeed(plan, automaton, symbols, table)
  let fits = feed.idle >= 0
  memory[register.idle] = feed.idle
  memory[register.ring] = 4 * parts.ring
  memory[register.ringEnd] = 4 * parts.backRing

  /** Tabulates what the loop has met; false: no room is left. */
  function help(why: number, flags: FlagBlock): boolean {
    const row = memory[register.row]!
    if (why === code.late) {
      const to = feed.wait(row, memory[register.late]!)
      memory[register.row] = to
      return to >= 0
    }
    const ou = memory[register.ou]! / 4
    const flag = flags.bytes[memory[ou + 1]! + memory[register.pass]!]!
    return feed.fill(row, (memory[ou]! + memory[register.planes + flag]! - 4 * rowHead) / entryBytes)
  }

  function walk(flags: FlagBlock): boolean {
    for (;;) {
      const why = arena.follow(memory, flags.bytes)
      if (why === code.done) return true
      if (!help(why, flags)) return false
      memory[register.fresh] = 0
    }
  }

  function run(
    macro: MacroState,
    { firstWindow, endWindow }: GroupRange,
    flags: FlagBlock,
    passes: PassRange,
  ): boolean {
    const row = fits ? feed.rowOf(macro) : -1
    fits = row >= 0
    if (!fits) return false
    const { windowStart } = plan.mapping
    const firstOu = 4 * parts.ous + windowStart[firstWindow]! * ouBytes
    memory[register.cacheFree] = macro.cacheFree
    memory[register.loadFree] = macro.loadFree
    memory[register.start] = Math.max(macro.loadFree, macro.backStarts[macro.backAt]!)
    memory[register.row] = row
    memory[register.slot] = 4 * (parts.ring + macro.loadAt)
    memory[register.starved] = 0
    memory[register.window] = memory[register.firstWindow] = 4 * parts.windows + firstWindow * windowBytes
    memory[register.endWindow] = 4 * parts.windows + endWindow * windowBytes
    memory[register.ou] = memory[register.firstOu] = firstOu
    memory[register.pass] = passes.from
    memory[register.endPass] = passes.to
    memory[register.fresh] = 1
    memory.set(macro.loadStarts, parts.ring)
    fits = walk(flags)
    if (!fits) {
      table.drop()
      return false
    }
    takeOver(macro, { firstWindow, endWindow }, flags, passes)
    return true
  }

  /** The state before the last OU is known, that behind it only as far as it matters to later ones: its step is made once more. */
  function takeOver(
    macro: MacroState,
    { firstWindow, endWindow }: GroupRange,
    flags: FlagBlock,
    passes: PassRange,
  ): void {
    const { windowStart } = plan.mapping
    const last = windowStart[endWindow]! - 1
    const start = memory[register.lastStart]!
    feed.restore(macro, memory[register.lastRow]!, start)
    const gap = start + plan.load.handover[last]! - macro.base
    if (gap > 0) macro.state = waited(automaton, macro.state, gap)
    const flag = flags.bytes[(plan.listOf[last]! - flags.firstList) * flags.stride + passes.to - 1]!
    const symbol = symbolOf[last]! + planesOf[flag]!
    const step = stepOf(automaton, macro.state, symbol)
    macro.base += Math.max(0, gap) + step.delta
    macro.state = step.next
    macro.backStarts[0] = macro.base - automaton.stages[0]!.interval
    macro.backAt = macro.backStarts.length === 1 ? 0 : 1

    let cacheBusy = 0
    let loadBusy = 0
    for (let w = firstWindow; w < endWindow; w++) cacheBusy += plan.cache.interval[w]!
    for (let ou = windowStart[firstWindow]!; ou <= last; ou++) loadBusy += plan.load.interval[ou]!
    const count = passes.to - passes.from
    // Nothing but firing and being blocked (Cache), or waiting for Cache (Load), lies between two moments of becoming free.
    macro.cacheBlocked += memory[register.cacheFree]! - macro.cacheFree - count * cacheBusy
    macro.loadBlocked += memory[register.loadFree]! - macro.loadFree - count * loadBusy - memory[register.starved]!
    macro.cacheFree = memory[register.cacheFree]!
    macro.loadFree = memory[register.loadFree]!
    macro.loadAt = memory[register.slot]! / 4 - parts.ring
    macro.loadStarts.set(memory.subarray(parts.ring, parts.backRing))
    endFront(plan, macro, endWindow)
  }

  return { run, collect: table.collect }
}

/** Words of windows and OUs; returns the symbols of the feed: one per kind of OU and number of planes. */
function writeWords(plan: FastPlan, space: Workspace, symbolOf: Int32Array): FeedSymbol[] {
  const { mapping, cache, load, listOf, spec } = plan
  const { windowStart, groups } = mapping
  const { tables: memory, layout: parts } = space
  const symbols: FeedSymbol[] = []
  const known = new Map<number, number>()
  const firstOf = (ou: number): number => {
    const interval = load.interval[ou]!
    const handover = load.handover[ou]!
    const symbol = symbolOf[ou]!
    // The handover follows from the interval; both factors together stay below 2^53.
    const key = interval * 2 ** 22 + symbol
    const found = known.get(key) ?? symbols.length
    if (found === symbols.length) {
      known.set(key, found)
      for (let planes = 0; planes <= spec.planes; planes++)
        symbols.push({ interval, handover, symbol: symbol + planes })
    }
    return found
  }
  for (const { from, to, firstList } of space.waves) {
    for (let w = groups[from]!.firstWindow; w < groups[to - 1]!.endWindow; w++) {
      const end = windowStart[w + 1]!
      const word = parts.windows + w * (windowBytes / 4)
      memory[word] = 4 * parts.ous + end * ouBytes
      memory[word + 1] = cache.interval[w]!
      memory[word + 2] = cache.handover[w]!
      memory[word + 3] = load.interval[end - 1]!
      for (let ou = windowStart[w]!; ou < end; ou++) {
        const at = parts.ous + ou * (ouBytes / 4)
        memory[at] = 4 * rowHead + firstOf(ou) * entryBytes
        memory[at + 1] = (listOf[ou]! - firstList) * space.flagStride
      }
    }
  }
  return symbols
}
