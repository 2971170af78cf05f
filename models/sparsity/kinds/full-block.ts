// Full-block pattern: m × n blocks dropped whole (FullBlock of CIMinus). β adjacent outputs of one weight row, the block of Wu et al., is 1 × β.
import { z } from 'zod'
import { choice, real } from '../../base/fields.js'
import { colExtent, rowExtent } from '../extent.js'
import { type BlockGrid, rectOf } from '../grid.js'
import { bitsFor, type PatternKind } from '../kind.js'
import type { Mask, Pattern, SparsityMatrix } from '../types.js'

const schema = z.strictObject({
  kind: choice('kind of the pattern', ['full-block']),
  rows: rowExtent,
  cols: colExtent,
  sparsity: real('share of the blocks that is dropped; left out: whatever reaches the target', '', 0, 1).optional(),
})

/**
 * Index memory: the corner (block row, block column) of every kept block, ⌈log2 block rows⌉ + ⌈log2 block columns⌉ bits. CIMinus stores the
 * upper left corner of every kept block; the width of the two numbers is assumed to be the least that works.
 */
export const fullBlock: PatternKind = {
  name: 'full-block',
  doc: 'blocks of rows × cols are dropped whole; what is kept is indexed by block',
  schema,
  everyRemoval: false,
  read(fields) {
    const { kind, rows, cols, sparsity } = schema.parse(fields)
    if (sparsity === 1) return { complaint: 'sparsity 1 would drop every block; give less than 1' }
    return { kind, rows, cols, share: sparsity ?? null, keep: null, masks: null }
  },
  removals(_pattern, grid, matrix, mask, scorer) {
    const { sums, counts } = sumBlocks(grid, matrix, mask, scorer.element)
    const blocks = Int32Array.from(counts.keys()).filter((b) => counts[b]! > 0)
    return {
      blocks,
      losses: Float64Array.from(blocks, (b) => scorer.block(sums[b]!, counts[b]!)),
      sizes: Int32Array.from(blocks, (b) => counts[b]!),
      apply(i, target) {
        const { top, bottom, left, right } = rectOf(grid, blocks[i]!)
        for (let r = top; r < bottom; r++) target.fill(0, r * grid.cols + left, r * grid.cols + right)
      },
    }
  },
  survivors(pattern: Pattern, _grid, rect) {
    return (rect.bottom - rect.top) * (rect.right - rect.left) * (1 - (pattern.share ?? 0))
  },
  indexCost(_pattern, grid, kept) {
    const blocks = kept.reduce((count, k) => count + (k > 0 ? 1 : 0), 0)
    const blockIndexBits = blocks * (bitsFor(grid.down) + bitsFor(grid.across))
    return { blockIndexBits, elementIndexBits: 0, multiplexers: 0, multiplexerWays: 0 }
  },
}

/** Σ of the element costs and number of the kept elements of every block. */
function sumBlocks(grid: BlockGrid, matrix: SparsityMatrix, mask: Mask, element: (value: number) => number) {
  const sums = new Float64Array(grid.down * grid.across)
  const counts = new Int32Array(sums.length)
  for (let r = 0, i = 0; r < grid.rows; r++) {
    const base = Math.floor(r / grid.m) * grid.across
    for (let c = 0; c < grid.cols; c++, i++) {
      if (mask[i] === 0) continue
      const block = base + Math.floor(c / grid.n)
      sums[block]! += element(matrix.values[i]!)
      counts[block]!++
    }
  }
  return { sums, counts }
}
