// What stands around a layer in the graph: the quantisation of its input, a BatchNormalization or bias behind it, the step of its output.
import { ModelError } from '../base/errors.js'
import { floatAttribute } from './attributes.js'
import { numbers } from './constant.js'
import type { Folder } from './fold.js'
import type { Graph, Node } from './graph.js'
import type { LayerDraft } from './layers.js'
import type { Layer, TensorQuantisation } from './types.js'

/** Operators that only move values: a quantised tensor stays on its grid. */
const movers = new Set(['Identity', 'Reshape', 'Flatten', 'Transpose', 'Squeeze', 'Unsqueeze'])

export function completeLayer(graph: Graph, folder: Folder, node: Node, draft: LayerDraft, index: number): Layer {
  const input = inputOf(graph, folder, draft.activation)
  const folded = foldBehind(graph, folder, node, draft)
  return {
    index,
    name: node.name,
    op: node.op,
    geometry: draft.geometry,
    weightShape: draft.weightShape,
    weights: folded.weights,
    inputTensor: input.tensor,
    input: input.quantisation,
    outputTensor: folded.output,
    outputStep: outputStep(graph, folder, folded.output),
    bias: folded.bias,
  }
}

/** The integer tensor behind a DequantizeLinear, or the float tensor itself. */
function inputOf(
  graph: Graph,
  folder: Folder,
  tensor: string,
): { tensor: string; quantisation: TensorQuantisation | null } {
  let at = tensor
  for (let node = graph.producer.get(at); node !== undefined && movers.has(node.op); node = graph.producer.get(at))
    at = node.inputs[0]!
  const node = graph.producer.get(at)
  if (node === undefined || node.op !== 'DequantizeLinear') return { tensor, quantisation: null }
  const quantisation = scalarQuantisation(folder, graph, node)
  if (quantisation === null)
    throw new ModelError(`${node.where}: activations need one constant scale and an 8-bit type; got another form`)
  return { tensor: at === tensor ? node.inputs[0]! : tensor, quantisation }
}

function scalarQuantisation(folder: Folder, graph: Graph, node: Node): TensorQuantisation | null {
  const [, scaleName, zeroName] = node.inputs
  if (scaleName === undefined || !graph.constants.has(scaleName)) return null
  const scale = numbers(folder.constant(scaleName), node.where)
  const zero = zeroName === undefined || zeroName === '' ? null : folder.constant(zeroName)
  const dtype = zero?.dtype ?? graph.inputs.find((input) => input.name === node.inputs[0])?.dtype ?? 'uint8'
  if (scale.length !== 1 || (dtype !== 'uint8' && dtype !== 'int8')) return null
  if (!(scale[0]! > 0) || !Number.isFinite(scale[0]!))
    throw new ModelError(`${node.where}: scale ${scale[0]}; expected a positive number`)
  return { dtype, scale: scale[0]!, zeroPoint: zero === null ? 0 : numbers(zero, node.where)[0]! }
}

/** The only consumer of a tensor that is no output of the network. */
function soleConsumer(graph: Graph, tensor: string): Node | null {
  const consumers = graph.consumers.get(tensor) ?? []
  return consumers.length === 1 && !graph.outputs.includes(tensor) ? consumers[0]! : null
}

function foldBehind(
  graph: Graph,
  folder: Folder,
  node: Node,
  draft: LayerDraft,
): { weights: Layer['weights']; bias: Layer['bias']; output: string } {
  const output = node.outputs[0]!
  const plain = { weights: draft.weights, bias: draft.bias, output }
  const next = soleConsumer(graph, output)
  if (next === null || next.domain !== '') return plain
  if (next.op === 'BatchNormalization' && next.inputs.slice(1).every((name) => graph.constants.has(name))) {
    return foldNormalisation(folder, next, draft) ?? plain
  }
  return next.op === 'Add' ? (foldBias(graph, folder, next, draft, output) ?? plain) : plain
}

/** y = γ·(x − μ)/√(σ² + ε) + β (ONNX BatchNormalization in inference) moves into weights and bias of a float layer. */
function foldNormalisation(folder: Folder, node: Node, draft: LayerDraft) {
  if (draft.weights.kind !== 'float' || draft.geometry.kind !== 'conv') return null
  const outputs = draft.geometry.groups * draft.geometry.groupOut
  const [gamma, beta, mean, variance] = node.inputs
    .slice(1, 5)
    .map((name) => numbers(folder.constant(name), node.where))
  if (
    gamma === undefined ||
    beta === undefined ||
    mean === undefined ||
    variance === undefined ||
    gamma.length !== outputs
  )
    return null
  const epsilon = floatAttribute(node, 'epsilon', 1e-5)
  const factor = gamma.map((g, o) => g / Math.sqrt(variance[o]! + epsilon))
  const rows = draft.weights.values.length / outputs
  const values = draft.weights.values.map((w, i) => w * factor[Math.floor(i / rows)]!)
  if (!values.every(Number.isFinite)) throw new ModelError(`${node.where}: the folded weights are not finite`)
  const bias = factor.map((f, o) => ((draft.bias?.[o] ?? 0) - mean[o]!) * f + beta[o]!)
  return { weights: { kind: 'float' as const, values }, bias, output: node.outputs[0]! }
}

/** A constant that is added to every vector is a bias: one value, or one per output along the last axis (conv: the channel axis). */
function foldBias(graph: Graph, folder: Folder, node: Node, draft: LayerDraft, tensor: string) {
  const other = node.inputs[0] === tensor ? node.inputs[1]! : node.inputs[0]!
  const { geometry } = draft
  if (!graph.constants.has(other) || draft.bias !== null || geometry.groups !== 1) return null
  if (geometry.kind === 'matmul' && (geometry.outputAxis !== 'last' || geometry.vectorConstant)) return null
  const value = folder.constant(other)
  const axis = geometry.kind === 'conv' ? value.dims.length - 1 - geometry.kernel.length : value.dims.length - 1
  const fits = value.values.length === geometry.groupOut && value.dims[axis] === geometry.groupOut
  if (!fits) return null
  return { weights: draft.weights, bias: numbers(value, node.where), output: node.outputs[0]! }
}

/** Scale of the QuantizeLinear that the result meets, straight or behind Relu, Clip or moving operators. */
function outputStep(graph: Graph, folder: Folder, tensor: string): number | null {
  for (let at: string | null = tensor, hops = 0; at !== null && hops < 8; hops++) {
    const consumers: readonly Node[] = graph.consumers.get(at) ?? []
    const quantise = consumers.find((node) => node.op === 'QuantizeLinear')
    if (quantise !== undefined) return scalarQuantisation(folder, graph, quantise)?.scale ?? null
    const through: Node | undefined = consumers.find(
      (node) => node.op === 'Relu' || node.op === 'Clip' || movers.has(node.op),
    )
    at = through?.outputs[0] ?? null
  }
  return null
}
