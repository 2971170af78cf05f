// Blocks of a matrix: m × n from the upper left corner; the last ones of a row or column are cut off by the edge.
import { SimFault, SpecError } from '../base/errors.js'
import type { Pattern, PatternHardware, SparsityMatrix } from './types.js'

export interface BlockGrid {
  /** rows and outputs of a whole block */
  readonly m: number
  readonly n: number
  /** block rows and block columns */
  readonly down: number
  readonly across: number
  readonly rows: number
  readonly cols: number
}

/** Half-open rectangle of elements. */
export interface Rect {
  readonly top: number
  readonly bottom: number
  readonly left: number
  readonly right: number
}

type Shape = Pick<SparsityMatrix, 'rows' | 'cols' | 'channelRows'>

/**
 * The blocks of a pattern on a matrix, words as numbers.
 * @throws SpecError for whole channels on a machine whose row order takes the rows of a channel apart
 */
export function gridOf(pattern: Pattern, matrix: Shape, hardware: PatternHardware): BlockGrid {
  if (pattern.rows === 'channel' && hardware.rowOrder !== 'channel-major' && matrix.channelRows > 1)
    throw new SpecError(
      'rows "channel": the machine orders its rows by kernel position; it needs weights.rowOrder channel-major',
    )
  const rowWord = { 'all-rows': matrix.rows, channel: matrix.channelRows, 'ou-rows': hardware.ouRows }
  const colWord = { 'all-cols': matrix.cols, 'ou-cols': hardware.ouCols, beta: hardware.beta }
  const m = typeof pattern.rows === 'number' ? pattern.rows : rowWord[pattern.rows]
  const n = typeof pattern.cols === 'number' ? pattern.cols : colWord[pattern.cols]
  if (!(m >= 1 && n >= 1)) throw new SimFault(`block of ${m} × ${n}`)
  const { rows, cols } = matrix
  return { m, n, down: Math.ceil(rows / m), across: Math.ceil(cols / n), rows, cols }
}

/** @param block number of the block, row-major */
export function rectOf(grid: BlockGrid, block: number): Rect {
  const top = Math.floor(block / grid.across) * grid.m
  const left = (block % grid.across) * grid.n
  return { top, left, bottom: Math.min(top + grid.m, grid.rows), right: Math.min(left + grid.n, grid.cols) }
}

/** Elements of a block. */
export function areaOf(grid: BlockGrid, block: number): number {
  const { top, bottom, left, right } = rectOf(grid, block)
  return (bottom - top) * (right - left)
}

/** Kept elements of every block. */
export function keptPerBlock({ m, n, down, across, rows, cols }: BlockGrid, mask: Uint8Array): Int32Array {
  const kept = new Int32Array(down * across)
  for (let r = 0; r < rows; r++) {
    let block = Math.floor(r / m) * across
    for (let left = 0; left < cols; left += n, block++) {
      let sum = 0
      for (let i = r * cols + left, end = r * cols + Math.min(left + n, cols); i < end; i++) sum += mask[i]!
      kept[block]! += sum
    }
  }
  return kept
}
