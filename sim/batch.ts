// A batch of items, layer by layer: every layer is placed once, and its items are simulated, in as many threads as there are.

import type { NetworkPermutations } from '../models/mapping/search.js'
import { layerTensor } from '../models/nn/results.js'
import type { Layer, Network } from '../models/nn/types.js'
import type { RecordedItem } from '../traces/record/trace.js'
import { type LayerJob, prepareJob } from './chip/job.js'
import type { LayerTotals } from './chip/layer.js'
import { type LayerPlan, planLayer, weightSample } from './chip/plan.js'
import { layerIntegers } from './chip/prepare.js'
import { dumpLayer } from './dump.js'
import type { RunOptions } from './options.js'
import type { Progress } from './progress.js'
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
  const plans: LayerPlan[] = []
  const running: Promise<void>[] = []
  try {
    for (const [l, layer] of network.layers.entries()) {
      await relieve(options.memoryBytes)
      const { plan, run } = await startLayer(batch, layer, l)
      plans.push(plan)
      if (run === null) continue
      running.push(run)
      if (running.length >= simulator.layers) await running[running.length - simulator.layers]
      // A layer that failed while others are placed must not go unnoticed until the end.
      await Promise.race([Promise.all(running), new Promise((resolve) => setImmediate(resolve))])
    }
    await Promise.all(running)
    return plans
  } finally {
    await Promise.allSettled(running)
  }
}

/** Places a layer and begins to simulate it, if it is wanted. Nothing of it stays behind here. */
async function startLayer(
  batch: Batch,
  layer: Layer,
  l: number,
): Promise<{ plan: LayerPlan; run: Promise<void> | null }> {
  const { options, chosen, items } = batch
  const { machine } = options
  const tensor = layerTensor(items[0]!.tensors, layer)!
  const integers = layerIntegers(layer, machine)
  const sample = weightSample(layer, machine.weights.rowOrder)
  await relieve(options.memoryBytes)
  const job = prepareJob(layer, tensor.shape, machine, options, batch.permutations.get(layer.index), integers)
  const plan = planLayer(job, tensor.form, sample)
  return { plan, run: options.dryRun || !chosen.has(layer) ? null : runLayer(batch, job, plan, l) }
}

/** All items of one layer. */
async function runLayer(batch: Batch, job: LayerJob, plan: LayerPlan, index: number): Promise<void> {
  const { options, items, simulator, dump } = batch
  const { layer } = job.placed
  const simulate = simulator.open(job)
  const outcomes = await Promise.all(
    items.map(async (item) => {
      const tensor = layerTensor(item.tensors, layer)!
      const wanted = item.index === 0 && (options.dumpMapping || options.dumpVectors !== null)
      const recorder = wanted ? dumpLayer(job.placed, options.machine, tensor, options) : null
      const done = batch.meter()
      const passes = plan.groups * plan.vectors * (tensor.form === 'split' ? 2 : 1)
      const onPass = (count: number) => done((plan.macs * count) / passes)
      const outcome = await simulate({ tensor, item: 0, onPass, onFiring: recorder?.onFiring ?? null })
      done(plan.macs)
      for (const [path, content] of recorder?.files(outcome) ?? []) dump.set(path, content)
      return outcome
    }),
  )
  for (const [i, outcome] of outcomes.entries()) batch.totals[index]!.add(items[i]!.index, outcome)
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
