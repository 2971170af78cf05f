// What a pattern costs besides the weights that stay: index memory, input multiplexers, extra accumulations (CIMinus counts these three and
// subtracts them from the gain).
import { gridOf, keptPerBlock } from './grid.js'
import { patternKinds } from './kinds/index.js'
import type { Mask, PatternDescription, PatternHardware, SparsityMatrix } from './types.js'

export interface Overhead {
  /** corners of the kept blocks */
  readonly blockIndexBits: number
  /** places of the kept weights inside their blocks */
  readonly elementIndexBits: number
  /** inputs chosen by multiplexers, one a kept place; each chooses once an input step */
  readonly multiplexers: number
  /** inputs of the widest multiplexer; 0 = none */
  readonly multiplexerWays: number
  /**
   * additions per vector when block columns of unequal height are cut to the mean height and the tails put under shorter ones (CIMinus:
   * slice); padding them instead needs none and wastes the cells
   */
  readonly extraAccumulations: number
}

export const noOverhead: Overhead = {
  blockIndexBits: 0,
  elementIndexBits: 0,
  multiplexers: 0,
  multiplexerWays: 0,
  extraAccumulations: 0,
}

export function overheadOf(
  description: PatternDescription,
  mask: Mask,
  matrix: Pick<SparsityMatrix, 'rows' | 'cols' | 'channelRows'>,
  hardware: PatternHardware,
): Overhead {
  const costs = description.patterns.map((pattern) => {
    const grid = gridOf(pattern, matrix, hardware)
    return patternKinds.get(pattern.kind).indexCost(pattern, grid, keptPerBlock(grid, mask))
  })
  const own = costs.map((cost) => ({ ...cost, extraAccumulations: 0 })).reduce(sumOverheads, noOverhead)
  const full = description.patterns.find((pattern) => pattern.keep === null)
  const width = full === undefined ? 1 : gridOf(full, matrix, hardware).n
  return { ...own, extraAccumulations: slices(mask, matrix, width) }
}

export function sumOverheads(a: Overhead, b: Overhead): Overhead {
  return {
    blockIndexBits: a.blockIndexBits + b.blockIndexBits,
    elementIndexBits: a.elementIndexBits + b.elementIndexBits,
    multiplexers: a.multiplexers + b.multiplexers,
    multiplexerWays: Math.max(a.multiplexerWays, b.multiplexerWays),
    extraAccumulations: a.extraAccumulations + b.extraAccumulations,
  }
}

/**
 * Additions for the tails of tall block columns. The height of a block column is that of its tallest output after compression; empty ones
 * take no place. Every tail (of at most the mean height) is added once to each output of its block column.
 */
function slices(mask: Mask, { rows, cols }: Pick<SparsityMatrix, 'rows' | 'cols'>, width: number): number {
  const perOutput = new Int32Array(cols)
  for (let r = 0, i = 0; r < rows; r++) for (let c = 0; c < cols; c++, i++) perOutput[c]! += mask[i]!
  const columns = Array.from({ length: Math.ceil(cols / width) }, (_, j) => {
    const own = perOutput.subarray(j * width, (j + 1) * width)
    return { height: Math.max(...own), outputs: own.length }
  }).filter(({ height }) => height > 0)
  const mean = Math.ceil(columns.reduce((sum, { height }) => sum + height, 0) / Math.max(1, columns.length))
  return columns.reduce((sum, { height, outputs }) => sum + outputs * (Math.ceil(height / mean) - 1), 0)
}
