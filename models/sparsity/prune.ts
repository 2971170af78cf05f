// From weights to masks: every pattern of a description lists what it may remove, the criterion says what that costs, and the cheapest go
// until the target is met.
import { SpecError } from '../base/errors.js'
import { percent } from '../base/units.js'
import { criteria } from './criteria/index.js'
import type { Criterion, Norm, Scorer } from './criterion.js'
import { type BlockGrid, gridOf, rectOf } from './grid.js'
import type { PatternKind, Removals } from './kind.js'
import { patternKinds } from './kinds/index.js'
import { fixedSparsity } from './pattern.js'
import type { Mask, Pattern, PatternDescription, PatternHardware, PrunableLayer, SparsityMatrix } from './types.js'

export interface PruneRequest {
  readonly description: PatternDescription
  /** name in the registry: magnitude, random, found */
  readonly criterion: string
  readonly norm: Norm
  /** layer: every layer meets the target; global: all together do, ranked over all layers */
  readonly scope: 'layer' | 'global'
  /** wanted share of zeros; null: what the description fixes, or what is found */
  readonly sparsity: number | null
  /** of the random criterion */
  readonly seed: string
  readonly hardware: PatternHardware
}

/**
 * The target that holds, checked against the description.
 * @throws SpecError outside [0, 1), and where description and target contradict each other
 */
export function targetOf(description: PatternDescription, criterion: string, sparsity: number | null): number | null {
  if (!criteria.get(criterion).usesTarget) return null
  if (sparsity !== null && !(sparsity >= 0 && sparsity < 1))
    throw new SpecError(`sparsity ${sparsity}: expected a number from 0 to less than 1 (0.75 = three quarters zero)`)
  const fixed = fixedSparsity(description)
  if (fixed === null && sparsity === null)
    throw new SpecError(`pattern "${description.name}" leaves its sparsity open; give the sparsity to reach`)
  const least = 1 - description.patterns.reduce((kept, pattern) => kept * (1 - (pattern.share ?? 0)), 1)
  if (fixed !== null && sparsity !== null && Math.abs(fixed - sparsity) > 1e-9)
    throw new SpecError(
      `pattern "${description.name}" removes ${percent(fixed)} by itself, sparsity ${sparsity} was asked for; leave the sparsity out, or take another pattern`,
    )
  if (sparsity !== null && sparsity < least - 1e-9)
    throw new SpecError(
      `pattern "${description.name}" removes at least ${percent(least)}, sparsity ${sparsity} was asked for`,
    )
  return sparsity ?? fixed
}

/**
 * One mask a matrix of every layer, in the order given. Ties go to the earlier layer, matrix and block. At least one block of every layer
 * stays, whatever the target.
 */
export function pruneLayers(layers: readonly PrunableLayer[], request: PruneRequest): Mask[][] {
  const target = targetOf(request.description, request.criterion, request.sparsity)
  const pools = request.scope === 'global' ? [layers] : layers.map((layer) => [layer])
  return pools.flatMap((pool) => prunePool(pool, request, target))
}

function prunePool(layers: readonly PrunableLayer[], request: PruneRequest, target: number | null): Mask[][] {
  const criterion = criteria.get(request.criterion)
  const { patterns } = request.description
  const masks = layers.map((layer) => layer.matrices.map(({ rows, cols }) => new Uint8Array(rows * cols).fill(1)))
  const scorers = layers.map((layer) => criterion.scorer(request.norm, request.seed, layer.name))
  for (const [i, pattern] of patterns.entries()) {
    const kind = patternKinds.get(pattern.kind)
    const offers = layers.flatMap((layer, l) =>
      layer.matrices.map((matrix, m) =>
        offer(kind, pattern, patterns[i + 1], matrix, masks[l]![m]!, scorers[l]!, l, request.hardware),
      ),
    )
    carryOut(offers, kind, criterion, pattern.share, target)
  }
  return masks
}

/** What one pattern may remove from one matrix. */
interface Offer {
  readonly layer: number
  readonly mask: Mask
  readonly removals: Removals
  /** elements that go for good with a block: those that a later pattern would leave in it */
  readonly weights: Float64Array
}

function offer(
  kind: PatternKind,
  pattern: Pattern,
  later: Pattern | undefined,
  matrix: SparsityMatrix,
  mask: Mask,
  scorer: Scorer,
  layer: number,
  hardware: PatternHardware,
): Offer {
  const grid = gridOf(pattern, matrix, hardware)
  const removals = kind.removals(pattern, grid, matrix, mask, scorer)
  const weights =
    later === undefined ? Float64Array.from(removals.sizes) : surviving(removals, grid, later, matrix, hardware)
  return { layer, mask, removals, weights }
}

function surviving(
  removals: Removals,
  grid: BlockGrid,
  later: Pattern,
  matrix: SparsityMatrix,
  hardware: PatternHardware,
): Float64Array {
  const inner = gridOf(later, matrix, hardware)
  const kind = patternKinds.get(later.kind)
  return Float64Array.from(removals.blocks, (block) => kind.survivors(later, inner, rectOf(grid, block)))
}

function carryOut(
  offers: readonly Offer[],
  kind: PatternKind,
  criterion: Criterion,
  share: number | null,
  target: number | null,
): void {
  if (!criterion.usesTarget || kind.everyRemoval) {
    for (const { removals, mask } of offers)
      for (let i = 0; i < removals.losses.length; i++)
        if (criterion.usesTarget || removals.losses[i] === 0) removals.apply(i, mask)
    return
  }
  const elements = offers.reduce((sum, { mask }) => sum + mask.length, 0)
  const kept = offers.reduce((sum, { weights }) => sum + weights.reduce((a, b) => a + b, 0), 0)
  const wanted = share === null ? kept - (1 - (target ?? 0)) * elements : share * kept
  dropCheapest(offers, wanted)
}

/** Drops blocks, cheapest first, until their weights come nearest to what is wanted. */
function dropCheapest(offers: readonly Offer[], wanted: number): void {
  const queue = offers.flatMap((entry, o) => Array.from(entry.removals.losses, (loss, i) => ({ o, i, loss })))
  queue.sort((a, b) => a.loss - b.loss || a.o - b.o || a.i - b.i)
  const left = new Map<number, number>()
  for (const { layer, removals } of offers) left.set(layer, (left.get(layer) ?? 0) + removals.losses.length)
  let gone = 0
  for (const { o, i } of queue) {
    const { layer, mask, removals, weights } = offers[o]!
    if (gone + weights[i]! / 2 > wanted + 1e-9) break
    if (left.get(layer) === 1) continue
    removals.apply(i, mask)
    left.set(layer, left.get(layer)! - 1)
    gone += weights[i]!
  }
}
