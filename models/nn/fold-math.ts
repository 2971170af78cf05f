// Constant folding of operators that compute: constants, casts, element-wise arithmetic, quantisation.
import { ModelError } from '../base/errors.js'
import { floatAttribute, intAttribute, intsAttribute } from './attributes.js'
import { type Constant, type Grid, madeElements, numbers, readTensor, typeName, type Values } from './constant.js'
import { axisOf, type Fold, need } from './fold-shape.js'
import type { Node } from './graph.js'
import { stridesOf, walk } from './move.js'
import { roundHalfEven } from './quantise.js'

const constantNode: Fold = (_, node) => {
  const tensor = node.attributes.get('value')?.t
  if (tensor != null) return readTensor(tensor, `${node.where}: value`)
  if (node.attributes.has('value_float')) {
    return { dims: [], dtype: 'float', values: Float32Array.of(floatAttribute(node, 'value_float', 0)), grid: null }
  }
  if (node.attributes.has('value_floats')) {
    const values = Float32Array.from(node.attributes.get('value_floats')?.floats ?? [])
    return { dims: [values.length], dtype: 'float', values, grid: null }
  }
  const list = intsAttribute(node, 'value_ints', null)
  const values = BigInt64Array.from(list ?? [intAttribute(node, 'value_int', 0)], BigInt)
  if (list === null && !node.attributes.has('value_int')) {
    throw new ModelError(`${node.where}: its value is neither a tensor nor numbers`)
  }
  return { dims: list === null ? [] : [values.length], dtype: 'int64', values, grid: null }
}

/** [smallest, largest] of the integer types that can be made here. */
const ranges: Readonly<Record<string, readonly [number, number]>> = {
  uint8: [0, 255],
  int8: [-128, 127],
  uint4: [0, 15],
  int4: [-8, 7],
  uint16: [0, 65_535],
  int16: [-32_768, 32_767],
  int32: [-(2 ** 31), 2 ** 31 - 1],
}

export function stored(values: Float64Array, dtype: string, node: Node): Values {
  if (dtype === 'float') return Float32Array.from(values)
  if (dtype === 'double') return values
  if (dtype === 'int64') return BigInt64Array.from(values, (value) => BigInt(Math.trunc(value)))
  if (dtype === 'bool') return Int32Array.from(values, (value) => (value === 0 ? 0 : 1))
  const range = ranges[dtype]
  if (range === undefined) throw new ModelError(`${node.where}: cannot fold to element type ${dtype}`)
  const bad = values.find((value) => !(Math.trunc(value) >= range[0] && Math.trunc(value) <= range[1]))
  if (bad !== undefined) throw new ModelError(`${node.where}: ${bad} does not fit ${dtype}`)
  return Int32Array.from(values, Math.trunc)
}

const cast: Fold = (inputs, node) => {
  const data = need(inputs, 0, node)
  const dtype = typeName(intAttribute(node, 'to', 0))
  if (dtype === data.dtype) return data
  const float = dtype === 'float' || dtype === 'double'
  return {
    dims: data.dims,
    dtype,
    values: stored(numbers(data, node.where), dtype, node),
    grid: float ? data.grid : null,
  }
}

type Operation = (a: number, b: number) => number

/** A grid multiplied by one number is a grid of other scales. */
function scaledGrid(a: Constant, b: Constant, dims: readonly number[], factor: (value: number) => number): Grid | null {
  if (a.grid === null || b.values.length !== 1 || dims.length !== a.dims.length) return null
  const by = factor(Number(b.values[0]))
  const scale = a.grid.scale.map((s) => s * by)
  return scale.every((s) => s > 0 && Number.isFinite(s)) ? { ...a.grid, scale } : null
}

/** Element-wise with broadcasting. Computed in double, stored in the operands' type (float: rounded once, as float32 arithmetic does). */
function binary(operation: Operation, factor: ((value: number) => number) | null = null, swaps = false): Fold {
  return (inputs, node) => {
    const a = need(inputs, 0, node)
    const b = need(inputs, 1, node)
    if (a.dtype !== b.dtype) throw new ModelError(`${node.where}: operands of types ${a.dtype} and ${b.dtype}`)
    const dims = broadcast(a.dims, b.dims, node.where)
    const left = expanded(a, dims, node)
    const right = expanded(b, dims, node)
    return {
      dims,
      dtype: a.dtype,
      values: stored(
        left.map((x, i) => operation(x, right[i]!)),
        a.dtype,
        node,
      ),
      grid:
        factor === null ? null : (scaledGrid(a, b, dims, factor) ?? (swaps ? scaledGrid(b, a, dims, factor) : null)),
    }
  }
}

/** Shape of an element-wise result under the usual broadcasting rule. @throws ModelError when the shapes do not fit */
export function broadcast(a: readonly number[], b: readonly number[], where: string): number[] {
  const rank = Math.max(a.length, b.length)
  return Array.from({ length: rank }, (_, d) => {
    const x = a[d - rank + a.length] ?? 1
    const y = b[d - rank + b.length] ?? 1
    if (x !== y && x !== 1 && y !== 1) {
      throw new ModelError(`${where}: shapes [${a.join(', ')}] and [${b.join(', ')}] do not broadcast`)
    }
    return x === 1 ? y : x
  })
}

export function expanded(constant: Constant, dims: readonly number[], node: Node): Float64Array {
  const values = numbers(constant, node.where)
  madeElements(dims, constant.values.length, node.where)
  const strides = stridesOf(constant.dims)
  const offset = dims.length - constant.dims.length
  const steps = dims.map((_, d) => (d < offset || constant.dims[d - offset] === 1 ? 0 : strides[d - offset]!))
  return Float64Array.from(walk(dims, steps, 0), (i) => values[i]!)
}

function unary(operation: (a: number) => number): Fold {
  return (inputs, node) => {
    const data = need(inputs, 0, node)
    const values = stored(numbers(data, node.where).map(operation), data.dtype, node)
    return { dims: data.dims, dtype: data.dtype, values, grid: null }
  }
}

const divide: Fold = (inputs, node) => {
  const whole = need(inputs, 0, node).values
  const integer = whole instanceof Int32Array || whole instanceof BigInt64Array
  const quotient = (x: number, y: number) => (integer ? Math.trunc(x / y) : x / y)
  return binary(quotient, (value) => 1 / value)(inputs, node)
}

interface Scaling {
  readonly scale: Float64Array
  readonly zeroPoint: Int32Array
  readonly axis: number | null
  /** element type of the zero point, or null when there is none */
  readonly dtype: string | null
}

/** Scale and zero point of QuantizeLinear and DequantizeLinear on data of the given shape. */
function scaling(inputs: readonly (Constant | null)[], dims: readonly number[], node: Node): Scaling {
  const scale = numbers(need(inputs, 1, node), node.where)
  const zero = inputs[2] ?? null
  const zeroPoint = zero === null ? new Int32Array(scale.length) : Int32Array.from(numbers(zero, node.where))
  if (intAttribute(node, 'block_size', 0) !== 0 || need(inputs, 1, node).dims.length > 1) {
    throw new ModelError(
      `${node.where}: blocked quantisation is not supported; use one scale per tensor or per channel`,
    )
  }
  const bad = scale.find((value) => !(Number.isFinite(value) && value > 0))
  if (bad !== undefined) throw new ModelError(`${node.where}: scale ${bad} is not a positive number`)
  const axis = scale.length === 1 ? null : axisOf(intAttribute(node, 'axis', 1), dims.length, node)
  const expected = axis === null ? 1 : dims[axis]!
  if (scale.length !== expected || zeroPoint.length !== expected) {
    throw new ModelError(
      `${node.where}: expected ${expected} scales and zero points, got ${scale.length} and ${zeroPoint.length}`,
    )
  }
  return { scale, zeroPoint, axis, dtype: zero?.dtype ?? null }
}

/** Index into scale and zero point per element. */
function channelOf(dims: readonly number[], axis: number | null): Int32Array {
  return walk(
    dims,
    dims.map((_, d) => (d === axis ? 1 : 0)),
    0,
  )
}

const dequantize: Fold = (inputs, node) => {
  const data = need(inputs, 0, node)
  const { scale, zeroPoint, axis } = scaling(inputs, data.dims, node)
  const codes = numbers(data, node.where)
  const channel = channelOf(data.dims, axis)
  const values = Float32Array.from(
    codes,
    (code, i) => Math.fround(code - zeroPoint[channel[i]!]!) * scale[channel[i]!]!,
  )
  const short = ['int8', 'uint8', 'int4', 'uint4'].includes(data.dtype)
  const grid: Grid | null = short ? { codes: Int16Array.from(codes), scale, zeroPoint, axis } : null
  return { dims: data.dims, dtype: 'float', values, grid }
}

const quantize: Fold = (inputs, node) => {
  const data = need(inputs, 0, node)
  const { scale, zeroPoint, axis, dtype } = scaling(inputs, data.dims, node)
  const named = intAttribute(node, 'output_dtype', 0)
  const type = dtype ?? (named === 0 ? 'uint8' : typeName(named))
  const range = ranges[type]
  if (range === undefined) throw new ModelError(`${node.where}: cannot fold to element type ${type}`)
  const channel = channelOf(data.dims, axis)
  // Division in float32, as the operator is defined on float32 tensors.
  const values = Int32Array.from(numbers(data, node.where), (value, i) => {
    const code = roundHalfEven(Math.fround(value / scale[channel[i]!]!)) + zeroPoint[channel[i]!]!
    return Math.min(range[1], Math.max(range[0], code))
  })
  return { dims: data.dims, dtype: type, values, grid: null }
}

export const mathFolds: Readonly<Record<string, Fold>> = {
  Constant: constantNode,
  Cast: cast,
  Add: binary((x, y) => x + y),
  Sub: binary((x, y) => x - y),
  Mul: binary(
    (x, y) => x * y,
    (value) => value,
    true,
  ),
  Div: divide,
  Neg: unary((x) => -x),
  Sqrt: unary(Math.sqrt),
  Reciprocal: unary((x) => 1 / x),
  DequantizeLinear: dequantize,
  QuantizeLinear: quantize,
}
