// Gemm and MatMul with a constant on either side: geometry, and weights in the order [group][output][row].
import { ModelError } from '../base/errors.js'
import { arrange, type Product } from './arrange.js'
import { floatAttribute, intAttribute } from './attributes.js'
import type { Constant } from './constant.js'
import type { Node } from './graph.js'
import type { MatMulGeometry } from './types.js'

/** @param left the constant is the first operand */
export function gemmProduct(node: Node, name: string, weight: Constant, left: boolean): Product {
  const flipped = intAttribute(node, left ? 'transA' : 'transB', 0) !== 0
  const activationFlipped = intAttribute(node, left ? 'transB' : 'transA', 0) !== 0
  if (weight.dims.length !== 2)
    throw new ModelError(`${node.where}: weights of shape [${weight.dims}]; expected two dimensions`)
  const rowsFirst = left ? flipped : !flipped
  const [rows, outputs] = rowsFirst ? [weight.dims[0]!, weight.dims[1]!] : [weight.dims[1]!, weight.dims[0]!]
  const contract = left !== activationFlipped ? 'second-last' : 'last'
  const geometry = matmul(1, rows, outputs, contract, left ? 'second-last' : 'last', false, [])
  const index = matrixOrder(rows, outputs, rowsFirst, 1)
  const weights = arrange(node, name, weight, index, floatAttribute(node, 'alpha', 1), outputs)
  return { geometry, weights, outputs }
}

export function matMulProduct(node: Node, name: string, weight: Constant, left: boolean): Product {
  const vector = weight.dims.length === 1
  if (weight.dims.length === 0) throw new ModelError(`${node.where}: a scalar operand of MatMul`)
  const matrixDims = vector ? [weight.dims[0]!, 1] : weight.dims.slice(-2)
  const rowsFirst = vector || !left
  const [rows, outputs] = rowsFirst ? [matrixDims[0]!, matrixDims[1]!] : [matrixDims[1]!, matrixDims[0]!]
  const batch = weight.dims.slice(0, -2)
  const groups = batch.reduce((product, dim) => product * dim, 1)
  const axis = left ? 'second-last' : 'last'
  const geometry = matmul(groups, rows, outputs, axis, axis, vector, groups > 1 ? batch : [])
  const index = matrixOrder(rows, outputs, rowsFirst, groups)
  return { geometry, weights: arrange(node, name, weight, index, 1, outputs * groups), outputs: outputs * groups }
}

function matmul(
  groups: number,
  groupIn: number,
  groupOut: number,
  contract: MatMulGeometry['contract'],
  outputAxis: MatMulGeometry['outputAxis'],
  vectorConstant: boolean,
  batch: readonly number[],
): MatMulGeometry {
  return { kind: 'matmul', groups, groupIn, groupOut, contract, outputAxis, vectorConstant, batch }
}

/** Source index of every weight in the order [group][output][row]; null: they stand in that order. */
export function matrixOrder(rows: number, outputs: number, rowsFirst: boolean, groups: number): Int32Array | null {
  if (!rowsFirst) return null
  const index = new Int32Array(groups * rows * outputs)
  for (let g = 0, i = 0; g < groups; g++) {
    for (let o = 0; o < outputs; o++) {
      for (let r = 0; r < rows; r++) index[i++] = g * rows * outputs + r * outputs + o
    }
  }
  return index
}
