// The three operators with constant weights: geometry and weights in the order [group][output][row, channel-major].
import { ModelError } from '../base/errors.js'
import { floatAttribute, intAttribute, intsAttribute, stringAttribute } from './attributes.js'
import { type Constant, numbers } from './constant.js'
import type { Node } from './graph.js'
import type { ConvGeometry, Geometry, LayerWeights, MatMulGeometry } from './types.js'

/** What the node alone tells. */
export interface LayerDraft {
  readonly geometry: Geometry
  readonly weightShape: readonly number[]
  readonly weights: LayerWeights
  /** graph tensor that the node multiplies */
  readonly activation: string
  readonly bias: Float64Array | null
}

type Lookup = (name: string) => Constant

export function convLayer(node: Node, constant: Lookup): LayerDraft {
  const weight = constant(node.inputs[1]!)
  const [outputs, groupIn, ...kernel] = weight.dims
  if (outputs === undefined || groupIn === undefined || kernel.length === 0) {
    throw new ModelError(
      `${node.where}: weights of shape [${weight.dims}]; expected [outputs, inputs of a group, kernel …]`,
    )
  }
  const groups = intAttribute(node, 'group', 1)
  if (groups < 1 || outputs % groups !== 0)
    throw new ModelError(`${node.where}: ${outputs} outputs do not divide into ${groups} groups`)
  const ones = kernel.map(() => 1)
  const auto = stringAttribute(node, 'auto_pad', 'NOTSET')
  const autoPad: ConvGeometry['autoPad'] = auto === 'SAME_UPPER' || auto === 'SAME_LOWER' ? auto : null
  if (autoPad === null && auto !== 'NOTSET' && auto !== 'VALID')
    throw new ModelError(`${node.where}: unknown auto_pad "${auto}"`)
  const noPads = [...kernel, ...kernel].map(() => 0)
  const geometry = {
    kind: 'conv' as const,
    groups,
    groupIn,
    groupOut: outputs / groups,
    kernel,
    strides: positive(node, 'strides', intsAttribute(node, 'strides', ones), kernel.length),
    dilations: positive(node, 'dilations', intsAttribute(node, 'dilations', ones), kernel.length),
    pads: auto === 'VALID' ? noPads : intsAttribute(node, 'pads', noPads),
    autoPad,
  }
  if (geometry.pads.length !== 2 * kernel.length || geometry.pads.some((pad) => pad < 0)) {
    throw new ModelError(`${node.where}: pads [${geometry.pads}] do not fit a kernel of ${kernel.length} dimensions`)
  }
  const index = Int32Array.from({ length: weight.values.length }, (_, i) => i)
  return {
    geometry,
    weightShape: weight.dims,
    weights: arrange(node, node.inputs[1]!, weight, index, 0, 1, outputs),
    activation: node.inputs[0]!,
    bias: biasOf(node, node.inputs[2], constant, outputs, 1),
  }
}

function positive(node: Node, name: string, list: readonly number[], length: number): readonly number[] {
  if (list.length === length && list.every((value) => value > 0)) return list
  throw new ModelError(`${node.where}: ${name} [${list}]; expected ${length} positive numbers`)
}

export function gemmLayer(node: Node, constant: Lookup, left: boolean): LayerDraft {
  const weight = constant(node.inputs[left ? 0 : 1]!)
  const flipped = intAttribute(node, left ? 'transA' : 'transB', 0) !== 0
  const activationFlipped = intAttribute(node, left ? 'transB' : 'transA', 0) !== 0
  if (weight.dims.length !== 2)
    throw new ModelError(`${node.where}: weights of shape [${weight.dims}]; expected two dimensions`)
  const rowsFirst = left ? flipped : !flipped
  const [rows, outputs] = rowsFirst ? [weight.dims[0]!, weight.dims[1]!] : [weight.dims[1]!, weight.dims[0]!]
  if (left && (node.inputs[2] ?? '') !== '')
    throw new ModelError(`${node.where}: a bias behind a constant left operand is not supported`)
  const contract = left !== activationFlipped ? 'second-last' : 'last'
  const geometry = matmul(1, rows, outputs, contract, left ? 'second-last' : 'last', false, [])
  const weights = arrange(
    node,
    node.inputs[left ? 0 : 1]!,
    weight,
    matrixOrder(rows, outputs, rowsFirst, 1),
    rowsFirst ? 1 : 0,
    floatAttribute(node, 'alpha', 1),
    outputs,
  )
  const bias = biasOf(node, node.inputs[2], constant, outputs, floatAttribute(node, 'beta', 1))
  return { geometry, weightShape: weight.dims, weights, activation: node.inputs[left ? 1 : 0]!, bias }
}

export function matMulLayer(node: Node, constant: Lookup, left: boolean): LayerDraft {
  const weight = constant(node.inputs[left ? 0 : 1]!)
  const vector = weight.dims.length === 1
  if (weight.dims.length === 0) throw new ModelError(`${node.where}: a scalar operand of MatMul`)
  const matrixDims = vector ? [weight.dims[0]!, 1] : weight.dims.slice(-2)
  const rowsFirst = vector || !left
  const [rows, outputs] = rowsFirst ? [matrixDims[0]!, matrixDims[1]!] : [matrixDims[1]!, matrixDims[0]!]
  const batch = weight.dims.slice(0, -2)
  const groups = batch.reduce((product, dim) => product * dim, 1)
  const geometry = matmul(
    groups,
    rows,
    outputs,
    left ? 'second-last' : 'last',
    left ? 'second-last' : 'last',
    vector,
    groups > 1 ? batch : [],
  )
  const axis = vector ? -1 : weight.dims.length - (rowsFirst ? 1 : 2)
  const weights = arrange(
    node,
    node.inputs[left ? 0 : 1]!,
    weight,
    matrixOrder(rows, outputs, rowsFirst, groups),
    groups > 1 ? -1 : axis,
    1,
    outputs * groups,
  )
  return { geometry, weightShape: weight.dims, weights, activation: node.inputs[left ? 1 : 0]!, bias: null }
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

/** Source index of every weight in the order [group][output][row]. */
function matrixOrder(rows: number, outputs: number, rowsFirst: boolean, groups: number): Int32Array {
  const index = new Int32Array(groups * rows * outputs)
  for (let g = 0, i = 0; g < groups; g++) {
    for (let o = 0; o < outputs; o++) {
      for (let r = 0; r < rows; r++) index[i++] = g * rows * outputs + (rowsFirst ? r * outputs + o : o * rows + r)
    }
  }
  return index
}

/**
 * @param axis dimension of the operand that holds the outputs (a scale per output must run along it); −1: none
 * @param factor multiplies every weight (Gemm's alpha)
 */
function arrange(
  node: Node,
  name: string,
  weight: Constant,
  index: Int32Array,
  axis: number,
  factor: number,
  outputs: number,
): LayerWeights {
  if (index.length === 0) throw new ModelError(`${node.where}: weights "${name}" of shape [${weight.dims}] are empty`)
  const grid = weight.grid
  if (grid !== null) {
    if (grid.axis !== null && grid.axis !== axis) {
      throw new ModelError(
        `${node.where}: weight scales run along dimension ${grid.axis}, not along the outputs; per-row scales cannot be put on arrays`,
      )
    }
    if (grid.axis !== null && grid.scale.length !== outputs)
      throw new ModelError(`${node.where}: ${grid.scale.length} weight scales for ${outputs} outputs`)
    const scale = grid.scale.map((s) => s * factor)
    finite(node, scale, 'weight scales')
    return { kind: 'integer', codes: Int16Array.from(index, (i) => grid.codes[i]!), scale, zeroPoint: grid.zeroPoint }
  }
  if (!(weight.values instanceof Float32Array || weight.values instanceof Float64Array)) {
    throw new ModelError(
      `${node.where}: weights "${name}" are ${weight.dtype}; expected float, or int8 or uint8 behind DequantizeLinear`,
    )
  }
  const source = weight.values
  const values = Float32Array.from(index, (i) => source[i]! * factor)
  finite(node, values, `weights "${name}"`)
  return { kind: 'float', values }
}

function finite(node: Node, values: Float32Array | Float64Array, what: string): void {
  const bad = values.findIndex((value) => !Number.isFinite(value))
  if (bad >= 0)
    throw new ModelError(
      `${node.where}: ${what} hold ${values[bad]} at position ${bad}; every weight must be a finite number`,
    )
}

export function biasOf(
  node: Node,
  name: string | undefined,
  constant: Lookup,
  outputs: number,
  factor: number,
): Float64Array | null {
  if (name === undefined || name === '') return null
  const given = constant(name)
  const values = numbers(given, node.where).map((value) => value * factor)
  // [outputs, 1] would be one value per vector of a Gemm, even where the counts agree.
  const perOutput = values.length === outputs && (given.dims.at(-1) === outputs || given.dims.length === 0)
  if (values.length !== 1 && !perOutput)
    throw new ModelError(`${node.where}: a bias of shape [${given.dims}] for ${outputs} outputs`)
  finite(node, values, 'biases')
  return values.length === outputs ? values : new Float64Array(outputs).fill(values[0]!)
}
