// A way through a group of array windows that needs its tables in the memory of the kernels.
import type { FlagBlock, MacroState } from './front.js'

/** Passes from … to − 1. */
export interface PassRange {
  readonly from: number
  readonly to: number
}

export interface GroupRange {
  readonly firstWindow: number
  readonly endWindow: number
}

export interface TabulatedRun {
  /** false: there is no room for all states; nothing has happened, and nothing will */
  run(macro: MacroState, group: GroupRange, flags: FlagBlock, passes: PassRange): boolean
  /** Adds up, and forgets, the transitions taken since the last call, as `Automaton.collect` does. */
  collect(times: Float64Array, blocked: Float64Array): void
}
