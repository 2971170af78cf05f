// Sums of the weights of a matrix, in one pass over it: for zero points, checksums and bounds of results.
import type { WeightMatrix } from '../nn/types.js'

export interface MatrixSums {
  /** Σ e over the columns of every row */
  readonly rows: Float64Array
  /** Σ e over the rows of every column */
  readonly columns: Float64Array
  /** max over columns of Σ abs(e): activations up to a give results up to a times that */
  readonly bound: number
}

/** Rows whose weights (int16) add up to an int32: a multiple of 4. */
const mostRows = 65_532

export function sumMatrix({ rows, cols, e }: Pick<WeightMatrix, 'rows' | 'cols' | 'e'>): MatrixSums {
  const ofRows = new Float64Array(rows)
  const ofColumns = new Float64Array(cols)
  const sizes = new Float64Array(cols)
  const sums = new Int32Array(cols)
  const absolute = new Int32Array(cols)
  for (let first = 0; first < rows; first += mostRows) {
    sums.fill(0)
    absolute.fill(0)
    const end = Math.min(rows, first + mostRows)
    let row = first
    for (; row + 3 < end; row += 4) addFour(e, row, cols, ofRows, sums, absolute)
    for (; row < end; row++) addOne(e, row, cols, ofRows, sums, absolute)
    for (let c = 0; c < cols; c++) {
      ofColumns[c] = ofColumns[c]! + sums[c]!
      sizes[c] = sizes[c]! + absolute[c]!
    }
  }
  return { rows: ofRows, columns: ofColumns, bound: sizes.reduce((a, b) => Math.max(a, b), 0) }
}

function addOne(e: Int16Array, row: number, cols: number, rows: Float64Array, sums: Int32Array, absolute: Int32Array) {
  let sum = 0
  for (let c = 0, at = row * cols; c < cols; c++, at++) {
    const weight = e[at]!
    sum += weight
    sums[c] = sums[c]! + weight
    absolute[c] = absolute[c]! + Math.abs(weight)
  }
  rows[row] = sum
}

/** Four rows at a time, which is quicker. */
function addFour(e: Int16Array, row: number, cols: number, rows: Float64Array, sums: Int32Array, absolute: Int32Array) {
  const from = row * cols
  let [s0, s1, s2, s3] = [0, 0, 0, 0]
  for (let c = 0; c < cols; c++) {
    const w0 = e[from + c]!
    const w1 = e[from + cols + c]!
    const w2 = e[from + 2 * cols + c]!
    const w3 = e[from + 3 * cols + c]!
    s0 += w0
    s1 += w1
    s2 += w2
    s3 += w3
    sums[c] = sums[c]! + w0 + w1 + w2 + w3
    absolute[c] = absolute[c]! + Math.abs(w0) + Math.abs(w1) + Math.abs(w2) + Math.abs(w3)
  }
  rows[row] = s0
  rows[row + 1] = s1
  rows[row + 2] = s2
  rows[row + 3] = s3
}
