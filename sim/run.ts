// The recipe. Read it from top to bottom: network → trace → layers → mapping → simulation → prices → result → tables and files.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CheckFailure, SpecError } from '../models/base/errors.js'
import { packageRoot } from '../models/base/paths.js'
import { loadNetwork } from '../models/nn/network.js'
import { layerTensor } from '../models/nn/results.js'
import type { Layer, Network } from '../models/nn/types.js'
import { openInputs } from '../traces/inputs/read.js'
import type { InputSource } from '../traces/record/inputs.js'
import { openRecording, recordedTensors } from '../traces/record/record.js'
import { openSession, type Session } from '../traces/record/session.js'
import type { RecordedTrace, TraceHead, TraceSource } from '../traces/record/trace.js'
import { wholeTrace } from '../traces/record/whole.js'
import type { RunResult } from '../traces/results/result.js'
import { checkNewFile, checkTraceModel, readTrace, writeTraceFile } from '../traces/store/trace-file.js'
import { type LayerOutcome, simulateLayer } from './chip/layer.js'
import { type LayerPlan, type NetworkPlan, planNetwork } from './chip/plan.js'
import { placeLayer } from './chip/prepare.js'
import { priceRun } from './chip/priced.js'
import { dumpLayer } from './dump.js'
import type { RecordOptions, RunOptions, SourceOptions } from './options.js'
import type { Progress } from './progress.js'

export interface RunOutcome {
  readonly result: RunResult | null
  readonly plan: NetworkPlan
  readonly network: Network
  /** files of the dump, by path below the run directory */
  readonly dump: ReadonlyMap<string, Uint8Array | string>
}

/** Loads or records the activations, simulates every chosen layer and prices the counts. Nothing is written. */
export async function runSimulation(options: RunOptions, progress: Progress): Promise<RunOutcome> {
  const model = await loadModel(options.model)
  const source = await activations(options, model, progress)
  try {
    const plan = planNetwork(model.network, source.trace, options.machine)
    const chosen = chooseLayers(plan, options.layers)
    if (options.dryRun) return { result: null, plan, network: model.network, dump: new Map() }
    const dump = new Map<string, Uint8Array | string>()
    const outcomes: { plan: LayerPlan; outcome: LayerOutcome }[] = []
    for (const [position, layer] of chosen.entries()) {
      progress.phase(
        `layer ${position + 1}/${chosen.length} ${layer.layer.name}`,
        layer.groups * layer.vectors * source.items,
      )
      outcomes.push({ plan: layer, outcome: await runLayer(options, source, layer, dump, progress) })
    }
    progress.end()
    const result = priceRun({
      options,
      network: model.network,
      trace: source.trace,
      traceSha256: source.sha256,
      labels: source.labels,
      items: source.items,
      plan,
      outcomes,
    })
    return { result, plan, network: model.network, dump }
  } finally {
    await source.session?.release()
  }
}

/** Runs the network on its inputs and writes the integer activations of every layer, item by item. */
export async function recordToFile(
  options: RecordOptions,
  progress: Progress,
): Promise<{ readonly head: TraceHead; readonly sha256: string; readonly bytes: number }> {
  checkNewFile(options.out, options.force)
  const model = await loadModel(options.model)
  const { recording, session } = await startRecording(options, model, progress)
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

interface Model {
  readonly network: Network
  readonly bytes: Uint8Array
}

interface Source {
  readonly trace: RecordedTrace
  readonly sha256: string
  readonly labels: readonly (readonly number[])[] | null
  readonly items: number
  /** open when onnxruntime's own results can be asked for */
  readonly session: Session | null
  readonly inputs: InputSource | null
}

export function embeddedFile(name: string): string {
  return join(packageRoot(), 'models', 'embedded', name)
}

async function loadModel(file: string | null): Promise<Model> {
  const path = file ?? embeddedFile('network.onnx')
  const bytes = await readFile(path).catch((cause: NodeJS.ErrnoException) => {
    throw new SpecError(
      `${path}: cannot read the model (${cause.code ?? cause.message}); give the path of a .onnx file`,
    )
  })
  return { network: loadNetwork(bytes, path), bytes }
}

async function activations(options: RunOptions, model: Model, progress: Progress): Promise<Source> {
  const trace = options.trace ?? (options.model === null && options.inputs === null ? embeddedFile('trace.npz') : null)
  return trace === null ? record(options, model, progress) : replay(trace, options, model)
}

async function replay(file: string, options: RunOptions, model: Model): Promise<Source> {
  const stored = await readTrace(file)
  const { trace } = stored
  checkTraceModel(file, trace, model.network)
  const wanted = options.machine.input
  if (trace.settings.signed !== wanted.signed) {
    throw new SpecError(
      `${file}: recorded with input.signed ${trace.settings.signed}, the machine wants ${wanted.signed}; record it again with that machine`,
    )
  }
  return {
    trace,
    sha256: stored.sha256,
    labels: stored.labels,
    items: Math.min(trace.items, options.limit ?? trace.items),
    session: null,
    inputs: null,
  }
}

async function record(options: SourceOptions, model: Model, progress: Progress): Promise<Source> {
  const { recording, session, inputs } = await startRecording(options, model, progress)
  try {
    const { trace, labels } = await wholeTrace(recording)
    progress.end()
    return { trace, sha256: recording.sha256(), labels, items: trace.items, session, inputs }
  } catch (cause) {
    await session.release()
    throw cause
  }
}

async function startRecording(
  options: SourceOptions,
  model: Model,
  progress: Progress,
): Promise<{ recording: TraceSource; session: Session; inputs: InputSource }> {
  const { network } = model
  const file = options.inputs ?? (options.model === null ? embeddedFile('inputs.npz') : null)
  if (file === null)
    throw new SpecError(
      'no inputs: give --inputs FILE (.npy or .npz) for the network, or --trace FILE to replay a recorded trace',
    )
  const inputs = await openInputs(file, network.inputs, options.limit, options.labels)
  const session = await openSession(network, model.bytes, recordedTensors(network))
  try {
    progress.phase('recording activations', inputs.count)
    const recording = await openRecording(network, session, inputs, options.machine.input, (done, total) =>
      progress.step((done / total) * inputs.count),
    )
    return { recording, session, inputs }
  } catch (cause) {
    await session.release()
    throw cause
  }
}

function chooseLayers(plan: NetworkPlan, list: string | null): LayerPlan[] {
  if (list === null) return [...plan.layers]
  const chosen = list.split(',').map((entry) => findLayer(plan, entry.trim()))
  return plan.layers.filter((layer) => chosen.includes(layer))
}

function findLayer(plan: NetworkPlan, entry: string): LayerPlan {
  const found =
    plan.layers.find((layer) => layer.layer.name === entry) ??
    (/^\d+$/.test(entry) ? plan.layers[Number(entry)] : undefined)
  if (found === undefined) {
    throw new SpecError(
      `--layers: no layer "${entry}"; layers are 0 … ${plan.layers.length - 1}: ${plan.layers.map((layer) => layer.layer.name).join(', ')}`,
    )
  }
  return found
}

async function runLayer(
  options: RunOptions,
  source: Source,
  plan: LayerPlan,
  dump: Map<string, Uint8Array | string>,
  progress: Progress,
): Promise<LayerOutcome> {
  const { machine } = options
  const { layer } = plan
  const tensor = layerTensor(source.trace.tensors, layer)!
  const placed = placeLayer(layer, tensor.shape, machine, 'machine')
  const recorder =
    options.dumpVectors === null && !options.dumpMapping ? null : dumpLayer(placed, machine, tensor, options)
  const outcome = await simulateLayer({
    machine,
    placed,
    bare: placeLayer(layer, tensor.shape, machine, 'dense-bare'),
    sameHardware: placeLayer(layer, tensor.shape, machine, 'dense-same-hardware'),
    tensor,
    items: source.items,
    vectors: options.vectors,
    values: options.values,
    kernel: options.kernel,
    signal: options.signal,
    onPass: progress.step,
    onFiring: recorder?.onFiring ?? null,
    reference: (item) => referenceOf(options, source, layer, tensor.shape, item),
  })
  const steps = outcome.values?.reference?.maxSteps ?? 0
  if (steps > 1)
    throw new CheckFailure(
      `${layer.name}: the dequantised result is ${steps.toFixed(3)} output steps from onnxruntime's; expected at most 1`,
    )
  for (const [path, content] of recorder?.files(outcome) ?? []) dump.set(path, content)
  return outcome
}

async function referenceOf(
  options: RunOptions,
  source: Source,
  layer: Layer,
  inputShape: readonly number[],
  item: number,
) {
  if (!options.check || source.session === null || source.inputs === null) return null
  const fetched = await source.session.run(await source.inputs.item(item), [layer.outputTensor])
  return { data: fetched.get(layer.outputTensor)!.data, inputShape }
}
