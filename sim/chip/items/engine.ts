// What an engine is to the chip: it takes a layer once, then one item after another. Every engine gives the same outcome to the last digit.
import type { Named } from '../../../models/base/registry.js'
import { type ActionCounts, actionId } from '../../../models/cost/actions.js'
import type { CodedTensor } from '../../../models/nn/types.js'
import type { ErrorTotals } from '../../../models/values/finish.js'
import type { TimingResult } from '../../../traces/results/result.js'
import type { Firing } from '../../engines/event.js'
import type { LayerJob } from '../job.js'
import type { ItemVectors } from '../prepare.js'
import type { DenseOutcome } from '../totals.js'

export interface Engine extends Named {
  /** whether it can report single firings (dumps) */
  readonly firings: boolean
  /** Works out what no activation changes. The items of a layer share it. @param items that will come, at most */
  open(job: LayerJob, items: number): ItemRunner
}

/** Simulates one item, with pauses in which signals and progress come through. */
export type ItemRunner = (request: ItemRequest) => Generator<void, ItemOutcome>

export interface ItemRequest {
  /** of one item */
  readonly tensor: CodedTensor
  /** number of passes begun, over all array groups */
  readonly onPass: ((passes: number) => void) | null
  /** for dumps: every firing, and codes and results in the outcome */
  readonly onFiring: ((firing: Firing) => void) | null
}

export interface ItemOutcome {
  readonly vectors: number
  readonly timing: TimingResult
  /** closed-form lower bound of the cycles */
  readonly boundCycles: number
  readonly bare: DenseOutcome
  readonly sameHardware: DenseOutcome
  readonly values: ItemValues | null
  /** for dumps */
  readonly detail: { readonly input: ItemVectors; readonly outputs: Float64Array | null } | null
}

/** What the ADC did to the results of one item. */
export interface ItemValues {
  readonly errors: ErrorTotals
  readonly conversions: number
  readonly clipped: number
}

export function conversionsOf(actions: ActionCounts): number {
  return actions.counts[actionId.adcConversions]!
}
