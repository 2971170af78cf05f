// A batch of items, layer by layer: every layer is placed once, and its items are simulated, in as many threads as there are.

import type { NetworkPermutations } from '../models/mapping/search.js'
import { resolveLayer } from '../models/nn/lower.js'
import { layerTensor } from '../models/nn/results.js'
import type { Layer, Network } from '../models/nn/types.js'
import type { RecordedItem } from '../traces/record/trace.js'
import type { ItemOutcome } from './chip/items/engine.js'
import { jobChoice } from './chip/job.js'
import type { LayerTotals } from './chip/layer.js'
import { type LayerPlan, weightSample } from './chip/plan.js'
import { layerIntegers } from './chip/prepare.js'
import { dumpLayer, type LayerDump } from './dump.js'
import type { RunOptions } from './options.js'
import type { Progress } from './progress.js'
import type { LayerTask } from './threads/layer-task.js'
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
  try {
    for (const [l, layer] of inOrder(network, batch)) {
      await simulator.room()
      await relieve(options.memoryBytes)
      const plan = runLayer(batch, layer, l)
      // What fails is told by the next one who asks for room, or in the end.
      plan.catch(() => {})
      plans[l] = plan
    }
    return await Promise.all(plans)
  } finally {
    await Promise.allSettled(Object.values(plans))
  }
}

/** Multiply-accumulates that take as long as placing one weight. */
const macsPerWeight = 500

/** Layers with their positions; side by side the longest first, so that no thread is left with one in the end. */
function inOrder({ layers }: Network, { items, simulator }: Batch): readonly (readonly [number, Layer])[] {
  const list = layers.map((layer, l) => [l, layer] as const)
  if (!simulator.parallel) return list
  const work = layers.map((layer) => {
    const { macs } = resolveLayer(layer, layerTensor(items[0]!.tensors, layer)!.shape)
    return items.length * macs + macsPerWeight * layer.weightShape.reduce((a, b) => a * b, 1)
  })
  return list.sort(([a], [b]) => work[b]! - work[a]! || a - b)
}

/** Places a layer and, if it is wanted, simulates its items. */
async function runLayer(batch: Batch, layer: Layer, l: number): Promise<LayerPlan> {
  const { options, simulator, chosen, totals, dump } = batch
  const { machine } = options
  const items = options.dryRun || !chosen.has(layer) ? [] : batch.items
  const first = layerTensor(batch.items[0]!.tensors, layer)!
  const task: LayerTask = {
    layer,
    integers: layerIntegers(layer, machine),
    inputShape: first.shape,
    form: first.form,
    machine,
    choice: jobChoice(options),
    perms: batch.permutations.get(layer.index),
  }
  const sample = weightSample(layer, machine.weights.rowOrder)
  const tensors = items.map((item) => layerTensor(item.tensors, layer)!)
  const { macs } = resolveLayer(layer, first.shape)
  const meters = items.map(() => batch.meter())
  let recorder: LayerDump | null = null
  const wanted = options.dumpMapping || options.dumpVectors !== null
  // A turn in which the numbers of the model can go: their integers are what is simulated.
  await relieve(options.memoryBytes)
  const { figures, outcomes } = await simulator.run(task, tensors, {
    onShare: (i, share) => meters[i]!(share * macs),
    observe(job, i) {
      if (!wanted || items[i]!.index !== 0) return null
      recorder = dumpLayer(job.placed, machine, tensors[i]!, options)
      return recorder.onFiring
    },
  })
  // The first item stands first: it is the one that is dumped.
  for (const [path, content] of dumped(recorder, outcomes)) dump.set(path, content)
  for (const [i, outcome] of outcomes.entries()) totals[l]!.add(items[i]!.index, outcome)
  return { ...figures, layer, sample }
}

function dumped(
  recorder: LayerDump | null,
  outcomes: readonly ItemOutcome[],
): Iterable<readonly [string, Uint8Array | string]> {
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
