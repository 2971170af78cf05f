// A node that multiplies activations by constants → what it alone tells of the layer.
import { ModelError } from '../base/errors.js'
import { biasOf, type Product } from './arrange.js'
import { floatAttribute, intAttribute } from './attributes.js'
import type { Constant } from './constant.js'
import { convProduct, convTransposeProduct } from './conv.js'
import type { Form } from './forms.js'
import type { Graph, Node } from './graph.js'
import { gemmProduct, matMulProduct } from './matmul.js'
import { inputName, integerActivation, integerWeights, resultCodes } from './operands.js'
import type { Geometry, LayerWeights, TensorQuantisation } from './types.js'

/** What the node alone tells. */
export interface LayerDraft {
  readonly geometry: Geometry
  readonly weightShape: readonly number[]
  readonly weights: LayerWeights
  /** graph tensor that the node multiplies */
  readonly activation: string
  /** how that tensor is quantised, where the operator itself says so; null: look in front of it */
  readonly input: TensorQuantisation | null
  readonly result: 'real' | 'sums' | TensorQuantisation
  readonly bias: Float64Array | null
}

type Lookup = (name: string) => Constant

/** @returns null for a product of two activations */
export function draftLayer(graph: Graph, node: Node, form: Form, constant: Lookup): LayerDraft | null {
  const [first, second] = form.operands
  const fixed = (index: number) => graph.constants.has(inputName(node, index) ?? '')
  const left = fixed(first.value)
  if (!left && !fixed(second.value)) return null
  const convolution = form.base === 'Conv' || form.base === 'ConvTranspose'
  if (left && convolution)
    throw new ModelError(`${node.where}: a constant input with computed weights is not supported`)
  const [fixedSlot, movingSlot] = left ? [first, second] : [second, first]
  const name = node.inputs[fixedSlot.value]!
  const weight = form.integer
    ? integerWeights(node, fixedSlot, outputAxis(node, form, constant(name), left), constant)
    : constant(name)
  // Loops over outputs would run over the sizes of a shape that holds nothing.
  if (weight.values.length === 0)
    throw new ModelError(`${node.where}: weights "${name}" of shape [${weight.dims}] are empty`)
  const product = productOf(node, form, name, weight, left)
  const input = form.integer ? integerActivation(graph, node, movingSlot, constant) : null
  return {
    geometry: product.geometry,
    weights: product.weights,
    weightShape: weight.dims,
    activation: node.inputs[movingSlot.value]!,
    input,
    result: form.result === 'sums' ? 'sums' : (resultCodes(graph, node, form, constant) ?? 'real'),
    bias: biasFor(node, form, product, input, left, constant),
  }
}

function productOf(node: Node, form: Form, name: string, weight: Constant, left: boolean): Product {
  switch (form.base) {
    case 'Conv':
      return convProduct(node, name, weight)
    case 'ConvTranspose':
      return convTransposeProduct(node, name, weight)
    case 'Gemm':
      return gemmProduct(node, name, weight, left)
    default:
      return matMulProduct(node, name, weight, left)
  }
}

/** Dimension of an integer operand along which its scales and zero points run. */
function outputAxis(node: Node, form: Form, weight: Constant, left: boolean): number | null {
  const rank = weight.dims.length
  if (form.base === 'Conv') return 0
  if (rank < 2) return null
  const flipped = form.base === 'Gemm' && intAttribute(node, left ? 'transA' : 'transB', 0) !== 0
  return left !== flipped ? rank - 2 : rank - 1
}

function biasFor(
  node: Node,
  form: Form,
  product: Product,
  input: TensorQuantisation | null,
  left: boolean,
  constant: Lookup,
): Float64Array | null {
  const name = inputName(node, form.bias)
  if (name === null) return null
  if (left) throw new ModelError(`${node.where}: a bias behind a constant left operand is not supported`)
  const factor = form.base === 'Gemm' && !form.integer ? floatAttribute(node, 'beta', 1) : 1
  const bias = biasOf(node, name, constant, product.outputs, factor)
  const { weights } = product
  if (bias === null || input === null || weights.kind !== 'integer') return bias
  // The integer bias is added to the sums: its step is the product of both scales.
  return bias.map((value, o) => value * input.scale * weights.scale[weights.scale.length === 1 ? 0 : o]!)
}
