// The two earlier ways to store sparse weights that the slides of Wu et al. compare with, as storage (docs/mapping.md, section 6).
import type { WeightMatrix } from '../nn/types.js'
import { stripRanges } from './ranges.js'
import { zeroCrossbars } from './remappers/cluster.js'
import { rowBits } from './row-lists.js'
import { searchStrip } from './search.js'
import type { MapSpec } from './spec.js'
import { identityPermutation, ouCount, type StripProblem, stripProblem, zeroRowsOfBlock } from './strip.js'

export interface Approach {
  /** OUs that are stored */
  readonly ous: number
  readonly indexBits: number
}

export interface Approaches {
  /** crossbars of one OU column that are left out when all zero, blocks as they are */
  readonly crossbars: Approach
  /** the same after k-means clustering of the blocks */
  readonly clustered: Approach
  /** every block compressed on its own; a network deals each its own inputs, so the blocks of an OU column need row lists of their own */
  readonly distributed: Approach
}

/** @param layer name of the layer, for the random streams of the clustering */
export function approaches(matrices: readonly WeightMatrix[], spec: MapSpec, layer: string): Approaches {
  const { search } = spec.options
  // a block wider than an OU takes several OU columns
  const wide = Math.max(1, spec.block / spec.ou.cols)
  const total = { crossbars: none, clustered: none, distributed: none }
  for (const range of stripRanges(matrices, spec)) {
    const matrix = matrices[range.matrix]!
    const problem = stripProblem(matrix, range, spec)
    const stream = `${search.seed}/${layer}/${range.matrix}/${range.tile}/${range.strip}`
    const { perm } = searchStrip({ problem, remapper: 'cluster', search, stream })
    total.crossbars = add(total.crossbars, leftOut(problem, identityPermutation(problem.blocks), wide))
    total.clustered = add(total.clustered, leftOut(problem, perm, wide))
    total.distributed = add(total.distributed, distributed(problem, rowBits(matrix, spec.tileRows), wide))
  }
  return total
}

const none: Approach = { ous: 0, indexBits: 0 }

function add(a: Approach, b: Approach): Approach {
  return { ous: a.ous + b.ous, indexBits: a.indexBits + b.indexBits }
}

/** One bit a crossbar says whether it is stored. */
function leftOut(problem: StripProblem, perm: Int32Array, wide: number): Approach {
  const crossbars = ouCount(problem) * Math.ceil(problem.rows / problem.ouRows)
  return { ous: (crossbars - zeroCrossbars(problem, perm)) * wide, indexBits: crossbars * wide }
}

function distributed(problem: StripProblem, bits: number, wide: number): Approach {
  let ous = 0
  let indexBits = 0
  for (let first = 0; first < problem.blocks; first += problem.perOu) {
    let most = 0
    for (let q = first; q < Math.min(problem.blocks, first + problem.perOu); q++) {
      const kept = problem.rows - zeroRowsOfBlock(problem, q)
      most = Math.max(most, kept)
      indexBits += kept * bits
    }
    ous += Math.ceil(most / problem.ouRows) * wide
  }
  return { ous, indexBits }
}
