// A network with recorded activations, placed on a machine and ready for both engines: what the benchmarks run, and the one place where
// they meet the composition of layers.
import { readFileSync } from 'node:fs'
import { type Gather, gathersOf } from '../models/nn/gather.js'
import { loadNetwork } from '../models/nn/network.js'
import type { CodedTensor, Network } from '../models/nn/types.js'
import { itemVectors, machineAdc, type PlacedLayer, placeLayer } from '../sim/chip/prepare.js'
import { resolveMachine } from '../sim/chip/resolve.js'
import type { Machine } from '../sim/chip/spec.js'
import { plainEvent, runEvent } from '../sim/engines/event.js'
import { type DriveWeights, driveWeights } from '../sim/engines/fast/drive.js'
import { type FastOptions, runFast } from '../sim/engines/fast/fast.js'
import { createFastLayer, type FastLayer } from '../sim/engines/fast/macro.js'
import { planFast } from '../sim/engines/fast/plan.js'
import { timingOf } from '../sim/engines/fast/result.js'
import { chooseGather, tensorStreams } from '../sim/engines/fast/streams.js'
import { createFastValues, type FastValues } from '../sim/engines/fast/values.js'
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
    }
  })
}

/** Timing and counters of one item by the fast engine. @param vectors the first so many; null: all */
export function fastTiming(
  layer: SceneLayer,
  item = 0,
  vectors: number | null = null,
  onBlock: FastOptions['onBlock'] = undefined,
): TimingResult {
  const count = Math.min(vectors ?? Number.POSITIVE_INFINITY, layer.placed.resolved.vectors)
  const gathers = vectors === null ? layer.gathers : firstVectors(layer.gathers, count)
  const ctx = contextOf(layer, count)
  const options = { memoryBytes, onPass: null, ...(onBlock && { onBlock }) }
  const streams = tensorStreams(gathers, layer.tensor, item)
  return timingOf(runFast(layer.engine, ctx, layer.placed.macros, streams, options), ctx, layer.weights)
}

function firstVectors(gathers: readonly Gather[], count: number): Gather[] {
  const chosen = Int32Array.from({ length: count }, (_, v) => v)
  return gathers.map((gather) => chooseGather(gather, chosen))
}

/** Timing, counters and the results behind the ADC. */
export function fastWithValues(layer: SceneLayer, item = 0, vectors: number | null = null) {
  const count = Math.min(vectors ?? Number.POSITIVE_INFINITY, layer.placed.resolved.vectors)
  const values = fastValues(layer, count)
  const timing = fastTiming(layer, item, vectors, values.block)
  return { timing, ...values.finish() }
}

/** The results without the timing. */
export function valuesAlone(layer: SceneLayer, item = 0) {
  const { vectors } = layer.placed.resolved
  const passes = passesOf(layer, vectors)
  const values = fastValues(layer, vectors)
  const streams = tensorStreams(layer.gathers, layer.tensor, item)
  for (const [m, { rows }] of layer.placed.mapping.matrices.entries()) {
    const most = Math.max(64, Math.floor(blockBytes / rows / 64) * 64)
    const stride = Math.min(most, Math.ceil(passes / 64) * 64)
    const bytes = new Uint8Array(rows * stride)
    for (let first = 0; first < passes; first += stride) {
      const count = Math.min(stride, passes - first)
      streams.fill(m, first, count, bytes, stride)
      values.block(m, { bytes, stride, passes: count }, first)
    }
  }
  return values.finish()
}

/** Bytes of a block of activations, as runs take them. */
const blockBytes = 1 << 19

export function fastValues(layer: SceneLayer, vectors: number): FastValues {
  const { placed, tensor, machine } = layer
  const { bitsPerStep, planes, skipZeroPlanes } = placed.spec
  return createFastValues({
    mapping: placed.mapping,
    coding: placed.coding,
    adc: machineAdc(machine),
    form: tensor.form,
    zeroPoint: tensor.zeroPoint,
    bitsPerStep,
    planes,
    skipZeroPlanes,
    sliceMasks: placed.masks,
    passes: passesOf(layer, vectors),
    adcCodes: false,
  })
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
