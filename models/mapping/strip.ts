// What a remapper sees of a strip: which rows of which blocks are all zero, as bit sets, and what a block permutation is worth.
import type { WeightMatrix } from '../nn/types.js'
import type { StripRange } from './ranges.js'
import type { MapSpec } from './spec.js'

/** Blocks to be dealt to OU columns. Position p of a permutation lies in OU column floor(p / perOu). */
export interface StripProblem {
  /** n = ceil(width / β): a permutation has this length */
  readonly blocks: number
  /** blocks of a full OU column, P_BL / β, at least 1 */
  readonly perOu: number
  /** word lines of an OU, P_WL */
  readonly ouRows: number
  /** rows of the tile, and 32-bit words that hold one bit for each */
  readonly rows: number
  readonly words: number
  /** blocks × words: bit r of block q is set iff all its weights in row r of the tile have e = 0; bits beyond `rows` are 0 */
  readonly zero: Uint32Array
}

/** The strip of a matrix; `width` outputs from `firstCol` on, `rows` rows from `firstRow` on. */
export function stripProblem(
  matrix: WeightMatrix,
  range: Pick<StripRange, 'firstRow' | 'rows' | 'firstCol' | 'width'>,
  { ou, block }: Pick<MapSpec, 'ou' | 'block'>,
): StripProblem {
  const { firstRow, rows, firstCol, width } = range
  const blocks = Math.ceil(width / block)
  const words = Math.ceil(rows / 32)
  const zero = new Uint32Array(blocks * words)
  for (let r = 0; r < rows; r++) {
    const base = (firstRow + r) * matrix.cols + firstCol
    const bit = 1 << (r & 31)
    for (let q = 0; q < blocks; q++) {
      const end = Math.min(width, (q + 1) * block)
      let c = q * block
      while (c < end && matrix.e[base + c] === 0) c++
      if (c === end) zero[q * words + (r >> 5)]! |= bit
    }
  }
  return { blocks, perOu: Math.max(1, Math.floor(ou.cols / block)), ouRows: ou.rows, rows, words, zero }
}

/** Number of OU columns, the last one possibly short. */
export function ouCount(problem: StripProblem): number {
  return Math.ceil(problem.blocks / problem.perOu)
}

/** Set bits of a 32-bit word. */
export function ones(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555)
  const nibbles = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333)
  return Math.imul((nibbles + (nibbles >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}

/** Rows in which one block is all zero. */
export function zeroRowsOfBlock({ words, zero }: StripProblem, block: number): number {
  let total = 0
  for (let w = block * words; w < (block + 1) * words; w++) total += ones(zero[w]!)
  return total
}

/** All-zero rows of the OU column that holds the positions first … end − 1: rows of the AND of its blocks. */
export function zeroRows(problem: StripProblem, perm: ArrayLike<number>, first: number, end: number): number {
  const { words, zero } = problem
  let total = 0
  for (let w = 0; w < words; w++) {
    let word = -1
    for (let p = first; p < end; p++) word &= zero[perm[p]! * words + w]!
    total += ones(word)
  }
  return total
}

/** The objective of every remapper: all-zero rows of the strip, summed over its OU columns (rows that compression deletes). */
export function deletedRows(problem: StripProblem, perm: ArrayLike<number>): number {
  let total = 0
  for (let first = 0; first < problem.blocks; first += problem.perOu)
    total += zeroRows(problem, perm, first, Math.min(problem.blocks, first + problem.perOu))
  return total
}

export function identityPermutation(blocks: number): Int32Array {
  return Int32Array.from({ length: blocks }, (_, p) => p)
}

/** Whether a list holds 0 … length − 1, each once. */
export function isPermutation(list: ArrayLike<number>): boolean {
  const seen = new Uint8Array(list.length)
  for (let i = 0; i < list.length; i++) {
    const entry = list[i]!
    if (!Number.isInteger(entry) || entry < 0 || entry >= list.length || seen[entry] === 1) return false
    seen[entry] = 1
  }
  return true
}

/** Whether a permutation can change anything: more than one OU column, and more than one block in one. */
export function canHelp(problem: StripProblem): boolean {
  return problem.perOu > 1 && problem.blocks > problem.perOu
}
