// A network with recorded activations, placed on a machine and ready for both engines: what the benchmarks run, and the one place where
// they meet the composition of layers.
import { readFileSync } from 'node:fs'
import { type Gather, gathersOf } from '../models/nn/gather.js'
import { loadNetwork } from '../models/nn/network.js'
import type { CodedTensor, Network } from '../models/nn/types.js'
import { sumMatrix } from '../models/values/sums.js'
import { itemVectors, machineAdc, type PlacedLayer, placeLayer } from '../sim/chip/prepare.js'
import { resolveMachine } from '../sim/chip/resolve.js'
import type { Machine } from '../sim/chip/spec.js'
import { plainEvent, runEvent } from '../sim/engines/event.js'
import { blocksOf } from '../sim/engines/fast/blocks.js'
import { type DriveWeights, driveWeights } from '../sim/engines/fast/drive.js'
import { type FastOptions, runFast } from '../sim/engines/fast/fast.js'
import { chooseKernels } from '../sim/engines/fast/kernels/index.js'
import { createFastLayer, type FastLayer } from '../sim/engines/fast/macro.js'
import { planFast } from '../sim/engines/fast/plan.js'
import { timingOf } from '../sim/engines/fast/result.js'
import { chooseGather, tensorStreams } from '../sim/engines/fast/streams.js'
import { type FastValues, openFastValues } from '../sim/engines/fast/values.js'
import { createWorkspace, type Workspace } from '../sim/engines/fast/workspace.js'
import type { TallyContext } from '../sim/stages/tally.js'
import { recordedTensors, recordTrace } from '../traces/record/record.js'
import { type InputItem, openSession } from '../traces/record/session.js'
import type { RecordedTrace } from '../traces/record/trace.js'
import type { TimingResult } from '../traces/results/result.js'
import { seed, topologyFile } from './topologies/build.js'
import type { Topology } from './topologies/graph.js'
import { image } from './topologies/images.js'

/** A network and the integer activations of some items. */
export interface Scene {
  readonly name: string
  readonly network: Network
  readonly bytes: Uint8Array
  readonly items: readonly InputItem[]
  readonly trace: RecordedTrace
}

/** A layer on a machine; what does not depend on activations is worked out once, and what the engine tabulates stays. */
export interface SceneLayer {
  readonly placed: PlacedLayer
  readonly machine: Machine
  readonly tensor: CodedTensor
  readonly engine: FastLayer
  readonly weights: DriveWeights
  readonly gathers: readonly Gather[]
  /** by number of vectors */
  readonly spaces: Map<number, Workspace>
  /** by the number of vectors; negative: without single results */
  readonly values: Map<number, ReturnType<typeof openFastValues>>
}

/** Bytes that flags and blocks of activations may take. */
const memoryBytes = 1 << 28

export async function topologyScene(topology: Topology, pruned: number, count = 1): Promise<Scene> {
  const bytes = readFileSync(await topologyFile(topology, pruned))
  const items = Array.from({ length: count }, (_, i) => image(topology, seed, i))
  return recordScene(topology.name, bytes, items)
}

export async function recordScene(name: string, bytes: Uint8Array, items: readonly InputItem[]): Promise<Scene> {
  const network = loadNetwork(bytes, name)
  const session = await openSession(network, bytes, recordedTensors(network))
  const trace = await recordTrace(network, session, items, resolveMachine('wu2024', []).machine.input, () => {})
  await session.release()
  return { name, network, bytes, items, trace }
}

/** @param sets overrides of the preset machine, as on the command line */
export function placeScene({ network, trace }: Scene, sets: readonly string[]): SceneLayer[] {
  const { machine } = resolveMachine('wu2024', sets)
  return network.layers.map((layer) => {
    const tensor = trace.tensors.get(layer.inputTensor)!
    const placed = placeLayer(layer, tensor.shape, machine, 'machine')
    const { mapping, coding, masks, resolved, packed, spec } = placed
    return {
      placed,
      machine,
      tensor,
      engine: createFastLayer(planFast({ mapping, coding, sliceMasks: masks }, spec)),
      weights: driveWeights(mapping, coding, masks),
      gathers: gathersOf(layer, resolved, tensor.shape, packed, machine.weights.rowOrder),
      spaces: new Map(),
      values: new Map(),
    }
  })
}

/** Timing and counters of one item by the fast engine. @param vectors the first so many; null: all */
export function fastTiming(layer: SceneLayer, item = 0, vectors: number | null = null): TimingResult {
  return run(layer, item, vectors, null)
}

/** Timing, counters and what is told of the results behind the ADC. @param keepsResults every one of them, which runs do not need */
export function fastWithValues(layer: SceneLayer, keepsResults = false) {
  const [item, vectors] = [0, null]
  const values = fastValues(layer, countOf(layer, vectors), keepsResults)
  return { timing: run(layer, item, vectors, values.block), ...values.finish() }
}

/** The results without the timing. */
export function valuesAlone(layer: SceneLayer, item = 0) {
  const { vectors } = layer.placed.resolved
  const space = spaceOf(layer, vectors)
  const values = fastValues(layer, vectors, true)
  const streams = tensorStreams(layer.gathers, layer.tensor, item, space)
  for (const m of layer.placed.mapping.matrices.keys())
    for (const [block, first] of blocksOf(space, m, streams)) values.block(m, block, first)
  return values.finish()
}

function run(layer: SceneLayer, item: number, vectors: number | null, onBlock: FastOptions['onBlock']): TimingResult {
  const count = countOf(layer, vectors)
  const gathers = vectors === null ? layer.gathers : firstVectors(layer.gathers, count)
  const ctx = contextOf(layer, count)
  const space = spaceOf(layer, count)
  const streams = tensorStreams(gathers, layer.tensor, item, space)
  const { macros } = layer.placed
  const result = runFast(layer.engine, space, ctx, macros, streams, { onBlock, onPass: null })
  return timingOf(result, ctx, layer.weights)
}

function countOf(layer: SceneLayer, vectors: number | null): number {
  return Math.min(vectors ?? Number.POSITIVE_INFINITY, layer.placed.resolved.vectors)
}

function firstVectors(gathers: readonly Gather[], count: number): Gather[] {
  const chosen = Int32Array.from({ length: count }, (_, v) => v)
  return gathers.map((gather) => chooseGather(gather, chosen))
}

/** Memory of a layer for a number of vectors: laid out once, as in runs. */
function spaceOf(layer: SceneLayer, vectors: number): Workspace {
  const known = layer.spaces.get(vectors)
  if (known !== undefined) return known
  const kernels = chooseKernels('auto')
  const space = createWorkspace(layer.engine.plan, passesOf(layer, vectors), kernels, {
    memoryBytes,
    values: true,
    items: 1,
    inputBytes: entriesOf(layer.tensor),
  })
  layer.spaces.set(vectors, space)
  return space
}

/** Codes of an item. */
function entriesOf({ shape }: CodedTensor): number {
  return shape.reduce((a, b) => a * b, 1)
}

export function fastValues(layer: SceneLayer, vectors: number, keepsResults: boolean): FastValues {
  const { placed, tensor, machine } = layer
  const key = keepsResults ? vectors : -vectors
  let open = layer.values.get(key)
  if (open === undefined) {
    const { coding, masks } = placed
    const choice = { adcCodes: false, keepsResults, sums: placed.mapping.matrices.map(sumMatrix) }
    const own = { plan: layer.engine.plan, coding, adc: machineAdc(machine), sliceMasks: masks, ...choice }
    open = openFastValues(own, spaceOf(layer, vectors))
    layer.values.set(key, open)
  }
  return open(tensor.form, tensor.zeroPoint)
}

/** The same by the event engine, from vectors that were formed before. */
export function eventTiming(layer: SceneLayer, ctx: TallyContext): TimingResult {
  return runEvent(ctx, layer.placed.macros, plainEvent)
}

/** What the event engine reads: the vectors of an item one after another. */
export function eventContext(layer: SceneLayer, item = 0, vectors: number | null = null): TallyContext {
  const choice = vectors === null ? null : ({ kind: 'first', n: vectors } as const)
  const { chosen, work } = itemVectors(layer.placed, layer.tensor, item, layer.machine.weights.rowOrder, choice)
  return { ...contextOf(layer, chosen.length), work }
}

export function passesOf(layer: SceneLayer, vectors: number): number {
  return vectors * (layer.tensor.form === 'split' ? 2 : 1)
}

function contextOf(layer: SceneLayer, vectors: number): TallyContext {
  const { spec, map, benes, mapping, coding, masks } = layer.placed
  const work = { mapping, coding, passes: passesOf(layer, vectors), codes: [], sliceMasks: masks }
  return { work, spec, map, benes, codeBits: machineAdc(layer.machine).bits, vectors, adcCodes: new Float64Array(0) }
}
