// A batch of items, layer by layer: every layer is placed once, and its items are simulated, in as many threads as there are.

import { Interrupted } from '../models/base/errors.js'
import type { NetworkPermutations } from '../models/mapping/search.js'
import { resolveLayer } from '../models/nn/lower.js'
import type { Layer, Network } from '../models/nn/types.js'
import type { ItemOutcome } from './chip/items/engine.js'
import { jobChoice } from './chip/job.js'
import type { LayerTotals } from './chip/layer.js'
import { type LayerFigures, type LayerPlan, weightSample } from './chip/plan.js'
import { layerIntegers } from './chip/prepare.js'
import { dumpLayer, type LayerDump } from './dump.js'
import type { RunOptions } from './options.js'
import type { Progress } from './progress.js'
import type { SourceItems } from './source.js'
import type { LayerTask } from './threads/layer-task.js'
import { relieve } from './threads/memory.js'
import type { Simulator } from './threads/simulator.js'

export interface Batch {
  readonly options: RunOptions
  readonly network: Network
  readonly chosen: ReadonlySet<Layer>
  readonly items: SourceItems
  readonly permutations: NetworkPermutations
  readonly simulator: Simulator
  /** one per layer; outcomes of chosen layers are added in the order of the items */
  readonly totals: readonly LayerTotals[]
  /** receives the files of the dump, by path below the run directory */
  readonly dump: Map<string, Uint8Array | string>
  readonly meter: Meter
}

/** When it fails, what is under way in other threads is left to whoever closes them. */
export async function runBatch(batch: Batch): Promise<LayerPlan[]> {
  const { options, items, simulator } = batch
  const plans: Promise<LayerPlan>[] = []
  const check = checkItems(items, options.signal)
  try {
    // One thread compares first, several while they simulate.
    if (simulator.threads === 1) await check.end
    for (const { layer, l, pieces } of schedule(batch)) {
      await Promise.race([simulator.room(), check.failure])
      await relieve(options.memoryBytes)
      const task = taskOf(batch, layer)
      const sample = weightSample(layer, task.machine.weights.rowOrder)
      // A turn in which the numbers of the model can go: their integers are what is simulated.
      await relieve(options.memoryBytes)
      const plan = runLayer(batch, task, l, pieces).then((figures) => ({ ...figures, layer, sample }))
      // What fails is told by the next one who asks for room, or in the end.
      plan.catch(() => {})
      plans[l] = plan
    }
    const all = await Promise.race([Promise.all(plans), check.failure])
    await check.end
    return all
  } finally {
    check.stop()
  }
}

/** Compares the items with what was recorded of them, with turns for others in between. `failure` never comes when they are as they should be. */
function checkItems(items: SourceItems, signal: AbortSignal) {
  let stopped = false
  const work = async () => {
    for (let i = 0; i < items.facts.length && !stopped; i++) {
      items.check(i)
      await new Promise((resolve) => setImmediate(resolve))
      if (signal.aborted) throw new Interrupted('interrupted')
    }
  }
  const end = work()
  const failure = end.then(() => new Promise<never>(() => {}))
  failure.catch(() => {})
  return {
    end,
    failure,
    stop() {
      stopped = true
    },
  }
}

/** Multiply-accumulates that take as long as placing one weight. */
const macsPerWeight = 500
/** A piece of a layer is no smaller than this share of a thread's work, and takes this many times as long as placing the layer. */
const smallestShare = 1 / 3
const leastTimes = 2

/**
 * Layers with their positions, and the pieces that their items are cut into. Side by side the longest go first, and long ones whose weights are
 * soon placed go in pieces, so that no thread is left with one in the end.
 */
function schedule({ network, items, chosen, options, simulator }: Batch) {
  const { threads } = simulator
  const list = network.layers.map((layer, l) => {
    const { macs } = resolveLayer(layer, items.head.tensors.get(layer.inputTensor)!.shape)
    const simulated = !options.dryRun && chosen.has(layer)
    const running = simulated ? items.facts.length * macs : 0
    const placing = macsPerWeight * layer.weightShape.reduce((a, b) => a * b, 1)
    return { layer, l, running, placing }
  })
  const total = list.reduce((sum, { running, placing }) => sum + running + placing, 0)
  const smallest = (smallestShare * total) / threads
  const cut = list.map(({ layer, l, running, placing }) => {
    const pieces = Math.min(threads, Math.floor(running / Math.max(smallest, leastTimes * placing)))
    return { layer, l, work: running + placing, pieces: Math.max(1, pieces) }
  })
  return threads === 1 ? cut : cut.sort((a, b) => b.work - a.work || a.l - b.l)
}

function taskOf({ options, items, permutations, simulator }: Batch, layer: Layer): LayerTask {
  const { machine } = options
  // A layer takes a quarter of the memory: more than four threads share what four may take.
  const memoryBytes = Math.floor(options.memoryBytes * Math.min(1, 4 / simulator.threads))
  const { shape, form } = items.head.tensors.get(layer.inputTensor)!
  return {
    layer,
    integers: layerIntegers(layer, machine),
    inputShape: shape,
    form,
    machine,
    choice: jobChoice({ ...options, memoryBytes }),
    perms: permutations.get(layer.index),
  }
}

/** Places a layer and, if it is wanted, simulates its items. Before anything is awaited the simulator knows of it. */
async function runLayer(batch: Batch, task: LayerTask, l: number, pieces: number): Promise<LayerFigures> {
  const { options, simulator, chosen, totals, dump } = batch
  const { layer, machine } = task
  const simulated = !options.dryRun && chosen.has(layer)
  const items = simulated ? batch.items.facts : []
  const tensors = simulated ? batch.items.take(layer) : []
  const { macs } = resolveLayer(layer, task.inputShape)
  const meters = items.map(() => batch.meter())
  let recorder: LayerDump | null = null
  const wanted = options.dumpMapping || options.dumpVectors !== null
  const { figures, outcomes } = await simulator.run(task, tensors, pieces, {
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
  if (simulated) batch.items.release(layer)
  return figures
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
