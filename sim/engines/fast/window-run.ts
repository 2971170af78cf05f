// One macro from Cache to Shift&Add in `window-bit` order by the kernel of wasm/windows.ts: lays out its memory, and does what it leaves.
import { type Automaton, stepOf, waited } from './automaton.js'
import { endFront, type FlagBlock, type MacroState } from './front.js'
import { entryBytes, rowHead } from './kernels/follow.js'
import {
  windowCode as code,
  windowRegister as register,
  resume,
  windowOuBytes,
  windowWordBytes,
  windowWord as word,
} from './kernels/windows.js'
import type { Layout } from './layout.js'
import type { FastPlan } from './plan.js'
import { createRows } from './rows.js'
import type { GroupRange, PassRange, TabulatedRun } from './run.js'
import type { WindowAlphabet } from './window.js'
import type { Workspace } from './workspace.js'

/** null: the kernels have no such loop, or masks have no room. */
export function createWindowRun(
  plan: FastPlan,
  automaton: Automaton,
  alphabet: WindowAlphabet,
  space: Workspace,
): TabulatedRun | null {
  const { arena, tables: memory, layout: parts } = space
  const follow = arena.windows
  const tables = placeMasks(alphabet, parts)
  if (follow === null || tables === null) return null
  const { windowStart } = plan.mapping
  writeWords(plan, alphabet, space, tables)
  memory[register.ring] = 4 * parts.ring
  memory[register.ringEnd] = memory[register.backRing] = 4 * parts.backRing
  memory[register.backRingEnd] = 4 * (parts.backRing + plan.spec.timing.load.queue + plan.spec.timing.load.depth)
  memory[register.firstInterval] = automaton.stages[0]!.interval
  const table = createRows(automaton, arena, memory, parts)
  /** rows by state, and states in the order of their rows */
  const rows: number[] = []
  const states: number[] = []
  let width = parts.symbols
  let fits = begin()

  function rowOf(state: number): number {
    const known = rows[state]
    if (known !== undefined) return known
    const row = table.add(automaton.tables.longest[state]!)
    if (row < 0) return -1
    rows[state] = row
    states.push(state)
    return row
  }

  function begin(): boolean {
    table.reset(width)
    rows.length = 0
    states.length = 0
    memory.fill(-1, parts.masks, parts.rows)
    memory[register.idle] = rowOf(automaton.start)
    return memory[register.idle]! >= 0
  }

  /** Tabulates what the loop has met. */
  function help(why: number): 'done' | 'narrow' | 'full' {
    const row = memory[register.row]!
    const state = states[table.indexOf(row)]!
    if (why === code.wait) {
      const gap = memory[register.gap]!
      const to = rowOf(waited(automaton, state, gap))
      if (to < 0) return 'full'
      table.putWait(row, gap, to)
      memory[register.row] = to
      return 'done'
    }
    if (why === code.symbol) {
      const windowClass = alphabet.classOf[(memory[register.window]! / 4 - parts.windows) / (windowWordBytes / 4)]!
      const mask = memory[register.mask]!
      const known = alphabet.symbols[windowClass]![mask]!
      const symbol = known >= 0 ? known : alphabet.symbol(windowClass, mask)
      if (symbol >= width) return 'narrow'
      memory[tables![windowClass]! + mask] = 4 * rowHead + symbol * entryBytes
      return 'done'
    }
    const symbol = (memory[register.offset]! - 4 * rowHead) / entryBytes
    const { next, delta } = stepOf(automaton, state, symbol)
    const to = rowOf(next)
    return to >= 0 && table.put(row, symbol, to, delta, state, symbol) ? 'done' : 'full'
  }

  function walk(flags: FlagBlock): 'done' | 'narrow' | 'full' {
    for (;;) {
      const why = follow!(memory, flags.bytes)
      if (why === code.done) return 'done'
      const helped = help(why)
      if (helped !== 'done') return helped
    }
  }

  function prepare(macro: MacroState, { firstWindow, endWindow }: GroupRange, passes: PassRange): boolean {
    const row = rowOf(macro.state)
    memory[register.cacheFree] = macro.cacheFree
    memory[register.loadFree] = macro.loadFree
    memory[register.base] = macro.base
    memory[register.row] = row
    memory[register.blocked] = 0
    memory[register.slot] = 4 * (parts.ring + macro.loadAt)
    memory[register.backSlot] = 4 * (parts.backRing + macro.backAt)
    memory[register.window] = memory[register.firstWindow] = 4 * parts.windows + firstWindow * windowWordBytes
    memory[register.endWindow] = 4 * parts.windows + endWindow * windowWordBytes
    memory[register.ou] = memory[register.firstOu] = 4 * parts.ous + windowStart[firstWindow]! * windowOuBytes
    memory[register.pass] = passes.from
    memory[register.endPass] = passes.to
    memory[register.at] = resume.window
    memory.set(macro.loadStarts, parts.ring)
    memory.set(macro.backStarts, parts.backRing)
    return row >= 0
  }

  function run(macro: MacroState, group: GroupRange, flags: FlagBlock, passes: PassRange): boolean {
    while (fits) {
      const ended = prepare(macro, group, passes) ? walk(flags) : 'full'
      if (ended === 'done') {
        takeOver(macro, group, passes.to - passes.from)
        return true
      }
      // The macro is as it was: what was done so far is forgotten, and done again.
      table.drop()
      if (ended === 'narrow') width = widthFor(automaton)
      fits = ended === 'narrow' && begin()
    }
    return false
  }

  function takeOver(macro: MacroState, { firstWindow, endWindow }: GroupRange, count: number): void {
    let cacheBusy = 0
    for (let w = firstWindow; w < endWindow; w++) cacheBusy += plan.cache.interval[w]!
    // Nothing but firing and being blocked lies between two moments at which Cache becomes free.
    macro.cacheBlocked += memory[register.cacheFree]! - macro.cacheFree - count * cacheBusy
    macro.loadBlocked += memory[register.blocked]!
    macro.cacheFree = memory[register.cacheFree]!
    macro.loadFree = memory[register.loadFree]!
    macro.base = memory[register.base]!
    macro.state = states[table.indexOf(memory[register.row]!)]!
    macro.loadAt = memory[register.slot]! / 4 - parts.ring
    macro.backAt = memory[register.backSlot]! / 4 - parts.backRing
    macro.loadStarts.set(memory.subarray(parts.ring, parts.ring + macro.loadStarts.length))
    macro.backStarts.set(memory.subarray(parts.backRing, parts.backRing + macro.backStarts.length))
    endFront(plan, macro, endWindow)
  }

  return { run, collect: table.collect }
}

/** Room for all symbols so far, and as many again. */
function widthFor({ items }: Automaton): number {
  return 2 ** Math.ceil(Math.log2(2 * items.length))
}

/** Word at which the transitions by mask begin, per class of windows; null: no room. */
function placeMasks({ symbols }: WindowAlphabet, parts: Layout): number[] | null {
  const tables: number[] = []
  let at = parts.masks
  for (const { length } of symbols) {
    tables.push(at)
    at += length
  }
  return at <= parts.rows ? tables : null
}

function writeWords(plan: FastPlan, alphabet: WindowAlphabet, space: Workspace, tables: readonly number[]): void {
  const { mapping, cache, load, listOf, spec } = plan
  const { windowStart, groups } = mapping
  const { tables: memory, layout: parts, flagStride } = space
  for (let byte = 0; byte < 256; byte++) {
    memory[register.spread + 2 * byte] = alphabet.lower[byte]!
    memory[register.spread + 2 * byte + 1] = alphabet.upper[byte]!
  }
  const planes = spec.hasSkip ? spec.planes : 1
  /** A byte in each of the planes. */
  const inPlanes = (at: number, byte: number): void => {
    for (let b = 0; b < planes; b++) memory[at + (b >> 2)]! |= byte << (8 * (b & 3))
  }
  for (const { from, to, firstList } of space.waves) {
    for (let w = groups[from]!.firstWindow; w < groups[to - 1]!.endWindow; w++) {
      const at = parts.windows + w * (windowWordBytes / 4)
      const first = windowStart[w]!
      const end = windowStart[w + 1]!
      let lead = 0
      for (let ou = first; ou < end; ou++) {
        memory[parts.ous + ou * (windowOuBytes / 4)] = (listOf[ou]! - firstList) * flagStride
        if (ou < end - 1) lead += load.interval[ou]!
      }
      const put = (name: keyof typeof word, value: number): void => {
        memory[at + word[name] / 4] = value
      }
      put('end', 4 * parts.ous + end * windowOuBytes)
      put('middle', 4 * parts.ous + Math.min(end, first + 8) * windowOuBytes)
      put('cacheInterval', cache.interval[w]!)
      put('cacheHandover', cache.handover[w]!)
      put('lead', lead)
      put('loadInterval', load.interval[end - 1]!)
      put('loadHandover', load.handover[end - 1]!)
      put('offsets', 4 * tables[alphabet.classOf[w]!]!)
      const live = alphabet.live[alphabet.classOf[w]!]!
      inPlanes(at + word.live / 4, live & 255)
      inPlanes(at + word.liveHigh / 4, live >> 8)
    }
  }
}
