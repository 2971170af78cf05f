// What a criterion supplies: what removing weights costs.
import type { Named } from '../base/registry.js'

export const norms = ['l1', 'l2'] as const
export type Norm = (typeof norms)[number]

/** Costs for one layer; stateful where it draws random numbers, so the order of the calls counts. */
export interface Scorer {
  /** cost of one weight; costs of weights add up */
  element(value: number): number
  /** cost of a block from the sum over its kept weights and their number */
  block(sum: number, count: number): number
  /** cost of a mask inside a block from the sum over the weights that it removes */
  mask(sum: number): number
}

export interface Criterion extends Named {
  /** false: removals that cost nothing are taken, and no others; there is no target */
  readonly usesTarget: boolean
  /** @param layer name of the layer; a random stream of its own belongs to it */
  scorer(norm: Norm, seed: string, layer: string): Scorer
}
