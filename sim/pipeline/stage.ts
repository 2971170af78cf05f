// What a stage is: a few integers and four small functions. Queues, credits, stalls and events are in pipeline.ts alone; the law is
// docs/timing.md, section 4.

/** "No item" where an item is expected. */
export const NONE = -1

/** Integers that shape a stage's place in the pipeline; all ≥ 1. */
export interface StageTiming {
  readonly latency: number
  readonly depth: number
  readonly queue: number
  readonly streaming: boolean
}

/**
 * What a stage does with its items. It works on one input item at a time and on its firings in order, so it may keep a cursor:
 * `begin` is called once per item, then for every k in order `credit`, `interval` and `fire`, each once. `credit` may be asked early.
 */
export interface StageBehaviour {
  /** number of firings on this item, ≥ 1 */
  begin(item: number): number
  /** whether firing k takes a credit of the queue behind the stage */
  credit(k: number): boolean
  /** cycles that firing k holds the stage, ≥ 1 */
  interval(k: number): number
  /** carries firing k out; returns the emitted item or NONE */
  fire(k: number): number
}

/**
 * What of a behaviour never varies: the pipeline then need not ask. The functions say the same (the law tests ask them, the pipeline
 * takes these), so a wrong constant is found.
 */
export interface Constants {
  readonly interval?: number
  /** every firing takes a credit (and emits) */
  readonly credit?: true
  /** one firing per item, which hands the item on unchanged (the last stage: ends it) */
  readonly forwards?: true
}

export interface Stage {
  readonly name: string
  readonly timing: StageTiming
  readonly behaviour: StageBehaviour
  readonly constants?: Constants
}

/** Where the first stage finds its items; all have arrived at cycle 0. */
export interface Source {
  /** the next item, or NONE at the end; called at the cycle in which the first stage becomes ready for it */
  next(now: number): number
}

/** max(1, ceil(latency / smallest interval)) unless given (docs/timing.md, section 3). */
export function resolveDepth(depth: number | 'auto', latency: number, smallestInterval: number): number {
  return depth === 'auto' ? Math.max(1, Math.ceil(latency / smallestInterval)) : depth
}
