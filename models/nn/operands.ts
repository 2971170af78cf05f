// Operands of the operators that multiply integers: a constant becomes codes on a grid, an activation a tensor with its quantisation.
import { ModelError } from '../base/errors.js'
import { intAttribute } from './attributes.js'
import { type Constant, numbers, typeName } from './constant.js'
import type { Form, Slot } from './forms.js'
import type { Graph, Node } from './graph.js'
import type { TensorQuantisation } from './types.js'

type Lookup = (name: string) => Constant

/** Name of an input, or null when it is not given. */
export function inputName(node: Node, index: number | null): string | null {
  const name = index === null ? undefined : node.inputs[index]
  return name === undefined || name === '' ? null : name
}

const weightTypes = ['int8', 'uint8', 'int4', 'uint4']

/**
 * The constant operand with its scales and zero points as the grid behind it.
 * @param axis dimension of the operand that holds the outputs; null: it has none
 */
export function integerWeights(node: Node, slot: Slot, axis: number | null, constant: Lookup): Constant {
  const name = node.inputs[slot.value]!
  const weight = constant(name)
  if (!weightTypes.includes(weight.dtype))
    throw new ModelError(`${node.where}: weights "${name}" are ${weight.dtype}; expected ${weightTypes.join(', ')}`)
  const perOutput = axis === null ? 1 : weight.dims[axis]!
  const given = (index: number | null, what: string, fallback: number): Float64Array => {
    const input = inputName(node, index)
    if (input === null) return Float64Array.of(fallback)
    const values = numbers(constant(input), node.where)
    if (values.length === 1 || values.length === perOutput) return values
    throw new ModelError(
      `${node.where}: ${values.length} ${what} "${input}" for weights of shape [${weight.dims}]; expected 1 or ${perOutput}, one an output`,
    )
  }
  const scales = given(slot.scale, 'scales', 1)
  const zeros = given(slot.zero, 'zero points', 0)
  const bad = scales.find((scale) => !(scale > 0 && Number.isFinite(scale)))
  if (bad !== undefined) throw new ModelError(`${node.where}: weight scale ${bad}; expected a positive number`)
  const count = Math.max(scales.length, zeros.length)
  const grid = {
    codes: Int16Array.from(numbers(weight, node.where)),
    scale: Float64Array.from({ length: count }, (_, i) => scales[scales.length === 1 ? 0 : i]!),
    zeroPoint: Int32Array.from({ length: count }, (_, i) => zeros[zeros.length === 1 ? 0 : i]!),
    axis: count === 1 ? null : axis,
  }
  return { ...weight, grid }
}

/** The activation operand. @throws ModelError for anything but one constant scale and one zero point of an 8-bit type */
export function integerActivation(graph: Graph, node: Node, slot: Slot, constant: Lookup): TensorQuantisation {
  const value = node.inputs[slot.value]!
  const scaleName = inputName(node, slot.scale)
  const zeroName = inputName(node, slot.zero)
  const scale = slot.scale === null ? 1 : single(graph, node, scaleName, 'scale', constant)
  const dtype = eightBits(node, value, elementType(graph, zeroName ?? value) ?? elementType(graph, value))
  if (zeroName === null || graph.constants.has(zeroName)) {
    const zeroPoint = zeroName === null ? 0 : single(graph, node, zeroName, 'zero point', constant)
    return { dtype, scale, zeroPoint }
  }
  return { dtype, scale, zeroPoint: 0, zeroPointTensor: zeroName }
}

/** The codes that the operator gives, or null when its result is real. */
export function resultCodes(graph: Graph, node: Node, form: Form, constant: Lookup): TensorQuantisation | null {
  if (typeof form.result === 'string' || inputName(node, form.result.scale) === null) return null
  const scale = single(graph, node, inputName(node, form.result.scale), 'scale of the result', constant)
  const zeroName = inputName(node, form.result.zero)
  const zeroPoint = zeroName === null ? 0 : single(graph, node, zeroName, 'zero point of the result', constant)
  const type = zeroName === null ? 'uint8' : elementType(graph, zeroName)
  return { dtype: eightBits(node, node.outputs[0]!, type), scale, zeroPoint }
}

function single(graph: Graph, node: Node, name: string | null, what: string, constant: Lookup): number {
  if (name === null) throw new ModelError(`${node.where}: it has no ${what}; expected a constant`)
  if (!graph.constants.has(name))
    throw new ModelError(`${node.where}: ${what} "${name}" is computed; activations need one constant ${what}`)
  const values = numbers(constant(name), node.where)
  const value = values[0]
  const scale = what.startsWith('scale')
  if (values.length !== 1 || value === undefined || !Number.isFinite(value) || (scale && value <= 0)) {
    throw new ModelError(
      `${node.where}: ${what} "${name}" is [${values.slice(0, 4)}] (${values.length} values); expected one ${scale ? 'positive number' : 'number'}`,
    )
  }
  return value
}

function eightBits(node: Node, tensor: string, type: string | null): 'uint8' | 'int8' {
  // Nothing in the file tells: recording compares with what the runtime gives.
  if (type === null) return 'uint8'
  if (type === 'uint8' || type === 'int8') return type
  throw new ModelError(`${node.where}: activations "${tensor}" are ${type}; expected uint8 or int8`)
}

/** Operators whose result has the type of their first input. */
const keepType = new Set(
  [
    ['Identity', 'Reshape', 'Flatten', 'Transpose', 'Squeeze', 'Unsqueeze', 'Slice', 'Split', 'Gather', 'Concat'],
    ['MaxPool', 'Expand', 'Tile', 'Pad', 'Relu', 'Clip', 'Max', 'Min', 'DepthToSpace', 'SpaceToDepth', 'Resize'],
    ['QLinearAdd', 'QLinearMul', 'QLinearLeakyRelu', 'QLinearSigmoid', 'QLinearSoftmax', 'QLinearReduceMean'],
    ['QLinearAveragePool', 'QLinearGlobalAveragePool', 'NhwcMaxPool'],
  ].flat(),
)

/** Inputs whose type is that of the result: the zero point of the result. */
const typedBy: Readonly<Record<string, number>> = { QLinearConv: 7, QLinearMatMul: 7, QGemm: 8, QLinearConcat: 1 }

/** Element type of a tensor as far as the file tells, else null. */
export function elementType(graph: Graph, tensor: string): string | null {
  for (let at: string | null = tensor, hops = 0; at !== null && hops < 64; hops++) {
    const stated = graph.types.get(at)
    if (stated !== undefined) return stated
    const node = graph.producer.get(at)
    if (node === undefined) return null
    if (node.op === 'DynamicQuantizeLinear') return at === node.outputs[1] ? 'float' : 'uint8'
    if (node.op === 'Cast') return typeName(intAttribute(node, 'to', 0))
    if (node.op === 'Constant') return typeName(node.attributes.get('value')?.t?.data_type ?? 0)
    if (node.op === 'QuantizeLinear') {
      const named = intAttribute(node, 'output_dtype', 0)
      if (named !== 0) return typeName(named)
      if (inputName(node, 2) === null) return 'uint8'
      at = inputName(node, 2)
    } else if (typedBy[node.op] !== undefined) at = inputName(node, typedBy[node.op]!)
    else at = keepType.has(node.op) ? inputName(node, 0) : null
  }
  return null
}
