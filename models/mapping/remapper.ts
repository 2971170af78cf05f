// What a remapper is: it chooses the block permutation of one strip. Adding one = a file and a line in index.ts.
import type { Named } from '../base/registry.js'
import type { WeightMatrix } from '../nn/types.js'
import type { MapSpec } from './spec.js'

/** The part of a matrix whose blocks are to be permuted. */
export interface StripProblem {
  readonly matrix: WeightMatrix
  readonly firstRow: number
  readonly rows: number
  readonly firstCol: number
  readonly width: number
  /** ceil(width / block): the permutation has this length */
  readonly blocks: number
  readonly spec: MapSpec
}

export interface Remapper extends Named {
  /** @returns physical position → logical block, a permutation of 0 … blocks − 1 */
  remap(strip: StripProblem): Int32Array
}
