// From a strip to its OU columns: which outputs the slots carry, and which rows survive (docs/timing.md, section 1, steps 3 to 5).
import type { WeightMatrix } from '../nn/types.js'

export interface TileRange {
  readonly firstRow: number
  readonly rows: number
}

/** Outputs (columns of the matrix) of every OU column, in slot order; an OU column without outputs has an empty list. */
export function columnOutputs(
  perm: Int32Array,
  block: number,
  ouCols: number,
  firstCol: number,
  width: number,
): number[][] {
  const outputs: number[][] = Array.from({ length: Math.ceil((perm.length * block) / ouCols) }, () => [])
  for (let p = 0; p < perm.length; p++) {
    for (let i = 0; i < block; i++) {
      const output = perm[p]! * block + i
      if (output < width) outputs[Math.floor((p * block + i) / ouCols)]!.push(firstCol + output)
    }
  }
  return outputs
}

/** Rows of the tile that an OU column keeps, in increasing order. */
export function keptRows(
  matrix: WeightMatrix,
  tile: TileRange,
  outputs: readonly number[],
  compress: boolean,
): Int32Array {
  const { cols, e, diagonal } = matrix
  const { firstRow, rows } = tile
  const kept = new Int32Array(rows)
  let count = 0
  if (compress) {
    // Without a branch on the weights, whose zeros nobody can foresee; two at once where they stand in whole words.
    const first = outputs[0] ?? 0
    const width = outputs.length
    const neighbours = outputs.every((col, i) => col === first + i)
    const paired = neighbours && (first | width | cols) % 2 === 0 && e.byteOffset % 4 === 0
    const pairs = paired ? new Int32Array(e.buffer, e.byteOffset, e.length >> 1) : null
    for (let row = firstRow; row < firstRow + rows; row++) {
      const from = row * cols + first
      let bits = 0
      if (pairs !== null) for (let at = from >> 1; at < (from + width) >> 1; at++) bits |= pairs[at]!
      else if (neighbours) for (let at = from; at < from + width; at++) bits |= e[at]!
      else for (const col of outputs) bits |= e[from - first + col]!
      kept[count] = row
      count += (bits | -bits) >>> 31
    }
  } else if (diagonal === null) {
    if (outputs.length > 0) for (; count < rows; count++) kept[count] = firstRow + count
  } else {
    for (let row = firstRow; row < firstRow + rows; row++)
      if (outputs.some((col) => !isStructural(matrix, row, col))) kept[count++] = row
  }
  return count === rows ? kept : kept.slice(0, count)
}

/** A zero that only packing put there: an entry off the diagonal blocks. */
export function isStructural(matrix: WeightMatrix, row: number, col: number): boolean {
  const diagonal = matrix.diagonal
  return diagonal !== null && Math.floor(row / diagonal.rows) !== Math.floor(col / diagonal.cols)
}

/** Zero weights (structural ones not counted) in the rows of a tile that an OU column does not keep. */
export function deletedZeros(
  matrix: WeightMatrix,
  tile: TileRange,
  outputs: readonly number[],
  kept: Int32Array,
): number {
  if (matrix.diagonal === null) return (tile.rows - kept.length) * outputs.length
  let zeros = 0
  let next = 0
  for (let row = tile.firstRow; row < tile.firstRow + tile.rows; row++) {
    if (kept[next] === row) {
      next++
      continue
    }
    for (const col of outputs) if (!isStructural(matrix, row, col)) zeros++
  }
  return zeros
}
