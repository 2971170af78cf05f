// Which named pattern do the zeros of a network follow? For the reader of a run: a network that arrives pruned says how.
import { areaOf, gridOf, keptPerBlock } from './grid.js'
import { legality, misfit, type Verdict, worst } from './legality.js'
import { patternOf } from './pattern.js'
import type { Pattern, PatternHardware, PrunableLayer, SparsityMatrix } from './types.js'

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

/** Coarse to fine: the first that accounts for the zeros is the one meant. One block pattern each. */
const candidates = ['channel-wise', 'row-wise', 'column-wise', 'ou-block', 'row-block', 'block', '1:4', '2:4', '4:8']

/** @returns null when the network as a whole or none of its layers is sparse, or no named pattern accounts for the zeros */
export function findPattern(layers: readonly PrunableLayer[], hardware: PatternHardware): FoundPattern | null {
  const matrices = layers.flatMap((layer) => layer.matrices.map(seen))
  const weights = matrices.reduce((sum, { mask }) => sum + mask.length, 0)
  if (matrices.reduce((sum, { zeros }) => sum + zeros, 0) < leastSparsity * weights) return null
  const sparse = matrices.filter(({ zeros, mask }) => zeros >= leastSparsity * mask.length)
  if (sparse.length === 0) return null
  for (const name of candidates) {
    if (name === 'channel-wise' && hardware.rowOrder !== 'channel-major') continue
    const description = patternOf(name)
    const fitting = sparse.filter(({ matrix }) => misfit(description, matrix, hardware) === null)
    if (fitting.length === 0) continue
    const [pattern] = description.patterns
    const share =
      pattern!.keep === null
        ? explained(pattern!, fitting, hardware)
        : obeying(pattern!, pattern!.keep, fitting, hardware)
    if (share >= enough) return { name, share, verdict: worst(legality(description, hardware)) }
  }
  return null
}

/** What is looked at again for every pattern. */
interface Seen {
  readonly matrix: SparsityMatrix
  /** 1: not zero */
  readonly mask: Uint8Array
  readonly zeros: number
}

function seen(matrix: SparsityMatrix): Seen {
  const { values } = matrix
  const mask = new Uint8Array(values.length)
  let zeros = values.length
  for (let i = 0; i < mask.length; i++) {
    const kept = values[i] === 0 ? 0 : 1
    mask[i] = kept
    zeros -= kept
  }
  return { matrix, mask, zeros }
}

/** Share of the zeros that lie in blocks that are zero altogether. */
function explained(pattern: Pattern, matrices: readonly Seen[], hardware: PatternHardware): number {
  let inside = 0
  let zeros = 0
  for (const { matrix, mask, zeros: own } of matrices) {
    const grid = gridOf(pattern, matrix, hardware)
    const kept = keptPerBlock(grid, mask)
    for (let block = 0; block < kept.length; block++) if (kept[block] === 0) inside += areaOf(grid, block)
    zeros += own
  }
  return inside / zeros
}

/** Share of the blocks that keep at most `keep` weights. */
function obeying(pattern: Pattern, keep: number, matrices: readonly Seen[], hardware: PatternHardware): number {
  let blocks = 0
  let good = 0
  for (const { matrix, mask } of matrices) {
    const kept = keptPerBlock(gridOf(pattern, matrix, hardware), mask)
    blocks += kept.length
    for (let block = 0; block < kept.length; block++) if (kept[block]! <= keep) good++
  }
  return good / blocks
}
