// Masks → bytes: a copy of the file in which nothing but the elements of pruned weights differs.
import { ModelError, SimFault } from '../../base/errors.js'
import { isExternal } from '../../nn/constant.js'
import { createFolder } from '../../nn/fold.js'
import { buildGraph, decodeModel, type Graph } from '../../nn/graph.js'
import { loadNetwork } from '../../nn/network.js'
import type { Layer, Network } from '../../nn/types.js'
import { weightCount } from '../layers.js'
import type { Mask } from '../types.js'
import { elementWriter } from './elements.js'
import { type WeightSource, weightSource } from './source.js'
import { locateTensors } from './wire.js'

/** Masks by layer, in the order of `Layer.weights`. */
export type LayerMasks = ReadonlyMap<Layer, Mask>

/**
 * @param bytes the file that `network` was read from
 * @throws ModelError for masks of the wrong size, and for weights that cannot be overwritten in place or that others use too
 */
export function patchNetwork(bytes: Uint8Array, network: Network, masks: LayerMasks): Uint8Array {
  const { file } = network
  const model = decodeModel(bytes, file)
  const outside = model.graph?.initializer?.find(isExternal)
  if (outside !== undefined)
    throw new ModelError(
      `${file}: weights "${outside.name ?? ''}" lie in another file (external data); save the model with all weights inside one .onnx file before pruning`,
    )
  const graph = buildGraph(model, file)
  const folder = createFolder(graph)
  const sources = new Map<Layer, WeightSource>()
  for (const [layer, mask] of masks) {
    if (mask.length !== weightCount(layer))
      throw new ModelError(
        `${layer.name}: a mask of ${mask.length} entries for ${weightCount(layer)} weights; expected one a weight`,
      )
    const node = graph.nodes.find((candidate) => candidate.name === layer.name)
    if (node === undefined) throw new SimFault(`${file}: no node "${layer.name}"`)
    sources.set(layer, weightSource(graph, folder, layer, node))
  }
  refuseShared(graph, sources, masks)
  // A copy, also of a Buffer, whose own slice would be a view.
  const out = new Uint8Array(bytes)
  const spans = locateTensors(out, file)
  for (const [layer, source] of sources) {
    const span = (source.kind === 'initializer' ? spans.initializers : spans.constants).get(source.tensor)
    if (span === undefined)
      throw new SimFault(`${file}: tensor "${source.tensor}" of ${layer.name} not found in the bytes`)
    const write = elementWriter(out, span, source.dtype, source.elements, `${file}: weights "${source.tensor}"`)
    const zero = zeroCode(layer, source)
    const mask = masks.get(layer)!
    for (let i = 0; i < mask.length; i++) if (mask[i] === 0) write(source.index[i]!, zero(i))
  }
  verify(out, network, masks)
  return out
}

/** Code that stands for zero at weight i. */
function zeroCode(layer: Layer, source: WeightSource): (i: number) => number {
  if (!source.coded) return () => 0
  const { weights, geometry } = layer
  if (weights.kind !== 'integer')
    throw new ModelError(
      `${layer.name}: the zero points of its weights are lost on the way from "${source.tensor}"; spare the layer (--skip ${layer.name})`,
    )
  const { zeroPoint } = weights
  const rows = weights.codes.length / (geometry.groups * geometry.groupOut)
  return zeroPoint.length === 1 ? () => zeroPoint[0]! : (i) => zeroPoint[Math.floor(i / rows)]!
}

/** A stored tensor may feed several layers only when all of them read it alike and get the same mask. */
function refuseShared(graph: Graph, sources: ReadonlyMap<Layer, WeightSource>, masks: LayerMasks): void {
  for (const [layer, source] of sources) {
    const twins = [...sources].filter(([, other]) => other.tensor === source.tensor)
    const own = new Set(twins.flatMap(([, other]) => other.nodes))
    const stranger = source.tensors
      .flatMap((tensor) => graph.consumers.get(tensor) ?? [])
      .find((consumer) => !own.has(consumer))
    const output = source.tensors.find((tensor) => graph.outputs.includes(tensor))
    const unlike = twins.find(
      ([twin, other]) => !same(other.index, source.index) || !same(masks.get(twin)!, masks.get(layer)!),
    )
    if (stranger === undefined && output === undefined && unlike === undefined) continue
    const user = stranger?.name ?? unlike?.[0].name ?? `output "${output}" of the network`
    throw new ModelError(
      `${graph.file}: weights "${source.tensor}" of ${layer.name} are used by ${user} too, which would be pruned with them; give them separate initializers, or spare the layer (--skip ${layer.name})`,
    )
  }
}

const same = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  a === b || (a.length === b.length && Array.prototype.every.call(a, (value, i) => value === b[i]))

/** Reads the new bytes again: every weight must be mask × what it was. */
function verify(out: Uint8Array, network: Network, masks: LayerMasks): void {
  const again = loadNetwork(out, network.file)
  for (const [l, before] of network.layers.entries()) {
    const mask = masks.get(before)
    const bad = wrongWeight(before, again.layers[l]!, mask)
    if (bad >= 0) throw new SimFault(`${network.file}: weight ${bad} of ${before.name} is wrong after pruning`)
  }
}

function wrongWeight(before: Layer, after: Layer, mask: Mask | undefined): number {
  const kept = (i: number) => mask === undefined || mask[i] === 1
  const [a, b] = [before.weights, after.weights]
  if (a.kind === 'float' && b.kind === 'float')
    return a.values.findIndex((value, i) => b.values[i] !== (kept(i) ? value : 0))
  if (a.kind !== 'integer' || b.kind !== 'integer') return 0
  const rows = a.codes.length / (before.geometry.groups * before.geometry.groupOut)
  const zero = (i: number) => a.zeroPoint[a.zeroPoint.length === 1 ? 0 : Math.floor(i / rows)]!
  return a.codes.findIndex((code, i) => b.codes[i] !== (kept(i) ? code : zero(i)))
}
