// What a remapper is: it chooses the block permutation of one strip. Adding one = a file and a line in remappers/index.ts.
import type { Named } from '../base/registry.js'
import type { SearchOptions } from './spec.js'
import type { StripProblem } from './strip.js'

/** What a search is given besides the strip. */
export interface SearchContext {
  readonly search: SearchOptions
  /** the strip's own stream, numbers in [0, 1) */
  readonly random: () => number
  /** told of every generation: how many are done, and the best objective so far */
  readonly onGeneration: ((done: number, best: number) => void) | null
}

export interface Remapper extends Named {
  /** @returns physical position → logical block, a permutation of 0 … blocks − 1 */
  remap(strip: StripProblem, context: SearchContext): Int32Array
  /** what it maximises; absent: deletedRows, the all-zero rows of the strip's OU columns */
  objective?(strip: StripProblem, perm: ArrayLike<number>): number
}
