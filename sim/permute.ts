// The block permutations of a whole network: searched layer by layer, its strips on as many threads as there are.
import { blocksOf, stripRanges } from '../models/mapping/ranges.js'
import { type NetworkPermutations, type StripJob, stripJobs } from '../models/mapping/search.js'
import { identityPermutation } from '../models/mapping/strip.js'
import { quantiseWeights } from '../models/nn/quantise.js'
import type { Network, WeightMatrix } from '../models/nn/types.js'
import { mapSpec } from './chip/parts.js'
import type { Machine } from './chip/spec.js'
import type { Progress } from './progress.js'
import { type SearchPool, searchPool } from './threads/strips.js'

export interface Remapped {
  readonly permutations: NetworkPermutations
  /** names of the random streams that were drawn from, in the order of layers and strips */
  readonly streams: readonly string[]
}

/** Searches all layers with the remapper of the machine. The result does not depend on the number of threads. */
export async function searchNetwork(
  network: Network,
  machine: Machine,
  threads: number,
  progress: Progress,
  signal: AbortSignal,
): Promise<Remapped> {
  const permutations = new Map<number, readonly Int32Array[]>()
  const streams: string[] = []
  const pool = searchPool(machine.mapping.remapper === 'identity' ? 1 : threads, signal)
  try {
    for (const layer of network.layers) {
      const { matrices } = quantiseWeights(layer, machine.weights, machine.mapping.groups)
      permutations.set(layer.index, await searchMatrices(matrices, machine, layer.name, streams, progress, pool))
    }
  } finally {
    await pool.close()
  }
  return { permutations, streams }
}

async function searchMatrices(
  matrices: readonly WeightMatrix[],
  machine: Machine,
  layer: string,
  streams: string[],
  progress: Progress,
  pool: SearchPool,
): Promise<Int32Array[]> {
  const spec = mapSpec(machine, 'machine')
  const ranges = stripRanges(matrices, spec)
  const jobs = stripJobs(matrices, spec, layer)
  const work = jobs.filter((job): job is StripJob => job !== null)
  if (work.length > 0) progress.phase(`remapping ${layer}`, work.length)
  const found = await pool.run(work, progress.step)
  if (work.length > 0) progress.end()
  for (const [i, { drawn }] of found.entries()) if (drawn) streams.push(work[i]!.stream)
  let next = 0
  return jobs.map((job, i) =>
    job === null ? identityPermutation(blocksOf(ranges[i]!, spec.block)) : found[next++]!.perm,
  )
}
