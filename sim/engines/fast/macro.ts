// One macro with its groups, passes and counters: chooses between the automaton and the direct evaluation, keeps int32 times small, and
// turns what was counted into a MacroResult.
import type { MacroResult, StageResult } from '../../../traces/results/result.js'
import { popcount } from '../../stages/context.js'
import { tabulateFlags } from '../../stages/load.js'
import { type Automaton, createAutomaton } from './automaton.js'
import { backStages } from './back.js'
import { createDirect, type DirectMacro } from './direct.js'
import { createMacroState, type FlagBlock, type MacroState, rebase, runOuBit } from './front.js'
import type { FastPlan } from './plan.js'
import type { TabulatedRun } from './run.js'
import { type ItemSymbol, ouSymbol, symbolKey } from './symbols.js'
import { createWindowAlphabet, runWindowBit, type WindowAlphabet, widestWindow } from './window.js'

/** Sums over everything that a macro did behind Load. */
export interface BackTotals {
  planesFired: number
  activations: number
  outputs: number
  outputSlices: number
  benesItemSlices: number
  /** per back stage */
  readonly firings: Float64Array
  readonly busy: Float64Array
  readonly blocked: Float64Array
}

/** What all macros of a layer share: the automaton and its alphabet. */
export interface FastLayer {
  readonly plan: FastPlan
  readonly automaton: Automaton
  readonly symbolOf: Int32Array
  readonly planesOf: Uint8Array
  readonly alphabet: WindowAlphabet | null
  /** longest possible pass over one window, in cycles */
  readonly worstWindow: number
  /** states beyond which tables are given up */
  readonly mostStates: number
  /** cycles after which the origin of times moves on at the latest */
  readonly horizon: number
  /** what one of every symbol adds, as far as they were asked for */
  readonly units: BackTotals[]
}

/** States beyond which tables are given up, unless told otherwise. */
export const usualStates = 20_000
/** Ring entries of the back end beyond which a state is too large to tabulate. */
const mostEntries = 512
/** Cycles that fit int32 times with room to spare: the origin of times moves on before they are over. */
export const usualHorizon = 2 ** 28

export function createFastLayer(plan: FastPlan, mostStates = usualStates, horizon = usualHorizon): FastLayer {
  const { spec } = plan
  const automaton = createAutomaton(backStages(spec))
  const symbols = new Map<string, number>()
  const add = (symbol: ItemSymbol): number => {
    const key = symbolKey(symbol)
    const found = symbols.get(key) ?? automaton.add(symbol)
    symbols.set(key, found)
    return found
  }
  const merges = spec.order === 'window-bit'
  const first = merges ? [] : plan.shapes.map((shape) => addOuSymbols(plan, shape, automaton))
  const flags = tabulateFlags(spec.bitsPerStep, spec.planes)
  return {
    plan,
    automaton,
    symbolOf: merges ? new Int32Array(0) : symbolsOf(plan.shapeOf, first),
    planesOf: flags.map((mask) => (spec.skipZeroPlanes ? popcount(mask) : spec.planes)),
    alphabet: merges && widest(plan) <= widestWindow ? createWindowAlphabet(plan, add) : null,
    worstWindow: worstWindow(plan),
    mostStates,
    horizon,
    units: [],
  }
}

function symbolsOf(shapeOf: Int32Array, first: readonly number[]): Int32Array {
  const symbols = new Int32Array(shapeOf.length)
  for (let ou = 0; ou < symbols.length; ou++) symbols[ou] = first[shapeOf[ou]!]!
  return symbols
}

/** One symbol per number of planes, side by side. */
function addOuSymbols(plan: FastPlan, shape: { slices: number; outputs: number }, automaton: Automaton): number {
  const numbers = Array.from({ length: plan.spec.planes + 1 }, (_, planes) =>
    automaton.add(ouSymbol(plan.spec, plan.polarities, shape, planes)),
  )
  return numbers[0]!
}

function widest({ mapping }: FastPlan): number {
  let most = 0
  for (let w = 0; w < mapping.windows; w++) most = Math.max(most, mapping.windowStart[w + 1]! - mapping.windowStart[w]!)
  return most
}

/** Every firing of one window after the other, each as long as the longest of its kind: an upper bound. */
function worstWindow(plan: FastPlan): number {
  const { spec, polarities, shapes } = plan
  const longest = (list: Int32Array) => list.reduce((a, b) => Math.max(a, b), 0)
  const activations = Math.max(0, ...shapes.map((shape) => popcount(shape.slices))) * spec.planes
  const adc = Math.max(0, ...shapes.map((s) => s.outputs * popcount(s.slices))) * polarities * spec.cyclesPerConversion
  const latencies = Object.values(spec.timing).reduce((sum, { latency }) => sum + latency, 0)
  const perActivation =
    spec.skipInterval + spec.cimInterval + adc + spec.benesInterval + spec.shiftAddInterval + latencies
  const perOu = longest(plan.load.span) + (activations + 1) * perActivation
  return longest(plan.cache.span) + latencies + widest(plan) * perOu
}

export interface FastMacro {
  /** Runs passes of a group of the layer, behind everything that was run before. */
  run(group: number, flags: FlagBlock, passes: { readonly from: number; readonly to: number }): void
  /** firings, busy and blocked cycles so far, and the span if nothing followed */
  result(macro: number, groups: readonly number[]): MacroResult
  totals(): BackTotals
  /** Everything that decides what follows, relative to the present: equal keys, equal futures. null: not known */
  key(): string | null
  now(): number
}

/** @param quick the quickest way through the layer, for flags in its workspace; null: without */
export function createFastMacro(layer: FastLayer, quick: TabulatedRun | null = null): FastMacro {
  const { plan, automaton, horizon } = layer
  const { mapping, spec } = plan
  const state = createMacroState(plan, automaton)
  const totals = createTotals(automaton.stages.length)
  const front = { windows: 0, ous: 0, cacheBusy: 0, loadBusy: 0 }
  let direct: DirectMacro | null = null

  function collect(from: Pick<Automaton, 'collect'>): void {
    const times = new Float64Array(automaton.items.length)
    from.collect(times, totals.blocked)
    for (let symbol = 0; symbol < times.length; symbol++)
      if (times[symbol]! > 0) addTotals(totals, unitOf(layer, symbol), times[symbol]!)
  }

  function switchToDirect(): DirectMacro {
    direct = createDirect(plan, { macro: state, automaton }, (symbol) =>
      addTotals(totals, unitTotals(symbol, automaton, spec.hasSkip), 1),
    )
    return direct
  }

  function tabulated(heights: number): boolean {
    const merges = spec.order === 'window-bit'
    const entries = automaton.stages.reduce((sum, stage) => sum + stage.capacity, 0)
    if (direct !== null || entries > mostEntries || (merges && layer.alphabet === null)) return false
    // Far behind the front end times are forgotten (rebase), and what the queues of the back end hold must fit as well.
    if (state.base - Math.min(state.cacheFree, state.loadFree) > horizon) return false
    return automaton.states() <= layer.mostStates && layer.worstWindow * Math.max(heights, entries) < horizon
  }

  function run(group: number, flags: FlagBlock, passes: { readonly from: number; readonly to: number }): void {
    const range = mapping.groups[group]!
    const windows = range.endWindow - range.firstWindow
    const step = Math.max(1, Math.floor(horizon / (layer.worstWindow * windows)))
    for (let from = passes.from; from < passes.to; ) {
      if (!tabulated(windows)) {
        ;(direct ?? switchToDirect()).run(range, flags, { from, to: passes.to })
        break
      }
      const to = Math.min(passes.to, from + step)
      const taker = quick?.run(state, range, flags, { from, to }) === true ? quick : automaton
      if (taker === automaton) {
        const { alphabet, symbolOf, planesOf } = layer
        if (alphabet !== null) runWindowBit(plan, automaton, state, range, flags, { from, to }, alphabet)
        else runOuBit(plan, automaton, state, range, flags, { from, to }, symbolOf, planesOf)
      }
      rebase(state)
      // Now and not at the end: visits are int32, and a step cannot have more of them than the horizon has cycles.
      collect(taker)
      from = to
    }
    addFront(front, plan, range, passes.to - passes.from)
  }

  function span(): number {
    if (direct !== null) return Math.max(direct.back.end, direct.cacheEnd(), direct.loadEnd())
    const { origin } = state
    return Math.max(
      0,
      origin + state.base + automaton.end(state.state),
      origin + state.cacheEnd,
      origin + state.loadEnd,
    )
  }

  function result(macro: number, groups: readonly number[]): MacroResult {
    const total = span()
    const stage = (name: string, firings: number, busy: number, blocked: number): StageResult => ({
      name,
      firings,
      busy,
      blocked,
      starved: total - busy - blocked,
    })
    const stages = [
      stage('cache', front.windows, front.cacheBusy, state.cacheBlocked + (direct?.cacheBlocked() ?? 0)),
      stage('load', front.ous, front.loadBusy, state.loadBlocked + (direct?.loadBlocked() ?? 0)),
      ...automaton.stages.map(({ name }, b) =>
        stage(name, totals.firings[b]!, totals.busy[b]!, totals.blocked[b]! + (direct?.back.blocked[b] ?? 0)),
      ),
    ]
    return { macro, groups, span: total, stages }
  }

  return {
    run,
    result,
    totals: () => totals,
    key: () => (direct === null ? stateKey(state) : null),
    now: () => state.origin + state.base,
  }
}

function createTotals(stages: number): BackTotals {
  const each = () => new Float64Array(stages)
  const sums = { planesFired: 0, activations: 0, outputs: 0, outputSlices: 0, benesItemSlices: 0 }
  return { ...sums, firings: each(), busy: each(), blocked: each() }
}

/** What a symbol of the automaton adds. */
function unitOf({ units, automaton, plan }: FastLayer, symbol: number): BackTotals {
  units[symbol] ??= unitTotals(automaton.items[symbol] as ItemSymbol, automaton, plan.spec.hasSkip)
  return units[symbol]
}

/** What an item that leaves Load adds. */
function unitTotals(symbol: ItemSymbol, automaton: Automaton, hasSkip: boolean): BackTotals {
  const { items, intervals, last, planesFired, activations, outputs, outputSlices, benesItemSlices } = symbol
  const sums = { planesFired, activations, outputs, outputSlices, benesItemSlices }
  const unit = { ...createTotals(automaton.stages.length), ...sums }
  const merged = items * last.reduce((a, b) => a + b, 0)
  const busyAdc = items * intervals.reduce((a, b) => a + b, 0)
  for (const [b, stage] of automaton.stages.entries()) {
    let firings = stage.name === 'adc' || stage.name === 'cim' ? items * intervals.length : merged
    if (b === 0) firings = items === 0 ? 1 : hasSkip ? items : firings
    unit.firings[b] = firings
    unit.busy[b] = stage.name === 'adc' ? busyAdc : firings * stage.interval
  }
  return unit
}

/** All but `blocked`. */
function addTotals(totals: BackTotals, unit: BackTotals, times: number): void {
  totals.planesFired += times * unit.planesFired
  totals.activations += times * unit.activations
  totals.outputs += times * unit.outputs
  totals.outputSlices += times * unit.outputSlices
  totals.benesItemSlices += times * unit.benesItemSlices
  for (let b = 0; b < unit.firings.length; b++) {
    totals.firings[b]! += times * unit.firings[b]!
    totals.busy[b]! += times * unit.busy[b]!
  }
}

function addFront(
  front: { windows: number; ous: number; cacheBusy: number; loadBusy: number },
  plan: FastPlan,
  range: { readonly firstWindow: number; readonly endWindow: number },
  passes: number,
): void {
  const { windowStart } = plan.mapping
  for (let w = range.firstWindow; w < range.endWindow; w++) {
    front.windows += passes
    front.cacheBusy += passes * plan.cache.interval[w]!
    for (let ou = windowStart[w]!; ou < windowStart[w + 1]!; ou++) {
      front.ous += passes
      front.loadBusy += passes * plan.load.interval[ou]!
    }
  }
}

/** Times that lie before the present of every stage are alike; the front end cannot ask for anything before `cacheFree`. */
function stateKey(macro: MacroState): string {
  const parts: number[] = [
    macro.state,
    macro.base - macro.cacheFree,
    Math.max(macro.loadFree, macro.cacheFree) - macro.cacheFree,
  ]
  const ring = (starts: Int32Array, at: number) => {
    for (let i = 0; i < starts.length; i++)
      parts.push(Math.max(starts[(at + i) % starts.length]!, macro.cacheFree) - macro.cacheFree)
  }
  ring(macro.loadStarts, macro.loadAt)
  ring(macro.backStarts, macro.backAt)
  return parts.join()
}
