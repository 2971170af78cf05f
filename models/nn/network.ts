// ONNX bytes → Network: the layers that multiply activations by constants, and what else multiplies.
import { ModelError } from '../base/errors.js'
import { control } from './bodies.js'
import { modelSha256 } from './external.js'
import { createFolder } from './fold.js'
import { formOf, multipliesNothing, multipliesOtherwise, understood } from './forms.js'
import { buildGraph, decodeModel, type Graph, type Node } from './graph.js'
import { draftLayer } from './layers.js'
import type { ModelStorage } from './stored.js'
import { completeLayer } from './surroundings.js'
import type { ActivationProduct, Layer, Network } from './types.js'

/**
 * @param file name of the file, for messages
 * @param folder where the model's external data lie; null: it may have none
 * @param stored `file` is the path of the bytes: large weights are read from it again when they are needed
 * @throws ModelError for bytes that are no ONNX model, layers that are not supported, weights that are no numbers, and a model that
 * does not fit into memory
 */
export function loadNetwork(bytes: Uint8Array, file: string, folder: string | null = null, stored = false): Network {
  try {
    return readNetwork(bytes, file, folder, stored ? { path: file, bytes } : null)
  } catch (cause) {
    // What the JavaScript engine says when it cannot give the memory: "Array buffer allocation failed", "Invalid typed array length: …".
    if (cause instanceof RangeError) throw new ModelError(`${file}: does not fit into memory (${cause.message})`)
    throw cause
  }
}

function readNetwork(bytes: Uint8Array, file: string, directory: string | null, storage: ModelStorage | null): Network {
  const model = decodeModel(bytes, file)
  const graph = buildGraph(model, file, directory)
  const folder = createFolder(graph, storage)
  const layers: Layer[] = []
  const products: ActivationProduct[] = []
  for (const node of graph.nodes) {
    if (graph.functions.has(`${node.domain}.${node.op}`))
      throw new ModelError(`${node.where}: functions of the model are not supported; inline them first`)
    if (node.outputs.some((name) => graph.constants.has(name))) continue
    const form = formOf(node.domain, node.op)
    if (form === null) {
      refuse(node, graph)
      continue
    }
    const draft = draftLayer(graph, node, form, folder.constant)
    if (draft === null) {
      const [first, second] = form.operands.map((slot) => node.inputs[slot.value]!) as [string, string]
      products.push({ name: node.name, op: node.op, inputTensors: [first, second], outputTensor: node.outputs[0]! })
    } else layers.push(completeLayer(graph, folder, node, draft, layers.length))
  }
  if (layers.length === 0) {
    throw new ModelError(
      `${file}: no Conv, Gemm or MatMul with constant weights in this graph, so there is nothing to put on arrays`,
    )
  }
  return {
    file,
    sha256: modelSha256(bytes, directory, graph.external.locations),
    inputs: graph.inputs,
    outputs: graph.outputs,
    layers,
    activationProducts: products,
  }
}

/** @throws ModelError for nodes that multiply by constants, or may do so, in a way that is not understood */
function refuse(node: Node, graph: Graph): void {
  if (multipliesOtherwise(node.op)) {
    throw new ModelError(
      `${node.where}: this operator multiplies by weights and is not supported; export the model with ${understood}`,
    )
  }
  const hidden = multipliesNothing(node.domain, node.op) ? undefined : node.inputs.find((name) => isMatrix(graph, name))
  if (hidden) {
    throw new ModelError(
      `${node.where}: an operator outside the standard domain that may multiply by the constant "${hidden}"; export the model with standard operators`,
    )
  }
  if (node.hasBodies && !(node.domain === '' && control.has(node.op))) {
    throw new ModelError(
      `${node.where}: operators with a graph inside are not supported; export the model without ${node.op}`,
    )
  }
  if (node.layerInside !== null) {
    throw new ModelError(
      `${node.where}: ${node.layerInside} inside it multiplies by weights; layers inside ${node.op} are not supported, export the model without control flow`,
    )
  }
}

/** A constant of two or more dimensions (or one whose shape is only known after folding). */
function isMatrix(graph: Graph, name: string): boolean {
  const tensor = graph.initializers.get(name)
  return tensor === undefined ? graph.constants.has(name) : (tensor.dims?.length ?? 0) > 1
}
