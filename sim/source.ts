// Where a run's activations come from: a network that runs now, or a recorded trace. Items come in batches that fit into memory; when a batch
// is there, onnxruntime is gone, so that it and the simulation never need memory at the same time.
import { join } from 'node:path'
import { CheckFailure, SpecError } from '../models/base/errors.js'
import { packageRoot } from '../models/base/paths.js'
import { type ModelFile, openModel } from '../models/nn/model-file.js'
import { layerTensor, layerTensorNames } from '../models/nn/results.js'
import type { CodedTensor, Layer, Network } from '../models/nn/types.js'
import { openInputs } from '../traces/inputs/open.js'
import type { InputSource } from '../traces/record/inputs.js'
import { openRecording, recordedTensors } from '../traces/record/record.js'
import { openSession, type Session } from '../traces/record/session.js'
import type { InputSettings, ItemFacts, RecordedItem, TraceHead, TraceSource } from '../traces/record/trace.js'
import type { ReferenceCheck } from '../traces/results/result.js'
import { checkTraceModel, openTrace, type TraceFile } from '../traces/store/trace-file.js'
import { forms } from '../traces/store/trace-schema.js'
import { addReference, createReferenceTotals, finishReference } from './chip/reference.js'
import type { RunOptions, SourceOptions } from './options.js'
import type { Progress } from './progress.js'
import { createTensorStore, type Read, type TensorStore } from './tensors.js'

export interface Source {
  readonly head: TraceHead
  /** items to simulate, and whether a limit left some out (or may have: of inputs that were not read nobody knows) */
  readonly items: number
  readonly limited: boolean
  /** Items that are read together, so that what is in memory of them takes at most `bytes`, and one at least. @param layers that are under way at a time */
  batch(bytes: number, layers: number): number
  /** The items first … first + count − 1. */
  read(first: number, count: number): Promise<SourceItems>
  /** of the trace; known when every item was read */
  sha256(): string
  /** comparison with onnxruntime by layer index, of the items that were read and are to be compared */
  references(): ReadonlyMap<number, ReferenceCheck>
  close(): Promise<void>
}

/** Items that are simulated together, and their activations, layer by layer. */
export interface SourceItems {
  readonly head: TraceHead
  readonly facts: readonly IndexedFacts[]
  /** What feeds a layer, one tensor an item, until it is released. */
  take(layer: Layer): readonly CodedTensor[]
  release(layer: Layer): void
  /** Compares item `i` of these with what was recorded of it, where that was not done yet. @throws SpecError */
  check(i: number): void
}

export interface IndexedFacts extends ItemFacts {
  readonly index: number
}

export function embeddedFile(name: string): string {
  return join(packageRoot(), 'models', 'embedded', name)
}

export function loadModel(file: string | null): ModelFile {
  return openModel(file ?? embeddedFile('network.onnx'))
}

export async function openSource(options: RunOptions, model: ModelFile, progress: Progress): Promise<Source> {
  const trace = options.trace ?? (options.model === null && options.inputs === null ? embeddedFile('trace.npz') : null)
  return trace === null ? recordedNow(options, model, progress) : replayed(trace, options, model)
}

async function replayed(file: string, options: RunOptions, model: ModelFile): Promise<Source> {
  const trace = await openTrace(file)
  try {
    checkTraceModel(file, trace.head, model.network)
    checkSettings(file, trace.head, model.network, options.machine.input)
  } catch (cause) {
    await trace.close()
    throw cause
  }
  const items = Math.min(trace.head.items, options.limit ?? trace.head.items)
  const store = createTensorStore()
  return {
    head: trace.head,
    items,
    limited: items < trace.head.items,
    batch: (bytes, layers) => itemsWithin(bytes, largestFirst(trace.head).slice(0, layers)),
    read: async (first, count) => itemsOfTrace(trace, store, first, count),
    sha256: () => trace.sha256(),
    references: () => new Map(),
    close: () => trace.close(),
  }
}

function itemsOfTrace(trace: TraceFile, store: TensorStore, first: number, count: number): SourceItems {
  store.forget()
  const read: Read = (name, memory) => trace.readTensor(name, [first, count], memory)
  return {
    head: trace.head,
    facts: trace.items.slice(first, first + count).map((facts, i) => ({ ...facts, index: first + i })),
    take(layer) {
      const taken = new Map(layerTensorNames(layer).map((name) => [name, store.take(name, read)]))
      return Array.from({ length: count }, (_, i) => layerTensor({ get: (name) => taken.get(name)?.[i] }, layer)!)
    },
    release(layer) {
      for (const name of layerTensorNames(layer)) store.release(name)
    },
    check: (i) => trace.checkItem(first + i),
  }
}

/** Bytes of the tensors of an item. */
function largestFirst({ tensors }: TraceHead): number[] {
  const sizes = [...tensors.values()].map(({ form, shape }) => shape.reduce((a, b) => a * b, forms[form].bytes))
  return sizes.sort((a, b) => b - a)
}

function itemsWithin(bytes: number, sizes: readonly number[]): number {
  const ofItem = sizes.reduce((a, b) => a + b, 0)
  return Math.max(1, Math.floor(bytes / Math.max(1, ofItem)))
}

/** @throws SpecError for codes that the machine would have made otherwise */
function checkSettings(file: string, { settings }: TraceHead, network: Network, wanted: InputSettings): void {
  const differs = (['signed', 'calibration', 'percentile'] as const).find((name) => {
    // The model's own quantisation leaves nothing to calibrate, and only one calibration looks at the percentile.
    if (name !== 'signed' && network.layers.every((layer) => layer.input !== null)) return false
    if (name === 'percentile' && wanted.calibration !== 'percentile') return false
    return settings[name] !== wanted[name]
  })
  if (differs === undefined) return
  throw new SpecError(
    `${file}: recorded with input.${differs} ${settings[differs]}, the machine wants ${wanted[differs]}; record it again with that machine`,
  )
}

async function recordedNow(options: RunOptions, model: ModelFile, progress: Progress): Promise<Source> {
  const { network } = model
  const recorder = await startRecording(options, model, progress)
  const { recording, session, inputs } = recorder
  const { check } = options
  const checked = check === 'all' ? inputs.count : check === 'first' ? 1 : 0
  const totals = network.layers.map(createReferenceTotals)
  let compared = 0
  return {
    head: recording.head,
    items: inputs.count,
    limited: inputs.count < inputs.total,
    // Every item is recorded with all of its tensors.
    batch: (bytes) => itemsWithin(bytes, largestFirst(recording.head)),
    async read(first, count) {
      progress.phase('recording activations', recorder.looks())
      const items = await readAll(recording, first, count)
      for (const item of items.slice(0, Math.max(0, checked - first))) {
        progress.phase('comparing with onnxruntime', network.layers.length)
        await compare(totals, options, network, session, await inputs.item(item.index), item, progress)
        compared++
      }
      progress.end()
      await session.release()
      return {
        head: recording.head,
        facts: items.map(({ tensors: _, ...facts }) => facts),
        take: (layer) => items.map(({ tensors }) => layerTensor(tensors, layer)!),
        release() {},
        check() {},
      }
    },
    sha256: () => recording.sha256(),
    references: () =>
      new Map(compared === 0 ? [] : network.layers.map((layer, l) => [layer.index, finishReference(totals[l]!)])),
    async close() {
      await recording.close()
      await session.release()
    },
  }
}

async function readAll(source: TraceSource, first: number, count: number): Promise<RecordedItem[]> {
  const items: RecordedItem[] = []
  for (let index = first; index < first + count; index++) items.push(await source.readItem(index))
  return items
}

export interface Recorder {
  readonly recording: TraceSource
  readonly session: Session
  readonly inputs: InputSource
  /** how often items are looked at in all: what progress counts */
  looks(): number
}

/** Opens inputs and network and looks at the inputs as often as the calibration needs. The caller closes recording and session. */
export async function startRecording(
  options: SourceOptions & Partial<Pick<RunOptions, 'memoryBytes'>>,
  model: ModelFile,
  progress: Progress,
): Promise<Recorder> {
  const { network } = model
  const file = options.inputs ?? (options.model === null ? embeddedFile('inputs.npz') : null)
  if (file === null)
    throw new SpecError(
      `no inputs: give --inputs FILE (a description .yaml, .npy or .npz) for ${inputsText(network)}, or --trace FILE to replay a recorded trace; docs/inputs.md`,
    )
  const inputs = openInputs(file, network.inputs, options)
  const { memoryBytes = 2 ** 30 } = options
  const limits = { folder: model.folder, memoryBytes, largestBytes: 8 * memoryBytes }
  const session = await openSession(network, model, recordedTensors(network), limits).catch((cause) => {
    inputs.close()
    throw cause
  })
  let looks = inputs.count
  try {
    progress.phase('recording activations', looks)
    const recording = await openRecording(network, session, inputs, options.machine.input, (done, total) => {
      looks = total
      progress.step((done / total) * inputs.count)
    })
    return { recording, session, inputs, looks: () => looks }
  } catch (cause) {
    inputs.close()
    await session.release()
    throw cause
  }
}

function inputsText({ inputs }: Network): string {
  return inputs.map(({ name, dtype, shape }) => `"${name}" (${dtype} [${shape.join(', ')}])`).join(' and ')
}

/** @throws CheckFailure for a quantised layer that is more than one output step from onnxruntime's result */
async function compare(
  totals: ReturnType<typeof createReferenceTotals>[],
  { machine }: SourceOptions,
  network: Network,
  session: Session,
  input: Parameters<Session['run']>[0],
  item: RecordedItem,
  progress: Progress,
): Promise<void> {
  const names = network.layers.map((layer) => layer.outputTensor)
  let done = 0
  await session.each(input, names, (fetched) => {
    for (const [l, layer] of network.layers.entries()) {
      const theirs = fetched.get(layer.outputTensor)
      if (theirs === undefined) continue
      addReference(totals[l]!, layer, machine, layerTensor(item.tensors, layer)!, theirs.data)
      const { maxSteps } = finishReference(totals[l]!)
      if (maxSteps !== null && maxSteps > 1)
        throw new CheckFailure(
          `${layer.name}: the dequantised result is ${maxSteps.toFixed(3)} output steps from onnxruntime's; expected at most 1 (8-bit kernels of processors without VNNI may saturate: --no-check skips the comparison)`,
        )
      progress.step(++done)
    }
  })
}
