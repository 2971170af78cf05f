// The door of pruning: weights in, masks out.
import { ModelError } from '../base/errors.js'
import { loadPattern, patternOf, readPattern } from './pattern.js'
import { type PruneRequest, pruneLayers } from './prune.js'
import type { Mask, PatternDescription, PatternHardware, SparsityMatrix } from './types.js'

export { criteria } from './criteria/index.js'
export { patternKinds } from './kinds/index.js'
export { namedPatterns } from './named.js'
export type { PruneRequest } from './prune.js'
export { targetOf } from './prune.js'
export type { Mask, Pattern, PatternDescription, PatternHardware, PrunableLayer, SparsityMatrix } from './types.js'
export { loadPattern, patternOf, pruneLayers, readPattern }

/** The published machine's units (models/presets/wu2024.yaml), for callers without a machine. */
export const defaultHardware: PatternHardware = {
  beta: 4,
  ouRows: 16,
  ouCols: 8,
  tileRows: 'all',
  rowOrder: 'channel-major',
}

/** Settings of a single matrix; what is left out: magnitude by L2, no target, seed 'cimulator', `defaultHardware`. */
export type MatrixRequest = Partial<Omit<PruneRequest, 'description' | 'scope'>> & { readonly name?: string }

/** A matrix without its convolution: every row is an input channel of its own. */
export type PlainMatrix = Omit<SparsityMatrix, 'channelRows'> & { readonly channelRows?: number }

/**
 * Mask of one matrix.
 * @param matrix weights or integers e, [rows, cols] row-major in im2col order
 * @param pattern a description, or the name of one (`block`, `row-block`, `2:4` …)
 * @returns rows × cols, 1 = kept
 */
export function pruneMatrix(
  matrix: PlainMatrix,
  pattern: string | PatternDescription,
  sparsity: number | null,
  request: MatrixRequest = {},
): Mask {
  const { rows, cols, values, channelRows = 1 } = matrix
  if (values.length !== rows * cols)
    throw new ModelError(`matrix of ${rows} × ${cols}: expected ${rows * cols} weights, got ${values.length}`)
  const { name = 'matrix', ...rest } = request
  const layer = { name, matrices: [{ rows, cols, values, channelRows }] }
  const description = typeof pattern === 'string' ? patternOf(pattern) : pattern
  const defaults = { criterion: 'magnitude', norm: 'l2', seed: 'cimulator', hardware: defaultHardware } as const
  return pruneLayers([layer], { ...defaults, ...rest, description, sparsity, scope: 'layer' })[0]![0]!
}

/** The mask that weights (or integers e) already have: 1 where they are not zero. */
export function maskOf(values: ArrayLike<number>): Mask {
  return Uint8Array.from(values, (value) => (value === 0 ? 0 : 1))
}

/** Weights with the masked ones set to zero. @throws ModelError for a mask of another size */
export function masked<T extends Float32Array | Int16Array>(values: T, mask: Mask): T {
  if (mask.length !== values.length)
    throw new ModelError(`a mask of ${mask.length} entries for ${values.length} weights; expected one entry a weight`)
  const copy = values.slice() as T
  for (let i = 0; i < mask.length; i++) if (mask[i] === 0) copy[i] = 0
  return copy
}
