// Constant folding: evaluates the sub-graphs that do not depend on the network's inputs, one small function per operator. The integers
// behind a DequantizeLinear are kept through operators that only move values.
import { ModelError } from '../base/errors.js'
import { intAttribute, intsAttribute } from './attributes.js'
import { type Constant, elements, type Grid, numbers, readTensor, type Values } from './constant.js'
import type { Graph, Node } from './graph.js'

export interface Folder {
  /** The value of a constant tensor. @throws ModelError naming the node and operator that cannot be folded */
  constant(name: string): Constant
}

type Fold = (node: Node, inputs: readonly (Constant | null)[]) => Constant

export function createFolder(graph: Graph): Folder {
  const known = new Map<string, Constant>()
  function constant(name: string): Constant {
    const found = known.get(name)
    if (found !== undefined) return found
    const value = evaluate(name)
    known.set(name, value)
    return value
  }
  function evaluate(name: string): Constant {
    const tensor = graph.initializers.get(name)
    if (tensor !== undefined) return readTensor(tensor, `${graph.file}: initializer "${name}"`)
    const node = graph.producer.get(name)
    if (node === undefined) throw new ModelError(`${graph.file}: constant "${name}" has no value that can be read`)
    const fold = folds[node.op]
    if (fold === undefined || node.domain !== '') {
      throw new ModelError(
        `${node.where}: weights behind this operator cannot be folded; run the model through a constant folder first`,
      )
    }
    return fold(
      node,
      node.inputs.map((input) => (input === '' ? null : constant(input))),
    )
  }
  return { constant }
}

function need(node: Node, value: Constant | null | undefined, index: number): Constant {
  if (value == null) throw new ModelError(`${node.where}: input ${index} is missing`)
  return value
}

const folds: Readonly<Record<string, Fold>> = {
  Constant: (node) => {
    const attribute = node.attributes.get('value')
    if (attribute?.t != null) return readTensor(attribute.t, node.where)
    const floats = node.attributes.get('value_floats')?.floats
    if (floats != null) return floatConstant([floats.length], Float32Array.from(floats))
    const ints = node.attributes.has('value_ints') ? intsAttribute(node, 'value_ints', []) : null
    if (ints !== null) return { dims: [ints.length], dtype: 'int64', values: Float64Array.from(ints), grid: null }
    const single = node.attributes.get('value_float')?.f
    if (single != null) return floatConstant([], Float32Array.of(single))
    const int = intAttribute(node, 'value_int', null)
    if (int !== null) return { dims: [], dtype: 'int64', values: Float64Array.of(int), grid: null }
    throw new ModelError(`${node.where}: a constant of this kind cannot be read`)
  },
  Identity: (node, [x]) => need(node, x, 0),
  Dropout: (node, [x]) => need(node, x, 0),
  Cast: (node, [x]) => {
    const value = need(node, x, 0)
    const to = intAttribute(node, 'to', 1)
    return to === 1 ? { ...value, dtype: 'float', values: Float32Array.from(numbers(value, node.where)) } : value
  },
  Reshape: (node, [x, shape]) => {
    const value = need(node, x, 0)
    const wanted = Array.from(numbers(need(node, shape, 1), node.where))
    return reshaped(node, value, resolveShape(node, value.dims, wanted))
  },
  Flatten: (node, [x]) => {
    const value = need(node, x, 0)
    const axis = intAttribute(node, 'axis', 1)
    const split = axis < 0 ? axis + value.dims.length : axis
    return reshaped(node, value, [size(value.dims.slice(0, split)), size(value.dims.slice(split))])
  },
  Squeeze: (node, [x, axes]) => {
    const value = need(node, x, 0)
    const list = axesOf(node, axes, value.dims.length)
    return reshaped(
      node,
      value,
      value.dims.filter((dim, i) => (list === null ? dim !== 1 : !list.includes(i))),
    )
  },
  Unsqueeze: (node, [x, axes]) => {
    const value = need(node, x, 0)
    const count = intsAttribute(node, 'axes', null)?.length ?? need(node, axes, 1).values.length
    const list = axesOf(node, axes, value.dims.length + count) ?? []
    const rest = value.dims.slice()
    return reshaped(
      node,
      value,
      Array.from({ length: value.dims.length + count }, (_, i) => (list.includes(i) ? 1 : rest.shift()!)),
    )
  },
  Transpose: (node, [x]) => transposed(need(node, x, 0), intsAttribute(node, 'perm', null), node),
  DequantizeLinear: (node, [x, scale, zero]) => dequantised(node, need(node, x, 0), need(node, scale, 1), zero ?? null),
  Add: (node, [a, b]) => elementwise(node, need(node, a, 0), need(node, b, 1), (p, q) => p + q),
  Sub: (node, [a, b]) => elementwise(node, need(node, a, 0), need(node, b, 1), (p, q) => p - q),
  Mul: (node, [a, b]) => elementwise(node, need(node, a, 0), need(node, b, 1), (p, q) => p * q),
  Div: (node, [a, b]) => elementwise(node, need(node, a, 0), need(node, b, 1), (p, q) => p / q),
  Neg: (node, [x]) => mapped(node, need(node, x, 0), (p) => -p),
  Sqrt: (node, [x]) => mapped(node, need(node, x, 0), Math.sqrt),
}

function floatConstant(dims: readonly number[], values: Values): Constant {
  return { dims, dtype: 'float', values, grid: null }
}

function size(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1)
}

function axesOf(node: Node, axes: Constant | null | undefined, rank: number): number[] | null {
  const list = intsAttribute(node, 'axes', null) ?? (axes == null ? null : Array.from(numbers(axes, node.where)))
  return list === null ? null : list.map((axis) => (axis < 0 ? axis + rank : axis))
}

function resolveShape(node: Node, dims: readonly number[], wanted: readonly number[]): number[] {
  const total = size(dims)
  const copied = wanted.map((dim, i) => (dim === 0 ? (dims[i] ?? 0) : dim))
  const known = size(copied.filter((dim) => dim !== -1))
  const shape = copied.map((dim) => (dim === -1 ? total / known : dim))
  if (elements(shape, node.where) !== total) {
    throw new ModelError(`${node.where}: cannot give ${total} values the shape [${wanted.join(', ')}]`)
  }
  return shape
}

/** Same values in another shape; a scale per channel survives when its dimension does. */
function reshaped(node: Node, value: Constant, dims: readonly number[]): Constant {
  return { ...value, dims, grid: value.grid === null ? null : reshapedGrid(node, value.grid, value.dims, dims) }
}

function reshapedGrid(node: Node, grid: Grid, from: readonly number[], to: readonly number[]): Grid {
  if (grid.axis === null) return grid
  const before = size(from.slice(0, grid.axis))
  let product = 1
  for (const [axis, dim] of to.entries()) {
    if (product === before && dim === from[grid.axis]) return { ...grid, axis }
    product *= dim
  }
  throw new ModelError(`${node.where}: the reshape splits the channels of a quantised constant`)
}

function transposed(value: Constant, perm: readonly number[] | null, node: Node): Constant {
  const rank = value.dims.length
  const order = perm ?? Array.from({ length: rank }, (_, i) => rank - 1 - i)
  if (order.length !== rank || new Set(order).size !== rank)
    throw new ModelError(`${node.where}: perm does not fit ${rank} dimensions`)
  const dims = order.map((axis) => value.dims[axis]!)
  const strides = value.dims.map((_, axis) => size(value.dims.slice(axis + 1)))
  const index = new Int32Array(value.values.length)
  const at = new Array<number>(rank).fill(0)
  for (let i = 0; i < index.length; i++) {
    let from = 0
    for (let d = 0; d < rank; d++) from += at[d]! * strides[order[d]!]!
    index[i] = from
    for (let d = rank - 1; d >= 0 && ++at[d]! === dims[d]; d--) at[d] = 0
  }
  const grid = value.grid
  return {
    dims,
    dtype: value.dtype,
    values: gather(value.values, index),
    grid:
      grid === null
        ? null
        : {
            ...grid,
            codes: Int16Array.from(index, (i) => grid.codes[i]!),
            axis: grid.axis === null ? null : order.indexOf(grid.axis),
          },
  }
}

function gather(values: Values, index: Int32Array): Values {
  if (values instanceof BigInt64Array) return new BigInt64Array(Array.from(index, (i) => values[i]!))
  const out = values.slice() as Float32Array | Float64Array | Int32Array
  for (let i = 0; i < index.length; i++) out[i] = values[index[i]!]!
  return out
}

/** value = (code − zero point) · scale, per tensor or along `axis` (ONNX DequantizeLinear); the integers stay with the result. */
function dequantised(node: Node, x: Constant, scale: Constant, zero: Constant | null): Constant {
  const scales = numbers(scale, node.where)
  const zeros = zero === null ? new Float64Array(scales.length) : numbers(zero, node.where)
  if (zeros.length !== scales.length)
    throw new ModelError(`${node.where}: ${scales.length} scales but ${zeros.length} zero points`)
  const given = intAttribute(node, 'axis', 1)
  const axis = scales.length === 1 ? null : given < 0 ? given + x.dims.length : given
  if (axis !== null && x.dims[axis] !== scales.length) {
    throw new ModelError(
      `${node.where}: ${scales.length} scales for ${x.dims[axis] ?? 0} channels (blocked quantisation is not supported)`,
    )
  }
  const inner = axis === null ? 1 : size(x.dims.slice(axis + 1))
  const channel = (i: number) => (axis === null ? 0 : Math.floor(i / inner) % scales.length)
  const codes = numbers(x, node.where)
  const values = Float32Array.from(codes, (code, i) => Math.fround(code - zeros[channel(i)]!) * scales[channel(i)]!)
  const small = codes.every((code) => Math.abs(code) < 32_768)
  const grid = small ? { codes: Int16Array.from(codes), scale: scales, zeroPoint: Int32Array.from(zeros), axis } : null
  return { dims: x.dims, dtype: 'float', values, grid: x.dtype === 'int32' ? null : grid }
}

function mapped(node: Node, x: Constant, f: (value: number) => number): Constant {
  return floatConstant(x.dims, Float32Array.from(numbers(x, node.where), f))
}

/** Element by element with ONNX broadcasting. */
function elementwise(node: Node, a: Constant, b: Constant, f: (p: number, q: number) => number): Constant {
  const rank = Math.max(a.dims.length, b.dims.length)
  const pad = (dims: readonly number[]) => [...new Array<number>(rank - dims.length).fill(1), ...dims]
  const [left, right] = [pad(a.dims), pad(b.dims)]
  const dims = left.map((dim, i) => {
    if (dim !== right[i] && dim !== 1 && right[i] !== 1)
      throw new ModelError(`${node.where}: shapes [${a.dims}] and [${b.dims}] do not fit`)
    return Math.max(dim, right[i]!)
  })
  const [p, q] = [numbers(a, node.where), numbers(b, node.where)]
  const out = new Float32Array(elements(dims, node.where))
  const offset = (shape: readonly number[], at: readonly number[]) =>
    shape.reduce((sum, dim, d) => sum * dim + (dim === 1 ? 0 : at[d]!), 0)
  const at = new Array<number>(rank).fill(0)
  for (let i = 0; i < out.length; i++) {
    out[i] = f(p[offset(left, at)]!, q[offset(right, at)]!)
    for (let d = rank - 1; d >= 0 && ++at[d]! === dims[d]; d--) at[d] = 0
  }
  return floatConstant(dims, out)
}
