// Operators that only move elements of a constant. Each yields the new shape and, per new element, the old one; weights and the
// integers behind them (constant.ts, Grid) are moved alike, so nothing is lost.
import type { Constant, Grid, Values } from './constant.js'
import { elements } from './constant.js'

/**
 * A constant with its elements moved.
 * @param source index of the old element per new element, or null when the order stays
 * @param axisMap old dimension → new dimension, or null when that dimension does not survive as such
 */
export function moved(
  constant: Constant,
  dims: readonly number[],
  source: Int32Array | null,
  axisMap: (axis: number) => number | null,
): Constant {
  const values = source === null ? constant.values : take(constant.values, source)
  return { dims, dtype: constant.dtype, values, grid: movedGrid(constant.grid, source, axisMap) }
}

function movedGrid(
  grid: Grid | null,
  source: Int32Array | null,
  axisMap: (axis: number) => number | null,
): Grid | null {
  if (grid === null) return null
  const codes = source === null ? grid.codes : Int16Array.from(source, (i) => grid.codes[i]!)
  if (grid.axis === null) return { ...grid, codes }
  const axis = axisMap(grid.axis)
  return axis === null ? null : { ...grid, codes, axis }
}

function take(values: Values, source: Int32Array): Values {
  if (values instanceof BigInt64Array) return BigInt64Array.from(source, (i) => values[i]!)
  if (values instanceof Float32Array) return Float32Array.from(source, (i) => values[i]!)
  if (values instanceof Float64Array) return Float64Array.from(source, (i) => values[i]!)
  return Int32Array.from(source, (i) => values[i]!)
}

/** Elements between two neighbours along every dimension. */
export function stridesOf(dims: readonly number[]): number[] {
  const strides = new Array<number>(dims.length).fill(1)
  for (let d = dims.length - 2; d >= 0; d--) strides[d] = strides[d + 1]! * dims[d + 1]!
  return strides
}

/** Index of the old element per element of `dims`, when a step along new dimension d is a step of `steps[d]` old elements. */
export function walk(dims: readonly number[], steps: readonly number[], start: number): Int32Array {
  const out = new Int32Array(elements(dims, 'constant'))
  const counter = new Array<number>(dims.length).fill(0)
  let at = start
  for (let i = 0; i < out.length; i++) {
    out[i] = at
    for (let d = dims.length - 1; d >= 0; d--) {
      at += steps[d]!
      counter[d] = counter[d]! + 1
      if (counter[d]! < dims[d]!) break
      at -= steps[d]! * dims[d]!
      counter[d] = 0
    }
  }
  return out
}

/** Permutes dimensions: new dimension d is old dimension perm[d]. */
export function transposed(constant: Constant, perm: readonly number[]): Constant {
  const strides = stridesOf(constant.dims)
  const dims = perm.map((p) => constant.dims[p]!)
  const source = walk(
    dims,
    perm.map((p) => strides[p]!),
    0,
  )
  return moved(constant, dims, source, (axis) => perm.indexOf(axis))
}

/** The same elements in another shape. A per-axis grid survives when a dimension of the same size and position remains. */
export function reshaped(constant: Constant, dims: readonly number[]): Constant {
  return moved(constant, dims, null, (axis) => {
    const before = product(constant.dims.slice(0, axis))
    const found = dims.findIndex((dim, d) => dim === constant.dims[axis] && product(dims.slice(0, d)) === before)
    return found < 0 ? null : found
  })
}

function product(dims: readonly number[]): number {
  return dims.reduce((a, b) => a * b, 1)
}
