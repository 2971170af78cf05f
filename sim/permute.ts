// The block permutations of a whole network: searched strip by strip. A strip is a job of plain data (models/mapping/search.ts), so another
// caller may deal the same jobs to workers.
import { Interrupted } from '../models/base/errors.js'
import { blocksOf, stripRanges } from '../models/mapping/ranges.js'
import { type NetworkPermutations, searchStrip, stripJobs } from '../models/mapping/search.js'
import { identityPermutation } from '../models/mapping/strip.js'
import { quantiseWeights } from '../models/nn/quantise.js'
import type { Network, WeightMatrix } from '../models/nn/types.js'
import { mapSpec } from './chip/parts.js'
import type { Machine } from './chip/spec.js'
import type { Progress } from './progress.js'

export interface Remapped {
  readonly permutations: NetworkPermutations
  /** names of the random streams that were drawn from, in the order of layers and strips */
  readonly streams: readonly string[]
}

/** Searches all layers with the remapper of the machine, giving way to the event loop between strips. */
export async function searchNetwork(
  network: Network,
  machine: Machine,
  progress: Progress,
  signal: AbortSignal,
): Promise<Remapped> {
  const permutations = new Map<number, readonly Int32Array[]>()
  const streams: string[] = []
  for (const layer of network.layers) {
    const { matrices } = quantiseWeights(layer, machine.weights, machine.mapping.groups)
    permutations.set(layer.index, await searchMatrices(matrices, machine, layer.name, streams, progress, signal))
  }
  return { permutations, streams }
}

async function searchMatrices(
  matrices: readonly WeightMatrix[],
  machine: Machine,
  layer: string,
  streams: string[],
  progress: Progress,
  signal: AbortSignal,
): Promise<Int32Array[]> {
  const spec = mapSpec(machine, 'machine')
  const ranges = stripRanges(matrices, spec)
  const jobs = stripJobs(matrices, spec, layer)
  const work = jobs.filter((job) => job !== null).length
  if (work > 0) progress.phase(`remapping ${layer}`, work)
  const perms: Int32Array[] = []
  let done = 0
  for (const [i, job] of jobs.entries()) {
    if (job === null) {
      perms.push(identityPermutation(blocksOf(ranges[i]!, spec.block)))
      continue
    }
    const { perm, drawn } = searchStrip(job)
    perms.push(perm)
    if (drawn) streams.push(job.stream)
    progress.step(++done)
    await new Promise((resolve) => setImmediate(resolve))
    if (signal.aborted) throw new Interrupted('interrupted')
  }
  if (work > 0) progress.end()
  return perms
}
