// What a pattern kind supplies. A kind lists removals, each of elements of one block; who prunes chooses which of them are carried out.
import type { z } from 'zod'
import type { Named } from '../base/registry.js'
import type { Scorer } from './criterion.js'
import type { BlockGrid, Rect } from './grid.js'
import type { Mask, Pattern, SparsityMatrix } from './types.js'

/** Removals that a pattern offers on one matrix, one a block that still holds anything. */
export interface Removals {
  /** block numbers, ascending */
  readonly blocks: Int32Array
  /** what every removal costs by the criterion */
  readonly losses: Float64Array
  /** kept elements that every removal takes away */
  readonly sizes: Int32Array
  /** carries removal i out */
  apply(i: number, mask: Mask): void
}

/** Index memory and multiplexers that a pattern needs for one matrix (docs/sparsity.md, overheads). */
export interface IndexCost {
  /** corner (block row, block column) of every kept block */
  readonly blockIndexBits: number
  /** position inside its block of every kept element */
  readonly elementIndexBits: number
  /** inputs selected by multiplexers of `multiplexerWays` ways, one a kept position */
  readonly multiplexers: number
  readonly multiplexerWays: number
}

export interface PatternKind extends Named {
  /** fields of the description, `kind` included */
  readonly schema: z.ZodType
  /** the fields, already checked by the schema, as a pattern; a complaint when they contradict one another */
  read(fields: unknown): Pattern | { readonly complaint: string }
  /** true: every removal is carried out; false: as many as the target wants, cheapest first */
  readonly everyRemoval: boolean
  removals(pattern: Pattern, grid: BlockGrid, matrix: SparsityMatrix, mask: Mask, scorer: Scorer): Removals
  /** elements of a rectangle (made of whole blocks of the grid) that survive the pattern alone; a mean where the target decides */
  survivors(pattern: Pattern, grid: BlockGrid, rect: Rect): number
  /** @param kept kept elements of every block */
  indexCost(pattern: Pattern, grid: BlockGrid, kept: Int32Array): IndexCost
}

/** Bits of a number 0 … count − 1. */
export function bitsFor(count: number): number {
  return count <= 1 ? 0 : Math.ceil(Math.log2(count))
}
