// Which named pattern do the zeros of a network follow? For the reader of a run: a network that arrives pruned says how.
import { gridOf, keptPerBlock } from './grid.js'
import { legality, misfit, type Verdict, worst } from './legality.js'
import { namedPatterns } from './named.js'
import { patternOf } from './pattern.js'
import { pruneLayers } from './prune.js'
import type { PatternDescription, PatternHardware, PrunableLayer, SparsityMatrix } from './types.js'

export interface FoundPattern {
  readonly name: string
  /** full blocks: share of the zeros that lie in blocks that are zero altogether; N:M: share of the blocks that keep N or fewer */
  readonly share: number
  /** what the machine can do with it (docs/sparsity.md, legality) */
  readonly verdict: Verdict
}

/** Layers, and networks, with fewer zeros are not pruned: rounding alone makes some weights zero. */
const leastSparsity = 0.1
/** A pattern counts as found when it accounts for this share. */
const enough = 0.99

/** Coarse to fine: the first that accounts for the zeros is the one meant. */
const candidates = ['channel-wise', 'row-wise', 'column-wise', 'ou-block', 'row-block', 'block', '1:4', '2:4', '4:8']

/** @returns null when the network as a whole or none of its layers is sparse, or no named pattern accounts for the zeros */
export function findPattern(layers: readonly PrunableLayer[], hardware: PatternHardware): FoundPattern | null {
  const matrices = layers.flatMap((layer) => layer.matrices)
  const weights = matrices.reduce((sum, { values }) => sum + values.length, 0)
  if (matrices.reduce((sum, matrix) => sum + zerosOf(matrix), 0) < leastSparsity * weights) return null
  const sparse = matrices.filter((matrix) => zerosOf(matrix) >= leastSparsity * matrix.values.length)
  if (sparse.length === 0) return null
  for (const name of candidates) {
    if (name === 'channel-wise' && hardware.rowOrder !== 'channel-major') continue
    const description = patternOf(name)
    const fitting = sparse.filter((matrix) => misfit(description, matrix, hardware) === null)
    if (fitting.length === 0) continue
    const share = namedPatterns.has(name)
      ? explained(description, fitting, hardware)
      : obeying(description, fitting, hardware)
    if (share >= enough) return { name, share, verdict: worst(legality(description, hardware)) }
  }
  return null
}

function zerosOf(matrix: SparsityMatrix): number {
  let zeros = 0
  for (let i = 0; i < matrix.values.length; i++) if (matrix.values[i] === 0) zeros++
  return zeros
}

function explained(
  description: PatternDescription,
  matrices: readonly SparsityMatrix[],
  hardware: PatternHardware,
): number {
  const layers = matrices.map((matrix) => ({ name: '', matrices: [matrix] }))
  const settings = { criterion: 'found', norm: 'l1', scope: 'layer', sparsity: null, seed: '', hardware } as const
  const masks = pruneLayers(layers, { ...settings, description })
  const masked = masks.reduce((sum, [mask]) => sum + mask!.reduce((gone, kept) => gone + 1 - kept, 0), 0)
  return masked / matrices.reduce((sum, matrix) => sum + zerosOf(matrix), 0)
}

function obeying(
  description: PatternDescription,
  matrices: readonly SparsityMatrix[],
  hardware: PatternHardware,
): number {
  const pattern = description.patterns[0]!
  let blocks = 0
  let good = 0
  for (const matrix of matrices) {
    const mask = Uint8Array.from(matrix.values, (value) => (value === 0 ? 0 : 1))
    for (const kept of keptPerBlock(gridOf(pattern, matrix, hardware), mask)) {
      blocks++
      if (kept <= pattern.keep!) good++
    }
  }
  return good / blocks
}
