// A batch of items, layer by layer: every layer is placed once, and its items are simulated, in as many threads as there are.

import type { NetworkPermutations } from '../models/mapping/search.js'
import { resolveLayer } from '../models/nn/lower.js'
import { layerTensor } from '../models/nn/results.js'
import type { Layer, Network } from '../models/nn/types.js'
import type { RecordedItem } from '../traces/record/trace.js'
import { jobChoice } from './chip/job.js'
import type { LayerTotals } from './chip/layer.js'
import { type LayerPlan, weightSample } from './chip/plan.js'
import { layerIntegers } from './chip/prepare.js'
import { dumpLayer, type LayerDump } from './dump.js'
import type { RunOptions } from './options.js'
import type { Progress } from './progress.js'
import type { LayerAnswer, LayerTask } from './threads/layer-task.js'
import { relieve } from './threads/memory.js'
import type { Simulator } from './threads/simulator.js'

export interface Batch {
  readonly options: RunOptions
  readonly network: Network
  readonly chosen: ReadonlySet<Layer>
  readonly items: readonly RecordedItem[]
  readonly permutations: NetworkPermutations
  readonly simulator: Simulator
  /** one per layer; outcomes of chosen layers are added in the order of the items */
  readonly totals: readonly LayerTotals[]
  /** receives the files of the dump, by path below the run directory */
  readonly dump: Map<string, Uint8Array | string>
  readonly meter: Meter
}

export async function runBatch(batch: Batch): Promise<LayerPlan[]> {
  const { options, network, simulator } = batch
  const plans: Promise<LayerPlan>[] = []
  const working = new Set<Promise<unknown>>()
  try {
    for (const [l, layer] of inOrder(network, batch, simulator.pieces > 1)) {
      await relieve(options.memoryBytes)
      const { plan, pieces } = startLayer(batch, layer, l)
      plans[l] = plan
      for (const piece of pieces) {
        working.add(piece)
        piece.then(
          () => working.delete(piece),
          () => {},
        )
      }
      // A piece that failed ends the wait, and with it the batch.
      while (working.size >= simulator.pieces) await Promise.race(working)
    }
    return await Promise.all(plans)
  } finally {
    await Promise.allSettled([...Object.values(plans), ...working])
  }
}

/** Layers with their positions; for several threads the largest first, so that no thread is left with a large one in the end. */
function inOrder({ layers }: Network, { items }: Batch, largestFirst: boolean): readonly (readonly [number, Layer])[] {
  const list = layers.map((layer, l) => [l, layer] as const)
  if (!largestFirst) return list
  const work = layers.map((layer) => resolveLayer(layer, layerTensor(items[0]!.tensors, layer)!.shape).macs)
  return list.sort(([a], [b]) => work[b]! - work[a]! || a - b)
}

/** Begins to place a layer and, if it is wanted, to simulate its items. */
function startLayer(
  batch: Batch,
  layer: Layer,
  l: number,
): { plan: Promise<LayerPlan>; pieces: readonly Promise<LayerAnswer>[] } {
  const { options, simulator, chosen, totals } = batch
  const { machine } = options
  const items = options.dryRun || !chosen.has(layer) ? [] : batch.items
  const tensor = layerTensor(batch.items[0]!.tensors, layer)!
  const task: LayerTask = {
    layer,
    integers: layerIntegers(layer, machine),
    inputShape: tensor.shape,
    form: tensor.form,
    machine,
    choice: jobChoice(options),
    perms: batch.permutations.get(layer.index),
  }
  const sample = weightSample(layer, machine.weights.rowOrder)
  const pieces = cut(items, simulator.cut(chosen.size, items.length)).map((part) => runPiece(batch, task, part))
  const plan = Promise.all(pieces).then((answers) => {
    for (const [i, outcome] of answers.flatMap(({ outcomes }) => outcomes).entries())
      totals[l]!.add(items[i]!.index, outcome)
    return { ...answers[0]!.figures, layer, sample }
  })
  return { plan, pieces }
}

/** At least one part, which may be empty: a layer is placed even if nothing of it is simulated. */
function cut<T>(items: readonly T[], parts: number): (readonly T[])[] {
  const size = Math.max(1, Math.ceil(items.length / parts))
  const found = [items.slice(0, size)]
  for (let from = size; from < items.length; from += size) found.push(items.slice(from, from + size))
  return found
}

async function runPiece(batch: Batch, task: LayerTask, items: readonly RecordedItem[]): Promise<LayerAnswer> {
  const { options, simulator, dump } = batch
  const tensors = items.map((item) => layerTensor(item.tensors, task.layer)!)
  const macs = resolveLayer(task.layer, task.inputShape).macs
  const meters = items.map(() => batch.meter())
  let recorder: LayerDump | null = null
  const wanted = options.dumpMapping || options.dumpVectors !== null
  // A turn in which the numbers of the model can go: their integers are what is simulated.
  await relieve(options.memoryBytes)
  const answer = await simulator.run(task, tensors, {
    onShare: (i, share) => meters[i]!(share * macs),
    observe(job, i) {
      if (!wanted || items[i]!.index !== 0) return null
      recorder = dumpLayer(job.placed, options.machine, tensors[i]!, options)
      return recorder.onFiring
    },
  })
  // The first item stands first: it is the one that is dumped.
  for (const [path, content] of dumped(recorder, answer)) dump.set(path, content)
  return answer
}

function dumped(recorder: LayerDump | null, { outcomes }: LayerAnswer): Iterable<[string, Uint8Array | string]> {
  return recorder === null ? [] : recorder.files(outcomes[0]!)
}

/** Makes one counter for each piece of work; what they report adds up. */
export type Meter = () => (done: number) => void

export function createMeter(progress: Progress, before: number): Meter {
  let total = before
  return () => {
    let known = 0
    return (done) => {
      total += done - known
      known = done
      progress.step(total)
    }
  }
}
