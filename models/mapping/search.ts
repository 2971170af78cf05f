// The search for the permutations of a layer, strip by strip. A job is plain data and knows its random stream by name, so strips may be
// searched in any order and on any number of threads with the same result.
import seedrandom from 'seedrandom'
import type { WeightMatrix } from '../nn/types.js'
import { blocksOf, stripRanges } from './ranges.js'
import { remappers } from './remappers/index.js'
import type { MapSpec, SearchOptions } from './spec.js'
import { canHelp, deletedRows, identityPermutation, type StripProblem, stripProblem } from './strip.js'

/** One strip to be searched: plain data, may be sent to a worker. */
export interface StripJob {
  readonly problem: StripProblem
  readonly remapper: string
  readonly search: SearchOptions
  /** name of the random stream: seed, layer, matrix, tile and strip */
  readonly stream: string
}

/** Plain data, may be sent back. */
export interface StripFound {
  readonly perm: Int32Array
  /** all-zero rows of the OU columns before (identity) and after */
  readonly before: number
  readonly after: number
  /** the search drew numbers from its stream */
  readonly drawn: boolean
}

/** Layer index → permutation of every strip, in strip order. */
export type NetworkPermutations = ReadonlyMap<number, readonly Int32Array[]>

/** Searches one strip. The result depends on the job alone. A remapper that ends below identity on its own objective gives identity. */
export function searchStrip(
  job: StripJob,
  onGeneration: ((done: number, best: number) => void) | null = null,
): StripFound {
  const { problem, search } = job
  const remapper = remappers.get(job.remapper)
  const plain = identityPermutation(problem.blocks)
  const before = deletedRows(problem, plain)
  const stream = seedrandom.alea(job.stream)
  let drawn = false
  const random = () => {
    drawn = true
    return stream()
  }
  const found = remapper.remap(problem, { search, random, onGeneration })
  const worth = (perm: Int32Array) => (remapper.objective ?? deletedRows)(problem, perm)
  const perm = worth(found) > worth(plain) ? found : plain
  return { perm, before, after: deletedRows(problem, perm), drawn }
}

/** The jobs of a layer, in strip order; null where the permutation is identity because nothing can be gained. */
export function stripJobs(matrices: readonly WeightMatrix[], spec: MapSpec, layer: string): (StripJob | null)[] {
  const { remapper, search, compress } = spec.options
  return stripRanges(matrices, spec).map((range) => {
    if (!compress || remapper === 'identity') return null
    const problem = stripProblem(matrices[range.matrix]!, range, spec)
    const stream = `${search.seed}/${layer}/${range.matrix}/${range.tile}/${range.strip}`
    return canHelp(problem) ? { problem, remapper, search, stream } : null
  })
}

/**
 * Permutations of the strips of a layer, in strip order, found one after another.
 * @param layer name of the layer: part of the names of the random streams
 */
export function searchLayer(
  matrices: readonly WeightMatrix[],
  spec: MapSpec,
  layer: string,
  onStrip: ((done: number, all: number) => void) | null = null,
): Int32Array[] {
  const ranges = stripRanges(matrices, spec)
  return stripJobs(matrices, spec, layer).map((job, i, jobs) => {
    const perm = job === null ? identityPermutation(blocksOf(ranges[i]!, spec.block)) : searchStrip(job).perm
    onStrip?.(i + 1, jobs.length)
    return perm
  })
}
