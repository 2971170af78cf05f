// Intra-block pattern: in every m × n block exactly φ weights survive, at places that one mask of a set tells (IntraBlock of CIMinus).
// N:M sparsity along the inputs is m = M, n = 1, φ = N. A block that the edge cuts is filled up with zeros.
import { z } from 'zod'
import { choice, int } from '../../base/fields.js'
import { colExtent, rowExtent } from '../extent.js'
import { type BlockGrid, type Rect, rectOf } from '../grid.js'
import { bitsFor, type PatternKind } from '../kind.js'
import type { Mask, Pattern } from '../types.js'

const largestBlock = 4096
const mostMasks = 4096

const schema = z.strictObject({
  kind: choice('kind of the pattern', ['intra-block']),
  rows: rowExtent,
  cols: colExtent.default(1),
  keep: int('weights that survive in every block, φ', 'weight', 1, largestBlock),
  masks: z
    .array(z.string())
    .min(1)
    .max(mostMasks)
    .meta({
      description: 'masks to choose from, m·n digits 0 or 1 each, row-major, in quotes; spaces do not count',
      unit: '',
    })
    .optional(),
})

/**
 * Index memory: the position of every kept weight in its block, ⌈log2 mn⌉ bits. CIMinus stores an element index for every kept weight and
 * puts a multiplexer before it, because weights of several rows share one array row; the widths, and one multiplexer of m·n ways for every
 * kept position of a stored block, are assumed.
 */
export const intraBlock: PatternKind = {
  name: 'intra-block',
  doc: 'a fixed number of weights survives in every block of rows × cols, by one mask of a set',
  schema,
  everyRemoval: true,
  read(fields) {
    const { kind, rows, cols, keep, masks: texts } = schema.parse(fields)
    const masks = texts?.map((text) => text.replaceAll(' ', ''))
    if (typeof rows !== 'number' || typeof cols !== 'number')
      return { complaint: `rows ${rows}, cols ${cols}: the blocks of an intra-block pattern need sizes in numbers` }
    const size = rows * cols
    if (size > largestBlock) return { complaint: `a block of ${size} weights; at most ${largestBlock}` }
    if (keep > size) return { complaint: `keep ${keep} of a block of ${size} weights` }
    const wrong = masks?.find((mask) => !/^[01]+$/.test(mask) || mask.length !== size || ones(mask) !== keep)
    if (wrong !== undefined)
      return { complaint: `mask "${wrong}": expected ${size} digits 0 or 1 with ${keep} ones (rows × cols, keep)` }
    const set = masks === undefined ? null : masks.map((mask) => Uint8Array.from(mask, Number))
    return { kind, rows, cols, share: 1 - keep / size, keep, masks: set }
  },
  removals(pattern, grid, matrix, mask, scorer) {
    const chosen: { block: number; loss: number; gone: Int32Array }[] = []
    for (let block = 0; block < grid.down * grid.across; block++) {
      const places = placesOf(grid, block)
      if (!places.some((at) => at >= 0 && mask[at] === 1)) continue
      const costs = Float64Array.from(places, (at) =>
        at >= 0 && mask[at] === 1 ? scorer.element(matrix.values[at]!) : 0,
      )
      const kept =
        pattern.masks === null ? largest(costs, places, pattern.keep!) : cheapest(pattern.masks, costs, scorer.mask)
      const out = places.map((_, p) => p).filter((p) => kept[p] === 0 && places[p]! >= 0 && mask[places[p]!] === 1)
      const loss = out.reduce((sum, p) => sum + costs[p]!, 0)
      chosen.push({ block, loss, gone: out.map((p) => places[p]!) })
    }
    return {
      blocks: Int32Array.from(chosen, (c) => c.block),
      losses: Float64Array.from(chosen, (c) => c.loss),
      sizes: Int32Array.from(chosen, (c) => c.gone.length),
      apply(i, target: Mask) {
        for (const at of chosen[i]!.gone) target[at] = 0
      },
    }
  },
  survivors(pattern, grid, rect) {
    return wholeAndCut(pattern, grid, rect)
  },
  indexCost(pattern, grid, kept) {
    const size = grid.m * grid.n
    const stored = kept.reduce((count, k) => count + (k > 0 ? 1 : 0), 0)
    const weights = kept.reduce((sum, k) => sum + k, 0)
    return {
      blockIndexBits: 0,
      elementIndexBits: weights * bitsFor(size),
      multiplexers: stored * pattern.keep!,
      multiplexerWays: size,
    }
  },
}

const ones = (mask: string) => mask.replaceAll('0', '').length

/** Element of every position of a block, row-major; −1 beyond the edge. */
function placesOf(grid: BlockGrid, block: number): Int32Array {
  const { top, left } = rectOf(grid, block)
  return Int32Array.from({ length: grid.m * grid.n }, (_, p) => {
    const r = top + Math.floor(p / grid.n)
    const c = left + (p % grid.n)
    return r < grid.rows && c < grid.cols ? r * grid.cols + c : -1
  })
}

/** Mask that keeps the φ costliest positions; ties: real positions before those beyond the edge, then the first. */
function largest(costs: Float64Array, places: Int32Array, keep: number): Uint8Array {
  const order = [...costs.keys()].sort(
    (a, b) => costs[b]! - costs[a]! || Number(places[a]! < 0) - Number(places[b]! < 0) || a - b,
  )
  const mask = new Uint8Array(costs.length)
  for (const p of order.slice(0, keep)) mask[p] = 1
  return mask
}

/** The mask of a set that removes least; ties: the first. */
function cheapest(masks: readonly Uint8Array[], costs: Float64Array, cost: (sum: number) => number): Uint8Array {
  let best = masks[0]!
  let least = Number.POSITIVE_INFINITY
  for (const mask of masks) {
    const loss = cost(costs.reduce((sum, c, p) => sum + (mask[p] === 0 ? c : 0), 0))
    if (loss < least) {
      best = mask
      least = loss
    }
  }
  return best
}

/** φ of every whole block; of a block cut by the edge at most what there is. */
function wholeAndCut(pattern: Pattern, grid: BlockGrid, rect: Rect): number {
  let kept = 0
  for (let r = rect.top; r < rect.bottom; r += grid.m) {
    for (let c = rect.left; c < rect.right; c += grid.n) {
      const size = Math.min(grid.m, rect.bottom - r) * Math.min(grid.n, rect.right - c)
      kept += Math.min(pattern.keep!, size)
    }
  }
  return kept
}
