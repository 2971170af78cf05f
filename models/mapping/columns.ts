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
  const kept = new Int32Array(tile.rows)
  let count = 0
  for (let row = tile.firstRow; row < tile.firstRow + tile.rows; row++) {
    if (keepsRow(matrix, row, outputs, compress)) kept[count++] = row
  }
  return kept.slice(0, count)
}

function keepsRow(matrix: WeightMatrix, row: number, outputs: readonly number[], compress: boolean): boolean {
  const base = row * matrix.cols
  for (const col of outputs) {
    if (compress ? matrix.e[base + col] !== 0 : !isStructural(matrix, row, col)) return true
  }
  return false
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
