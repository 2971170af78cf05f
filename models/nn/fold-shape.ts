// Constant folding of operators that move elements. Rules as in the ONNX operator reference, all opsets that differ only in
// whether a parameter is an attribute or an input.
import { ModelError } from '../base/errors.js'
import { intAttribute, intsAttribute } from './attributes.js'
import { type Constant, elements, madeElements, mostDimensions, numbers } from './constant.js'
import type { Node } from './graph.js'
import { moved, reshaped, stridesOf, transposed, walk } from './move.js'

export type FoldInputs = readonly (Constant | null)[]

/** Value of the first output of a node from the values of its inputs (null: optional input not given). */
export type Fold = (inputs: FoldInputs, node: Node) => Constant

/** Input i, which must be given. */
export function need(inputs: FoldInputs, i: number, node: Node): Constant {
  const input = inputs[i]
  if (input == null) throw new ModelError(`${node.where}: input ${i} is missing`)
  return input
}

/** Dimension number, counted from the end when negative. */
export function axisOf(axis: number, rank: number, node: Node): number {
  const positive = axis < 0 ? axis + rank : axis
  if (!(positive >= 0 && positive < rank)) throw new ModelError(`${node.where}: axis ${axis} of ${rank} dimensions`)
  return positive
}

/** Integers given as input i (newer opsets) or as an attribute (older ones). */
export function integers(inputs: FoldInputs, i: number, node: Node, attribute: string): readonly number[] | null {
  const input = inputs[i]
  return input == null ? intsAttribute(node, attribute, null) : [...numbers(input, node.where)]
}

const identity: Fold = (inputs, node) => need(inputs, 0, node)

const reshape: Fold = (inputs, node) => {
  const data = need(inputs, 0, node)
  const wanted = integers(inputs, 1, node, 'shape') ?? []
  const keepZero = intAttribute(node, 'allowzero', 0) !== 0
  const dims = wanted.map((dim, d) => (dim === 0 && !keepZero ? (data.dims[d] ?? -2) : dim))
  elements(
    dims.map((dim) => Math.max(dim, 0)),
    node.where,
  )
  const open = dims.indexOf(-1)
  const known = dims.reduce((a, dim) => (dim === -1 ? a : a * dim), 1)
  if (open >= 0) dims[open] = data.values.length / known
  const total = dims.reduce((a, b) => a * b, 1)
  if (total !== data.values.length || dims.some((dim) => !(Number.isInteger(dim) && dim >= 0))) {
    throw new ModelError(`${node.where}: cannot reshape [${data.dims.join(', ')}] to [${wanted.join(', ')}]`)
  }
  return reshaped(data, dims)
}

const flatten: Fold = (inputs, node) => {
  const data = need(inputs, 0, node)
  const axis = intAttribute(node, 'axis', 1)
  const at = axis === data.dims.length ? axis : axisOf(axis, data.dims.length, node)
  const rows = data.dims.slice(0, at).reduce((a, b) => a * b, 1)
  return reshaped(data, [rows, rows === 0 ? 0 : data.values.length / rows])
}

const squeeze: Fold = (inputs, node) => {
  const data = need(inputs, 0, node)
  const axes = integers(inputs, 1, node, 'axes')
  const gone =
    axes?.map((axis) => axisOf(axis, data.dims.length, node)) ?? [...data.dims.keys()].filter((d) => data.dims[d] === 1)
  const thick = gone.find((d) => data.dims[d] !== 1)
  if (thick !== undefined) throw new ModelError(`${node.where}: dimension ${thick} has size ${data.dims[thick]}, not 1`)
  const kept = [...data.dims.keys()].filter((d) => !gone.includes(d))
  const map = (axis: number) => (kept.includes(axis) ? kept.indexOf(axis) : null)
  return moved(
    data,
    kept.map((d) => data.dims[d]!),
    null,
    map,
  )
}

const unsqueeze: Fold = (inputs, node) => {
  const data = need(inputs, 0, node)
  const axes = integers(inputs, 1, node, 'axes') ?? []
  const rank = data.dims.length + axes.length
  if (rank > mostDimensions)
    throw new ModelError(`${node.where}: ${rank} dimensions; expected at most ${mostDimensions}`)
  const added = new Set(axes.map((axis) => axisOf(axis, rank, node)))
  if (added.size !== axes.length) throw new ModelError(`${node.where}: axes [${axes.join(', ')}] repeat`)
  const old = Array.from({ length: rank }, (_, d) => d).filter((d) => !added.has(d))
  const dims = Array.from({ length: rank }, (_, d) => (added.has(d) ? 1 : data.dims[old.indexOf(d)]!))
  return moved(data, dims, null, (axis) => old[axis]!)
}

const transpose: Fold = (inputs, node) => {
  const data = need(inputs, 0, node)
  const reverse = [...data.dims.keys()].reverse()
  const perm = intsAttribute(node, 'perm', reverse)
  if ([...perm].sort((a, b) => a - b).some((p, d) => p !== d) || perm.length !== data.dims.length) {
    throw new ModelError(`${node.where}: perm [${perm.join(', ')}] is no permutation of ${data.dims.length} dimensions`)
  }
  return transposed(data, perm)
}

const concat: Fold = (inputs, node) => {
  const parts = inputs.map((_, i) => need(inputs, i, node))
  const first = need(inputs, 0, node)
  const axis = axisOf(intAttribute(node, 'axis', 0), first.dims.length, node)
  const odd = parts.find(
    (part) =>
      part.dtype !== first.dtype ||
      part.dims.length !== first.dims.length ||
      part.dims.some((dim, d) => d !== axis && dim !== first.dims[d]),
  )
  if (odd !== undefined) {
    throw new ModelError(`${node.where}: cannot join [${first.dims.join(', ')}] and [${odd.dims.join(', ')}]`)
  }
  const dims = first.dims.map((dim, d) => (d === axis ? parts.reduce((sum, part) => sum + part.dims[axis]!, 0) : dim))
  madeElements(dims, first.values.length, node.where)
  const chunk = first.dims.slice(axis + 1).reduce((a, b) => a * b, 1)
  return { dims, dtype: first.dtype, values: joined(parts, dims, axis, chunk), grid: null }
}

function joined(parts: readonly Constant[], dims: readonly number[], axis: number, chunk: number) {
  const total = dims.reduce((a, b) => a * b, 1)
  const source = new Int32Array(total)
  const all = parts[0]!.values
  const outer = dims.slice(0, axis).reduce((a, b) => a * b, 1)
  // Elements of all parts laid end to end, then taken in the order of the result.
  const starts = parts.map((_, p) => parts.slice(0, p).reduce((sum, part) => sum + part.values.length, 0))
  let at = 0
  for (let o = 0; o < outer; o++) {
    parts.forEach((part, p) => {
      const length = part.dims[axis]! * chunk
      for (let i = 0; i < length; i++) source[at++] = starts[p]! + o * length + i
    })
  }
  if (all instanceof BigInt64Array) {
    const flat = parts.flatMap((part) => [...(part.values as BigInt64Array)])
    return BigInt64Array.from(source, (i) => flat[i]!)
  }
  const flat = new Float64Array(total)
  for (const [p, part] of parts.entries()) flat.set(part.values as Float32Array | Float64Array | Int32Array, starts[p]!)
  if (all instanceof Float32Array) return Float32Array.from(source, (i) => flat[i]!)
  return all instanceof Int32Array
    ? Int32Array.from(source, (i) => flat[i]!)
    : Float64Array.from(source, (i) => flat[i]!)
}

const gather: Fold = (inputs, node) => {
  const data = need(inputs, 0, node)
  const picks = need(inputs, 1, node)
  const axis = axisOf(intAttribute(node, 'axis', 0), data.dims.length, node)
  const size = data.dims[axis]!
  const indices = [...numbers(picks, node.where)].map((i) => (i < 0 ? i + size : i))
  const bad = indices.find((i) => !(i >= 0 && i < size))
  if (bad !== undefined) throw new ModelError(`${node.where}: index ${bad} of a dimension of ${size}`)
  const dims = [...data.dims.slice(0, axis), ...picks.dims, ...data.dims.slice(axis + 1)]
  const inner = data.dims.slice(axis + 1).reduce((a, b) => a * b, 1)
  const outer = data.dims.slice(0, axis).reduce((a, b) => a * b, 1)
  const source = new Int32Array(madeElements(dims, data.values.length, node.where))
  let at = 0
  for (let o = 0; o < outer; o++) {
    for (const index of indices) for (let i = 0; i < inner; i++) source[at++] = (o * size + index) * inner + i
  }
  const after = picks.dims.length - 1
  return moved(data, dims, source, (a) => (a === axis ? null : a < axis ? a : a + after))
}

/** Slice ends are often the largest 64-bit integer: "to the end". */
function bounds(inputs: FoldInputs, i: number, node: Node, attribute: string): readonly number[] | null {
  const values = inputs[i]?.values
  return values instanceof BigInt64Array ? [...values].map(Number) : integers(inputs, i, node, attribute)
}

const slice: Fold = (inputs, node) => {
  const data = need(inputs, 0, node)
  const starts = bounds(inputs, 1, node, 'starts') ?? []
  const ends = bounds(inputs, 2, node, 'ends') ?? []
  const axes = integers(inputs, 3, node, 'axes') ?? [...starts.keys()]
  const steps = integers(inputs, 4, node, 'steps') ?? starts.map(() => 1)
  const strides = stridesOf(data.dims)
  const dims = [...data.dims]
  const walked = [...strides]
  let start = 0
  axes.forEach((rawAxis, k) => {
    const axis = axisOf(rawAxis, data.dims.length, node)
    const size = data.dims[axis]!
    const step = steps[k] ?? 1
    if (step === 0) throw new ModelError(`${node.where}: step 0`)
    const from = clampIndex(starts[k] ?? 0, size, 0, step > 0 ? size : size - 1)
    const to = clampIndex(ends[k] ?? size, size, step > 0 ? 0 : -1, step > 0 ? size : size - 1)
    dims[axis] = Math.max(0, Math.ceil((to - from) / step))
    walked[axis] = strides[axis]! * step
    start += from * strides[axis]!
  })
  return moved(data, dims, walk(dims, walked, start), (axis) => (dims[axis] === data.dims[axis] ? axis : null))
}

function clampIndex(index: number, size: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, index < 0 ? index + size : index))
}

const shape: Fold = (inputs, node) => {
  const data = need(inputs, 0, node)
  const rank = data.dims.length
  const start = intAttribute(node, 'start', 0)
  const dims = data.dims.slice(start, intAttribute(node, 'end', rank))
  return { dims: [dims.length], dtype: 'int64', values: BigInt64Array.from(dims, BigInt), grid: null }
}

export const shapeFolds: Readonly<Record<string, Fold>> = {
  Identity: identity,
  Dropout: identity,
  Reshape: reshape,
  Flatten: flatten,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Transpose: transpose,
  Concat: concat,
  Gather: gather,
  Slice: slice,
  Shape: shape,
}
