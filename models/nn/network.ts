// ONNX bytes → Network: the layers that multiply activations by constants, and what else multiplies.
import { createHash } from 'node:crypto'
import { ModelError } from '../base/errors.js'
import { createFolder } from './fold.js'
import { buildGraph, decodeModel, type Graph, type Node } from './graph.js'
import { convLayer, gemmLayer, type LayerDraft, matMulLayer } from './layers.js'
import { completeLayer } from './surroundings.js'
import type { ActivationProduct, Layer, Network } from './types.js'

/** Operators that multiply by weights and are not read yet, with what to do about it. */
const unsupported = new Set([
  'ConvTranspose',
  'QLinearConv',
  'ConvInteger',
  'QLinearMatMul',
  'MatMulInteger',
  'QGemm',
  'DynamicQuantizeMatMul',
  'FusedConv',
  'FusedMatMul',
  'FusedGemm',
  'MatMulNBits',
  'MatMulIntegerToFloat',
  'Attention',
  'QAttention',
  'MultiHeadAttention',
  'LSTM',
  'GRU',
  'RNN',
  'Einsum',
  'DeformConv',
])
const control = new Set(['If', 'Loop', 'Scan'])

/**
 * @param file name of the file, for messages
 * @throws ModelError for bytes that are no ONNX model, layers that are not supported and weights that are no numbers
 */
export function loadNetwork(bytes: Uint8Array, file: string): Network {
  const model = decodeModel(bytes, file)
  const graph = buildGraph(model, file)
  const functions = new Set((model.functions ?? []).map((f) => `${f.domain ?? ''}.${f.name ?? ''}`))
  const call = graph.nodes.find((node) => functions.has(`${node.domain}.${node.op}`))
  if (call !== undefined)
    throw new ModelError(`${call.where}: functions of the model are not supported; inline them first`)
  const folder = createFolder(graph)
  const layers: Layer[] = []
  const products: ActivationProduct[] = []
  for (const node of graph.nodes) {
    if (node.outputs.some((name) => graph.constants.has(name))) continue
    refuse(node, graph)
    if (node.domain !== '' || !(node.op === 'Conv' || node.op === 'Gemm' || node.op === 'MatMul')) continue
    const draft = recognise(graph, node, folder.constant)
    if (draft === null) {
      const [first, second] = [node.inputs[0]!, node.inputs[1]!]
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
    sha256: createHash('sha256').update(bytes).digest('hex'),
    inputs: graph.inputs,
    outputs: graph.outputs,
    layers,
    activationProducts: products,
  }
}

function refuse(node: Node, graph: Graph): void {
  const hidden = node.domain !== '' && node.inputs.find((name) => isMatrix(graph, name))
  if (hidden) {
    throw new ModelError(
      `${node.where}: an operator outside the standard domain that may multiply by the constant "${hidden}"; export the model with standard operators`,
    )
  }
  if ([...node.attributes.values()].some((attribute) => attribute.g != null || (attribute.graphs?.length ?? 0) > 0)) {
    throw new ModelError(
      `${node.where}: operators with a graph inside are not supported; export the model without ${node.op}`,
    )
  }
  if (control.has(node.op))
    throw new ModelError(`${node.where}: control flow is not supported; export the model without ${node.op}`)
  if (unsupported.has(node.op)) {
    throw new ModelError(
      `${node.where}: this operator multiplies by weights and is not supported yet; export the model as float or QDQ with Conv, Gemm and MatMul`,
    )
  }
}

/** A constant of two or more dimensions (or one whose shape is only known after folding). */
function isMatrix(graph: Graph, name: string): boolean {
  const tensor = graph.initializers.get(name)
  return tensor === undefined ? graph.constants.has(name) : (tensor.dims?.length ?? 0) > 1
}

/** The layer's own part, or null for a product of two activations. */
function recognise(graph: Graph, node: Node, constant: ReturnType<typeof createFolder>['constant']): LayerDraft | null {
  const fixed = (index: number) => graph.constants.has(node.inputs[index] ?? '')
  if (!fixed(0) && !fixed(1)) return null
  if (node.op === 'Conv') {
    if (fixed(0)) throw new ModelError(`${node.where}: a constant input with computed weights is not supported`)
    return convLayer(node, constant)
  }
  const left = fixed(0)
  return node.op === 'Gemm' ? gemmLayer(node, constant, left) : matMulLayer(node, constant, left)
}
