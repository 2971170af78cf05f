// Outcomes of the items of one layer, added up. Energy is put on afterwards (priced.ts).
import { SimFault } from '../../models/base/errors.js'
import { addErrors, errorStatistics } from '../../models/values/finish.js'
import type { ReferenceCheck, TimingResult, ValueResult } from '../../traces/results/result.js'
import type { ItemOutcome } from './items/engine.js'
import { addDense, addTimings, type DenseOutcome, spans } from './totals.js'

export interface LayerOutcome {
  readonly vectors: number
  readonly timing: TimingResult
  readonly boundCycles: number
  readonly values: ValueResult | null
  readonly bare: DenseOutcome
  readonly sameHardware: DenseOutcome
  readonly items: readonly ItemFigures[]
}

/** What is kept of every single item. */
export interface ItemFigures {
  readonly item: number
  readonly run: DenseOutcome
  readonly bare: DenseOutcome
  readonly planesFired: number
  readonly planesTotal: number
  readonly ouActivations: number
  readonly clipped: number | null
}

/** Takes the items of a layer one after another, in their order, and keeps sums and figures. */
export interface LayerTotals {
  add(item: number, outcome: ItemOutcome): void
  /** @param reference comparison with onnxruntime, where it was made */
  finish(reference: ReferenceCheck | null): LayerOutcome
}

export function createLayerTotals(): LayerTotals {
  let sum: Totals | null = null
  const items: ItemFigures[] = []
  return {
    add(item, outcome) {
      const { detail: _, ...totals } = outcome
      sum = sum === null ? totals : addOutcomes(sum, totals)
      items.push(itemFigures(item, outcome))
    },
    finish(reference) {
      if (sum === null) throw new SimFault('a layer without items has no outcome')
      return layerOutcome(sum, items, reference)
    },
  }
}

function itemFigures(item: number, { timing, bare, values }: ItemOutcome): ItemFigures {
  const { planesFired, planesTotal, ouActivations, cycles, actions } = timing
  const run = { cycles, macroCycles: spans(timing.macros), actions }
  return { item, run, bare, planesFired, planesTotal, ouActivations, clipped: values?.clipped ?? null }
}

type Totals = Omit<ItemOutcome, 'detail'>

/** Two runs of items as one: everything adds up, in the order of the items. */
function addOutcomes(a: Totals, b: Totals): Totals {
  return {
    vectors: a.vectors + b.vectors,
    timing: addTimings(a.timing, b.timing),
    boundCycles: a.boundCycles + b.boundCycles,
    bare: addDense(a.bare, b.bare),
    sameHardware: addDense(a.sameHardware, b.sameHardware),
    values:
      a.values === null || b.values === null
        ? null
        : {
            errors: addErrors(a.values.errors, b.values.errors),
            conversions: a.values.conversions + b.values.conversions,
            clipped: a.values.clipped + b.values.clipped,
          },
  }
}

function layerOutcome(totals: Totals, items: readonly ItemFigures[], reference: ReferenceCheck | null): LayerOutcome {
  const { values } = totals
  return {
    vectors: totals.vectors,
    timing: totals.timing,
    boundCycles: totals.boundCycles,
    bare: totals.bare,
    sameHardware: totals.sameHardware,
    items,
    values:
      values === null
        ? null
        : {
            losslessMismatches: 0,
            clips: { conversions: values.conversions, clipped: values.clipped, ...errorStatistics(values.errors) },
            reference,
          },
  }
}
