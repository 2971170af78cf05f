// The recipe. Read it from top to bottom: network → activations → layers → mapping → simulation → prices → result → tables and files.
import { ModelError, SpecError } from '../models/base/errors.js'
import { nearest } from '../models/base/registry.js'
import { resolveLayer } from '../models/nn/lower.js'
import type { Layer, Network } from '../models/nn/types.js'
import type { ItemFacts, TraceHead } from '../traces/record/trace.js'
import type { RunResult } from '../traces/results/result.js'
import { checkNewFile } from '../traces/store/place.js'
import { writeTraceFile } from '../traces/store/trace-file.js'
import { createMeter, runBatch } from './batch.js'
import { engines } from './chip/items/index.js'
import { createLayerTotals } from './chip/layer.js'
import type { LayerPlan, NetworkPlan } from './chip/plan.js'
import { type PricedRun, priceRun } from './chip/priced.js'
import type { RecordOptions, RunOptions } from './options.js'
import type { Progress } from './progress.js'
import { permutationsFor } from './remap.js'
import { loadModel, openSource, startRecording } from './source.js'
import { openThreads, type Threads } from './threads/open.js'

export interface RunOutcome {
  readonly result: RunResult | null
  /** what `result` was made of: prices can be put on it again; null with `dryRun` */
  readonly counted: PricedRun | null
  readonly plan: NetworkPlan
  readonly network: Network
  /** files of the dump, by path below the run directory */
  readonly dump: ReadonlyMap<string, Uint8Array | string>
  /** names of the random streams that were drawn from */
  readonly streams: readonly string[]
}

/** Loads or records the activations, simulates every chosen layer and prices the counts. Nothing is written. */
export async function runSimulation(options: RunOptions, progress: Progress): Promise<RunOutcome> {
  const threads = openThreads(engines.get(options.engine), options)
  try {
    return await simulate(options, threads, progress)
  } finally {
    await threads.close()
  }
}

async function simulate(options: RunOptions, threads: Threads, progress: Progress): Promise<RunOutcome> {
  const model = loadModel(options.model)
  const { network } = model
  const chosen = chooseLayers(network, options.layers)
  const source = await openSource(options, model, progress)
  try {
    noteLimit(progress, options.limit, source.items)
    const work = workOf(network, chosen, source.head) * source.items
    const simulator = threads.simulator(work)
    const { permutations, streams } = await permutationsFor(options, network, progress)
    const totals = network.layers.map(createLayerTotals)
    const facts: ItemFacts[] = []
    const dump = new Map<string, Uint8Array | string>()
    let plans: readonly LayerPlan[] = []
    const count = options.dryRun ? 1 : source.items
    const size = source.batch(options.memoryBytes / 4, simulator.layers)
    for (let first = 0; first < count; first += size) {
      const items = await source.read(first, Math.min(size, count - first))
      progress.phase(options.dryRun ? 'placing layers' : `simulating ${chosen.size} layers`, work)
      const meter = createMeter(progress, (first / source.items) * work)
      plans = await runBatch({ options, network, chosen, items, permutations, simulator, totals, dump, meter })
      progress.end()
      facts.push(...items.facts)
    }
    const plan = { layers: plans }
    if (options.dryRun) return { result: null, counted: null, plan, network, dump, streams }
    const references = source.references()
    const outcomes = plans.flatMap((layer, l) =>
      chosen.has(layer.layer)
        ? [{ plan: layer, outcome: totals[l]!.finish(references.get(layer.layer.index) ?? null) }]
        : [],
    )
    const { head, limited } = source
    const trace = { sha256: source.sha256(), items: facts, products: head.products, limited }
    const counted: PricedRun = { options, engine: options.engine, network, trace, plan, outcomes }
    return { result: priceRun(counted), counted, plan, network, dump, streams }
  } finally {
    await source.close()
  }
}

/** Runs the network on its inputs and writes the integer activations of every layer, item by item. */
export async function recordToFile(
  options: RecordOptions,
  progress: Progress,
): Promise<{ readonly head: TraceHead; readonly sha256: string; readonly bytes: number }> {
  checkNewFile(options.out, options.force)
  const model = loadModel(options.model)
  const { recording, session } = await startRecording(options, model, progress)
  noteLimit(progress, options.limit, recording.head.items)
  try {
    const { force, pack, signal } = options
    const written = await writeTraceFile(options.out, recording, { force, pack, signal })
    return { head: recording.head, ...written }
  } finally {
    progress.end()
    await recording.close()
    await session.release()
  }
}

function noteLimit(progress: Progress, limit: number | null, items: number): void {
  if (limit !== null && limit > items)
    progress.note(`limit ${limit}: there are only ${items} item${items === 1 ? '' : 's'}; all of them are taken`)
}

function chooseLayers(network: Network, list: string | null): ReadonlySet<Layer> {
  const { layers } = network
  if (list === null) return new Set(layers)
  return new Set(
    list.split(',').map((entry) => {
      const name = entry.trim()
      const found =
        layers.find((layer) => layer.name === name) ?? (/^\d+$/.test(name) ? layers[Number(name)] : undefined)
      if (found === undefined) {
        const near = nearest(
          name,
          layers.map((layer) => layer.name),
        )
        throw new SpecError(
          `--layers: no layer "${name}";${near === null ? '' : ` did you mean "${near}"?`} Layers are 0 … ${layers.length - 1}: ${layers.map((layer) => layer.name).join(', ')}`,
        )
      }
      return found
    }),
  )
}

/** Multiply-accumulates of one item: what progress is measured in. */
function workOf(network: Network, chosen: ReadonlySet<Layer>, head: TraceHead): number {
  let macs = 0
  for (const layer of network.layers) {
    const tensor = head.tensors.get(layer.inputTensor)
    if (tensor === undefined)
      throw new ModelError(`${network.file}: the trace holds no tensor "${layer.inputTensor}" for layer ${layer.name}`)
    if (chosen.has(layer)) macs += resolveLayer(layer, tensor.shape).macs
  }
  return macs
}
