// What stands around a layer in the graph: the quantisation of its input, the step of its output.
import { ModelError } from '../base/errors.js'
import { foldBehind } from './behind.js'
import { numbers } from './constant.js'
import type { Folder } from './fold.js'
import type { Graph, Node } from './graph.js'
import type { LayerDraft } from './layers.js'
import { elementType } from './operands.js'
import type { Layer, TensorQuantisation } from './types.js'

/** Operators that only move values: a quantised tensor stays on its grid. */
const movers = new Set(['Identity', 'Reshape', 'Flatten', 'Transpose', 'Squeeze', 'Unsqueeze'])

/** Operators that pick values, or put zeros: what was on a grid with a zero point stays on it. */
const pickers = new Set(
  ['Relu', 'MaxPool', 'GlobalMaxPool', 'Slice', 'Split', 'Gather', 'Expand', 'Tile', 'DepthToSpace'].concat([
    'SpaceToDepth',
    'Dropout',
  ]),
)

export function completeLayer(graph: Graph, folder: Folder, node: Node, draft: LayerDraft, index: number): Layer {
  const input =
    draft.input === null
      ? inputOf(graph, folder, draft.activation)
      : { tensor: draft.activation, quantisation: draft.input }
  const output = node.outputs[0]!
  const real = draft.result === 'real'
  const folded = real ? foldBehind(graph, folder, output, draft) : { ...draft, output }
  const codes = typeof draft.result === 'string' ? null : draft.result
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
    ...(codes === null ? {} : { outputCodes: codes }),
    outputStep: codes?.scale ?? (real ? outputStep(graph, folder, folded.output) : null),
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
  const keepsGrid = (node: Node) =>
    node.domain === '' &&
    (movers.has(node.op) || (pickers.has(node.op) && (node.op === 'Split' || node.outputs[0] === at)))
  for (let node = graph.producer.get(at); node !== undefined && keepsGrid(node); node = graph.producer.get(at))
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
  const tensor = node.op === 'QuantizeLinear' ? node.outputs[0]! : node.inputs[0]!
  const dtype = zero?.dtype ?? elementType(graph, tensor) ?? 'uint8'
  if (scale.length !== 1 || (dtype !== 'uint8' && dtype !== 'int8')) return null
  if (!(scale[0]! > 0) || !Number.isFinite(scale[0]!))
    throw new ModelError(`${node.where}: scale ${scale[0]}; expected a positive number`)
  return { dtype, scale: scale[0]!, zeroPoint: zero === null ? 0 : numbers(zero, node.where)[0]! }
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
