// Constant folding of what exporters leave in front of weights beyond arithmetic: functions of one number, comparisons, reductions, made
// and repeated tensors, products of constants. Rules as in the ONNX operator reference.
import { ModelError } from '../base/errors.js'
import { floatAttribute, intAttribute, stringAttribute } from './attributes.js'
import { type Constant, elements, madeElements, numbers, readTensor } from './constant.js'
import { broadcast, expanded, stored } from './fold-math.js'
import { axisOf, type Fold, type FoldInputs, integers, need } from './fold-shape.js'
import type { Node } from './graph.js'
import { moved, stridesOf, walk } from './move.js'
import { roundHalfEven } from './quantise.js'

function made(dims: readonly number[], node: Node): number {
  return madeElements(dims, 0, node.where)
}

function plain(dims: readonly number[], dtype: string, values: Float64Array, node: Node): Constant {
  return { dims, dtype, values: stored(values, dtype, node), grid: null }
}

function unary(operation: (a: number) => number): Fold {
  return (inputs, node) => {
    const data = need(inputs, 0, node)
    return plain(data.dims, data.dtype, numbers(data, node.where).map(operation), node)
  }
}

/** Any number of operands, from left to right. */
function variadic(operation: (a: number, b: number) => number, last: (sum: number, count: number) => number): Fold {
  return (inputs, node) => {
    const parts = inputs.map((_, i) => need(inputs, i, node))
    const first = need(inputs, 0, node)
    const dims = parts.reduce<readonly number[]>((all, part) => broadcast(all, part.dims, node.where), [])
    const values = parts
      .map((part) => expanded(part, dims, node))
      .reduce((a, b) => a.map((value, i) => operation(value, b[i]!)))
    return plain(
      dims,
      first.dtype,
      values.map((value) => last(value, parts.length)),
      node,
    )
  }
}

/** Two operands; the result has the type of the first, or is bool. */
function pair(operation: (a: number, b: number) => number, bool: boolean): Fold {
  return (inputs, node) => {
    const a = need(inputs, 0, node)
    const b = need(inputs, 1, node)
    const dims = broadcast(a.dims, b.dims, node.where)
    const right = expanded(b, dims, node)
    const values = expanded(a, dims, node).map((value, i) => operation(value, right[i]!))
    return plain(dims, bool ? 'bool' : a.dtype, values, node)
  }
}

const where: Fold = (inputs, node) => {
  const [condition, a, b] = [0, 1, 2].map((i) => need(inputs, i, node)) as [Constant, Constant, Constant]
  const dims = broadcast(broadcast(condition.dims, a.dims, node.where), b.dims, node.where)
  const [left, right] = [expanded(a, dims, node), expanded(b, dims, node)]
  const values = expanded(condition, dims, node).map((yes, i) => (yes !== 0 ? left[i]! : right[i]!))
  return plain(dims, a.dtype, values, node)
}

const clip: Fold = (inputs, node) => {
  const data = need(inputs, 0, node)
  const bound = (i: number, name: string, fallback: number) => {
    const given = inputs[i]
    return given == null ? floatAttribute(node, name, fallback) : (numbers(given, node.where)[0] ?? fallback)
  }
  const low = bound(1, 'min', Number.NEGATIVE_INFINITY)
  const high = bound(2, 'max', Number.POSITIVE_INFINITY)
  const values = numbers(data, node.where).map((value) => Math.min(high, Math.max(low, value)))
  return plain(data.dims, data.dtype, values, node)
}

const expand: Fold = (inputs, node) => {
  const data = need(inputs, 0, node)
  const dims = broadcast(data.dims, integers(inputs, 1, node, 'shape') ?? [], node.where)
  made(dims, node)
  const strides = stridesOf(data.dims)
  const offset = dims.length - data.dims.length
  const steps = dims.map((_, d) => (d < offset || data.dims[d - offset] === 1 ? 0 : strides[d - offset]!))
  return moved(data, dims, walk(dims, steps, 0), (axis) => (data.dims[axis] === 1 ? null : axis + offset))
}

const tile: Fold = (inputs, node) => {
  const data = need(inputs, 0, node)
  const repeats = integers(inputs, 1, node, 'repeats') ?? []
  if (repeats.length !== data.dims.length)
    throw new ModelError(`${node.where}: ${repeats.length} repeats for ${data.dims.length} dimensions`)
  const dims = data.dims.map((dim, d) => dim * repeats[d]!)
  made(dims, node)
  const strides = stridesOf(data.dims)
  // A step along a repeated dimension wraps around: walk over [repeat, size] instead.
  const pairs = data.dims.flatMap((dim, d) => [repeats[d]!, dim])
  const steps = data.dims.flatMap((_, d) => [0, strides[d]!])
  return moved(data, dims, walk(pairs, steps, 0), (axis) => (repeats[axis] === 1 ? axis : null))
}

const constantOfShape: Fold = (inputs, node) => {
  const dims = integers(inputs, 0, node, 'shape') ?? []
  const count = made(dims, node)
  const tensor = node.attributes.get('value')?.t
  const value = tensor == null ? null : readTensor(tensor, `${node.where}: value`)
  const number = value === null ? 0 : (numbers(value, node.where)[0] ?? 0)
  return plain(dims, value?.dtype ?? 'float', new Float64Array(count).fill(number), node)
}

const range: Fold = (inputs, node) => {
  const [start, limit, delta] = [0, 1, 2].map((i) => numbers(need(inputs, i, node), node.where)[0] ?? 0) as [
    number,
    number,
    number,
  ]
  const count = made([Math.max(0, Math.ceil((limit - start) / delta))], node)
  const values = Float64Array.from({ length: count }, (_, i) => start + i * delta)
  return plain([count], need(inputs, 0, node).dtype, values, node)
}

const pad: Fold = (inputs, node) => {
  const data = need(inputs, 0, node)
  const rank = data.dims.length
  if (stringAttribute(node, 'mode', 'constant') !== 'constant')
    throw new ModelError(`${node.where}: weights behind Pad of this mode cannot be folded`)
  const given = integers(inputs, 1, node, 'pads') ?? []
  const axes = (integers(inputs, 3, node, 'axes') ?? [...data.dims.keys()]).map((axis) => axisOf(axis, rank, node))
  if (given.length !== 2 * axes.length || given.some((n) => n < 0))
    throw new ModelError(`${node.where}: pads [${given}] for ${axes.length} dimensions`)
  const begin = new Array<number>(rank).fill(0)
  const dims = [...data.dims]
  for (const [i, axis] of axes.entries()) {
    begin[axis] = given[i]!
    dims[axis] = dims[axis]! + given[i]! + given[i + axes.length]!
  }
  const fill = inputs[2] == null ? floatAttribute(node, 'value', 0) : (numbers(inputs[2], node.where)[0] ?? 0)
  const values = new Float64Array(made(dims, node)).fill(fill)
  const strides = stridesOf(dims)
  const start = begin.reduce((sum, n, d) => sum + n * strides[d]!, 0)
  const from = numbers(data, node.where)
  for (const [i, to] of walk(data.dims, strides, start).entries()) values[to] = from[i]!
  return plain(dims, data.dtype, values, node)
}

interface Reduction {
  readonly first: number
  readonly add: (sum: number, value: number) => number
  readonly last: (sum: number, count: number) => number
}

const same = (sum: number) => sum
const reductions: Readonly<Record<string, Reduction>> = {
  ReduceSum: { first: 0, add: (s, v) => s + v, last: same },
  ReduceMean: { first: 0, add: (s, v) => s + v, last: (s, n) => s / n },
  ReduceMax: { first: Number.NEGATIVE_INFINITY, add: Math.max, last: same },
  ReduceMin: { first: Number.POSITIVE_INFINITY, add: Math.min, last: same },
  ReduceProd: { first: 1, add: (s, v) => s * v, last: same },
  ReduceL1: { first: 0, add: (s, v) => s + Math.abs(v), last: same },
  ReduceL2: { first: 0, add: (s, v) => s + v * v, last: Math.sqrt },
  ReduceSumSquare: { first: 0, add: (s, v) => s + v * v, last: same },
}

function reduce({ first, add, last }: Reduction): Fold {
  return (inputs, node) => {
    const data = need(inputs, 0, node)
    const rank = data.dims.length
    const named = integers(inputs, 1, node, 'axes')?.map((axis) => axisOf(axis, rank, node)) ?? []
    const nothing = named.length === 0 && intAttribute(node, 'noop_with_empty_axes', 0) !== 0
    const gone = new Set(named.length > 0 ? named : nothing ? [] : data.dims.keys())
    const kept = data.dims.map((dim, d) => (gone.has(d) ? 1 : dim))
    const strides = stridesOf(kept)
    const to = walk(
      data.dims,
      strides.map((stride, d) => (gone.has(d) ? 0 : stride)),
      0,
    )
    const sums = new Float64Array(elements(kept, node.where)).fill(first)
    for (const [i, value] of numbers(data, node.where).entries()) sums[to[i]!] = add(sums[to[i]!]!, value)
    const count = sums.length === 0 ? 0 : data.values.length / sums.length
    const dims = intAttribute(node, 'keepdims', 1) !== 0 ? kept : kept.filter((_, d) => !gone.has(d))
    return plain(
      dims,
      data.dtype,
      sums.map((sum) => last(sum, count)),
      node,
    )
  }
}

/** Two matrices (more dimensions are refused): low-rank updates of weights are products of constants. */
const matMul: Fold = (inputs, node) => {
  const a = need(inputs, 0, node)
  const b = need(inputs, 1, node)
  const [n, k] = a.dims
  const m = b.dims[1]
  if (a.dims.length !== 2 || b.dims.length !== 2 || b.dims[0] !== k)
    throw new ModelError(`${node.where}: cannot fold a product of [${a.dims}] and [${b.dims}]; expected two matrices`)
  const out = new Float64Array(made([n!, m!], node))
  const [x, y] = [numbers(a, node.where), numbers(b, node.where)]
  for (let i = 0; i < n!; i++) {
    for (let j = 0; j < k!; j++) {
      const factor = x[i * k! + j]!
      for (let c = 0; c < m!; c++) out[i * m! + c] = out[i * m! + c]! + factor * y[j * m! + c]!
    }
  }
  return plain([n!, m!], a.dtype, out, node)
}

/** All outputs of Split. */
export function splitParts(inputs: FoldInputs, node: Node): Constant[] {
  const data = need(inputs, 0, node)
  const axis = axisOf(intAttribute(node, 'axis', 0), data.dims.length, node)
  const size = data.dims[axis]!
  const count = node.outputs.length
  const even = Math.ceil(size / count)
  const sizes =
    integers(inputs, 1, node, 'split') ??
    Array.from({ length: count }, (_, i) => Math.max(0, Math.min(even, size - i * even)))
  if (sizes.length !== count || sizes.some((n) => n < 0) || sizes.reduce((a, b) => a + b, 0) !== size)
    throw new ModelError(`${node.where}: cannot split ${size} into [${sizes}] for ${count} outputs`)
  const strides = stridesOf(data.dims)
  return sizes.map((part, i) => {
    const dims = data.dims.map((dim, d) => (d === axis ? part : dim))
    const start = sizes.slice(0, i).reduce((a, b) => a + b, 0) * strides[axis]!
    return moved(data, dims, walk(dims, strides, start), (a) => (a === axis && part !== size ? null : a))
  })
}

const size: Fold = (inputs, node) => {
  const count = BigInt(need(inputs, 0, node).values.length)
  return { dims: [], dtype: 'int64', values: BigInt64Array.of(count), grid: null }
}

export const moreFolds: Readonly<Record<string, Fold>> = {
  Abs: unary(Math.abs),
  Ceil: unary(Math.ceil),
  Clip: clip,
  ConstantOfShape: constantOfShape,
  Equal: pair((a, b) => (a === b ? 1 : 0), true),
  Exp: unary(Math.exp),
  Expand: expand,
  Floor: unary(Math.floor),
  Greater: pair((a, b) => (a > b ? 1 : 0), true),
  Less: pair((a, b) => (a < b ? 1 : 0), true),
  Log: unary(Math.log),
  MatMul: matMul,
  Max: variadic(Math.max, same),
  Mean: variadic(
    (a, b) => a + b,
    (sum, count) => sum / count,
  ),
  Min: variadic(Math.min, same),
  Not: unary((a) => (a === 0 ? 1 : 0)),
  Pad: pad,
  Pow: pair((a, b) => a ** b, false),
  Range: range,
  Relu: unary((a) => Math.max(0, a)),
  Round: unary(roundHalfEven),
  Sigmoid: unary((a) => 1 / (1 + Math.exp(-a))),
  Sign: unary(Math.sign),
  Size: size,
  Sum: variadic((a, b) => a + b, same),
  Tanh: unary(Math.tanh),
  Tile: tile,
  Where: where,
  ...Object.fromEntries(Object.entries(reductions).map(([name, reduction]) => [name, reduce(reduction)])),
}
