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

/** Rows whose weights (int16) add up to an int32. */
const mostRows = 65_535

export function sumMatrix({ rows, cols, e }: Pick<WeightMatrix, 'rows' | 'cols' | 'e'>): MatrixSums {
  const ofRows = new Float64Array(rows)
  const ofColumns = new Float64Array(cols)
  const sizes = new Float64Array(cols)
  for (let from = 0; from < rows; from += mostRows) {
    const sums = new Int32Array(cols)
    const absolute = new Int32Array(cols)
    for (let row = from, at = from * cols; row < Math.min(rows, from + mostRows); row++) {
      let sum = 0
      for (let c = 0; c < cols; c++) {
        const weight = e[at++]!
        sum += weight
        sums[c] = sums[c]! + weight
        absolute[c] = absolute[c]! + Math.abs(weight)
      }
      ofRows[row] = sum
    }
    for (let c = 0; c < cols; c++) {
      ofColumns[c] = ofColumns[c]! + sums[c]!
      sizes[c] = sizes[c]! + absolute[c]!
    }
  }
  return { rows: ofRows, columns: ofColumns, bound: sizes.reduce((a, b) => Math.max(a, b), 0) }
}
