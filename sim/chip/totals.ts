// Adding up over items: they run one after another on the same macros, so every count and every cycle adds.
import type { ActionCounts } from '../../models/cost/actions.js'
import type { MacroResult, TimingResult } from '../../traces/results/result.js'

/** A dense reference machine on one layer. */
export interface DenseOutcome {
  readonly cycles: number
  /** Σ over macros of their spans */
  readonly macroCycles: number
  readonly actions: ActionCounts
}

export function spans(macros: readonly MacroResult[]): number {
  return macros.reduce((sum, macro) => sum + macro.span, 0)
}

export function longestSpan(macros: readonly MacroResult[]): number {
  return macros.reduce((most, macro) => Math.max(most, macro.span), 0)
}

export function addTimings(a: TimingResult, b: TimingResult): TimingResult {
  return {
    cycles: a.cycles + b.cycles,
    macros: a.macros.map((macro, i) => addMacros(macro, b.macros[i]!)),
    actions: addActions(a.actions, b.actions),
    planesFired: a.planesFired + b.planesFired,
    planesTotal: a.planesTotal + b.planesTotal,
    ouActivations: a.ouActivations + b.ouActivations,
  }
}

export function addDense(a: DenseOutcome, b: DenseOutcome): DenseOutcome {
  return {
    cycles: a.cycles + b.cycles,
    macroCycles: a.macroCycles + b.macroCycles,
    actions: addActions(a.actions, b.actions),
  }
}

function addMacros(a: MacroResult, b: MacroResult): MacroResult {
  const stages = a.stages.map((stage, i) => {
    const other = b.stages[i]!
    return {
      name: stage.name,
      firings: stage.firings + other.firings,
      busy: stage.busy + other.busy,
      blocked: stage.blocked + other.blocked,
      starved: stage.starved + other.starved,
    }
  })
  return { macro: a.macro, groups: a.groups, span: a.span + b.span, stages }
}

function addActions(a: ActionCounts, b: ActionCounts): ActionCounts {
  const add = (x: Float64Array, y: Float64Array) => x.map((value, i) => value + y[i]!)
  return {
    counts: add(a.counts, b.counts),
    cellReads: add(a.cellReads, b.cellReads),
    adcCodes: add(a.adcCodes, b.adcCodes),
  }
}
