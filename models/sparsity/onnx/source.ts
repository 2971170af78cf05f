// Which element of which stored tensor a weight of a layer is: back from the layer through operators that only move elements, or that turn
// stored codes into numbers, to an initializer or a Constant node.
import { ModelError, SimFault } from '../../base/errors.js'
import { intAttribute } from '../../nn/attributes.js'
import { type Constant, readTensor } from '../../nn/constant.js'
import { transposedOrder } from '../../nn/conv.js'
import type { Folder } from '../../nn/fold.js'
import { shapeFolds } from '../../nn/fold-shape.js'
import { type Form, formOf } from '../../nn/forms.js'
import type { Graph, Node } from '../../nn/graph.js'
import { matrixOrder } from '../../nn/matmul.js'
import type { Layer } from '../../nn/types.js'

export interface WeightSource {
  /** initializer, or output of a Constant node */
  readonly tensor: string
  readonly kind: 'initializer' | 'constant'
  readonly dtype: string
  readonly elements: number
  /** stored element of every weight, weights in the order of `Layer.weights` */
  readonly index: Int32Array
  /** a zero weight is stored as the zero point of its output, not as 0 */
  readonly coded: boolean
  /** tensors from the layer's operand back to the stored one, and the nodes between them, the layer included */
  readonly tensors: readonly string[]
  readonly nodes: readonly Node[]
}

/** Operators that keep every element in its place and zero at zero. */
const inPlace = new Set(['Identity', 'Dropout', 'Cast', 'DequantizeLinear', 'QuantizeLinear'])
const moving = new Set(['Reshape', 'Flatten', 'Squeeze', 'Unsqueeze', 'Transpose'])

/** @throws ModelError naming the node behind which the weights cannot be reached */
export function weightSource(graph: Graph, folder: Folder, layer: Layer, node: Node): WeightSource {
  const form = formOf(node.domain, node.op)
  if (form === null) throw new SimFault(`${node.where}: a layer that is none`)
  const left = graph.constants.has(node.inputs[form.operands[0].value]!)
  const tensors = [node.inputs[form.operands[left ? 0 : 1].value]!]
  const nodes: Node[] = []
  while (!graph.initializers.has(tensors.at(-1)!)) {
    const from = graph.producer.get(tensors.at(-1)!)
    if (from?.op === 'Constant') break
    if (from === undefined || from.inputs[0] === undefined || !(inPlace.has(from.op) || moving.has(from.op)))
      throw new ModelError(
        `${from?.where ?? node.where}: the weights of ${layer.name} are computed here and cannot be pruned in place; fold constants first, or spare the layer (--skip ${layer.name})`,
      )
    nodes.push(from)
    tensors.push(from.inputs[0])
  }
  const tensor = tensors.at(-1)!
  const stored = storedTensor(graph, node, tensor)
  const numbered: Constant = {
    dims: stored.dims,
    dtype: 'int32',
    values: Int32Array.from({ length: stored.values.length }, (_, i) => i),
    grid: null,
  }
  const seen = nodes.reduceRight((value, via) => moved(value, via, folder), numbered)
  const order = orderOf(layer, node, form, left)
  const places = seen.values as Int32Array
  // From the stored tensor on: the first quantiser tells whether codes or numbers are stored.
  const first = nodes.findLast((via) => via.op === 'DequantizeLinear' || via.op === 'QuantizeLinear')
  return {
    tensor,
    kind: graph.initializers.has(tensor) ? 'initializer' : 'constant',
    dtype: stored.dtype,
    elements: stored.values.length,
    index: order === null ? places : Int32Array.from(order, (i) => places[i]!),
    coded: first === undefined ? form.integer : first.op === 'DequantizeLinear',
    tensors,
    nodes: [node, ...nodes],
  }
}

function storedTensor(graph: Graph, node: Node, name: string): Constant {
  const initializer = graph.initializers.get(name)
  if (initializer !== undefined) return readTensor(initializer, `${graph.file}: initializer "${name}"`)
  const value = graph.producer.get(name)?.attributes.get('value')?.t
  if (value == null)
    throw new ModelError(
      `${node.where}: the Constant node behind its weights holds no tensor; save the weights as an initializer`,
    )
  return readTensor(value, `${graph.file}: constant "${name}"`)
}

function moved(value: Constant, node: Node, folder: Folder): Constant {
  if (inPlace.has(node.op)) return value
  const others = node.inputs.slice(1).map((name) => (name === '' ? null : folder.constant(name)))
  return shapeFolds[node.op]!([value, ...others], node)
}

/** Source index in the operand of every weight in the order [group][output][row]; null: as it stands. */
function orderOf({ geometry }: Layer, node: Node, form: Form, left: boolean): Int32Array | null {
  const { groups, groupIn, groupOut } = geometry
  if (geometry.kind === 'conv') {
    if (geometry.transposed === undefined) return null
    const positions = geometry.kernel.reduce((a, b) => a * b, 1)
    return transposedOrder(groups, groupIn, groupOut, positions)
  }
  const flipped = intAttribute(node, left ? 'transA' : 'transB', 0) !== 0
  const rowsFirst = form.base === 'Gemm' ? left === flipped : geometry.vectorConstant || !left
  return matrixOrder(groupIn, groupOut, rowsFirst, groups)
}
