// Laws of pruning, on random matrices, patterns and machines.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { maskComplaint } from '../../models/sparsity/fit.js'
import { gridOf } from '../../models/sparsity/grid.js'
import {
  defaultHardware,
  masked,
  patternOf,
  pruneLayers,
  pruneMatrix,
  readPattern,
} from '../../models/sparsity/index.js'
import type { Mask, PatternDescription, PrunableLayer, SparsityMatrix } from '../../models/sparsity/types.js'
import { runs } from '../helpers/cases.js'

type Fields = Record<string, unknown>

function describeAs(...patterns: Fields[]): PatternDescription {
  return readPattern({ file: 'test', data: { name: 'test', patterns }, position: () => 'test' })
}

/** No weight is zero, so that whatever is zero afterwards was pruned; all sizes of weights differ. */
const matrices: fc.Arbitrary<SparsityMatrix> = fc
  .record({ rows: fc.integer({ min: 1, max: 40 }), cols: fc.integer({ min: 1, max: 24 }), seed: fc.nat() })
  .chain(({ rows, cols }) =>
    fc
      .uniqueArray(fc.integer({ min: 1, max: 1 << 22 }), { minLength: rows * cols, maxLength: rows * cols })
      .map((list) => ({
        rows,
        cols,
        channelRows: 1,
        values: Float32Array.from(list, (v, i) => (i % 3 === 0 ? -v : v)),
      })),
  )

const extent = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constantFrom(16, 32))
const fullBlock = fc.record({
  kind: fc.constant('full-block'),
  rows: fc.oneof(extent, fc.constantFrom('all-rows', 'ou-rows', 'channel')),
  cols: fc.oneof(extent, fc.constantFrom('all-cols', 'ou-cols', 'beta')),
})
const intraBlock = fc
  .record({
    rows: fc.integer({ min: 1, max: 6 }),
    cols: fc.integer({ min: 1, max: 3 }),
    pick: fc.nat(),
    set: fc.boolean(),
  })
  .map(({ rows, cols, pick, set }) => {
    const size = rows * cols
    const keep = 1 + (pick % size)
    const rotation = (shift: number) =>
      Array.from({ length: size }, (_, p) => ((p + shift) % size < keep ? '1' : '0')).join('')
    const masks = set ? { masks: Array.from({ length: Math.min(3, size) }, (_, s) => rotation(s)) } : {}
    return { kind: 'intra-block', rows, cols, keep, ...masks }
  })
const sparsities = fc.double({ min: 0, max: 0.99, noNaN: true })

const zerosOf = (mask: Mask) => mask.reduce((sum, kept) => sum + 1 - kept, 0)

/** Elements of every block, the plain way. */
function blocksOf(description: PatternDescription, which: number, matrix: SparsityMatrix): number[][] {
  const { m, n } = gridOf(description.patterns[which]!, matrix, defaultHardware)
  const blocks = new Map<string, number[]>()
  for (let i = 0; i < matrix.values.length; i++) {
    const key = `${Math.floor(Math.floor(i / matrix.cols) / m)},${Math.floor((i % matrix.cols) / n)}`
    blocks.set(key, [...(blocks.get(key) ?? []), i])
  }
  return [...blocks.values()]
}

describe('full blocks', () => {
  it('are kept or dropped whole; the target is met to within one block; the smallest norms go', () => {
    fc.assert(
      fc.property(
        matrices,
        fullBlock,
        sparsities,
        fc.constantFrom('l1' as const, 'l2' as const),
        (matrix, fields, sparsity, norm) => {
          const description = describeAs(fields)
          const mask = pruneMatrix(matrix, description, sparsity, { norm })
          const blocks = blocksOf(description, 0, matrix)
          const kept = blocks.filter((block) => mask[block[0]!] === 1)
          const gone = blocks.filter((block) => mask[block[0]!] === 0)
          for (const block of blocks) expect(new Set(block.map((i) => mask[i])).size).toBe(1)
          expect(maskComplaint(description, mask, matrix, defaultHardware)).toBeNull()
          const largest = Math.max(...blocks.map((block) => block.length))
          expect(Math.abs(zerosOf(mask) - sparsity * mask.length)).toBeLessThanOrEqual(largest)
          expect(kept.length).toBeGreaterThan(0)
          const size = (block: number[]) => {
            const w = block.map((i) => Math.abs(matrix.values[i]!))
            const sum = norm === 'l1' ? w.reduce((a, b) => a + b, 0) : Math.sqrt(w.reduce((a, b) => a + b * b, 0))
            return norm === 'l1' ? sum / w.length : sum / Math.sqrt(w.length)
          }
          const least = Math.min(...kept.map(size))
          for (const block of gone) expect(size(block)).toBeLessThanOrEqual(least * (1 + 1e-12))
        },
      ),
      runs(200),
    )
  })

  it('found ∘ prune is the mask', () => {
    fc.assert(
      fc.property(
        matrices,
        fullBlock,
        sparsities,
        fc.constantFrom('magnitude', 'random'),
        (matrix, fields, sparsity, criterion) => {
          const description = describeAs(fields)
          const mask = pruneMatrix(matrix, description, sparsity, { criterion })
          const values = masked(matrix.values, mask)
          expect(pruneMatrix({ ...matrix, values }, description, null, { criterion: 'found' })).toEqual(mask)
        },
      ),
      runs(200),
    )
  })

  it('a higher target never keeps what a lower one drops', () => {
    fc.assert(
      fc.property(matrices, fullBlock, sparsities, sparsities, (matrix, fields, a, b) => {
        const [low, high] = [Math.min(a, b), Math.max(a, b)].map((s) => pruneMatrix(matrix, describeAs(fields), s))
        expect(low!.every((kept, i) => kept === 1 || high![i] === 0)).toBe(true)
      }),
    )
  })
})

describe('intra blocks', () => {
  it('keep exactly φ weights of every whole block, by the mask that removes least', () => {
    fc.assert(
      fc.property(matrices, intraBlock, (matrix, fields) => {
        const description = describeAs(fields)
        const pattern = description.patterns[0]!
        const mask = pruneMatrix(matrix, description, null, { norm: 'l1' })
        expect(maskComplaint(description, mask, matrix, defaultHardware)).toBeNull()
        for (const block of blocksOf(description, 0, matrix)) {
          const kept = block.filter((i) => mask[i] === 1)
          if (block.length < fields.rows * fields.cols) {
            expect(kept.length).toBeLessThanOrEqual(fields.keep)
            continue
          }
          expect(kept.length).toBe(fields.keep)
          const loss = (gone: number[]) => gone.reduce((sum, i) => sum + Math.abs(matrix.values[i]!), 0)
          const own = loss(block.filter((i) => mask[i] === 0))
          const sorted = block.map((i) => Math.abs(matrix.values[i]!)).sort((a, b) => a - b)
          const best =
            pattern.masks === null
              ? sorted.slice(0, block.length - fields.keep).reduce((a, b) => a + b, 0)
              : Math.min(...pattern.masks.map((m) => loss(block.filter((_, p) => m[p] === 0))))
          expect(own).toBeCloseTo(best, 3)
        }
      }),
    )
  })

  it('found ∘ prune is the mask', () => {
    fc.assert(
      fc.property(matrices, intraBlock, (matrix, fields) => {
        const description = describeAs(fields)
        const mask = pruneMatrix(matrix, description, null)
        const values = masked(matrix.values, mask)
        expect(pruneMatrix({ ...matrix, values }, description, null, { criterion: 'found' })).toEqual(mask)
      }),
    )
  })
})

describe('compositions', () => {
  const pairs = fc.record({
    m: fc.constantFrom(2, 4),
    down: fc.integer({ min: 1, max: 3 }),
    cols: extent,
    flip: fc.boolean(),
  })

  it('obey both patterns and meet the target to within one block', () => {
    fc.assert(
      fc.property(
        matrices,
        pairs,
        fc.double({ min: 0.5, max: 0.98, noNaN: true }),
        (matrix, { m, down, cols, flip }, sparsity) => {
          const intra = { kind: 'intra-block', rows: m, cols: 1, keep: m / 2 }
          const full = { kind: 'full-block', rows: m * down, cols }
          const description = flip ? describeAs(full, intra) : describeAs(intra, full)
          const mask = pruneMatrix(matrix, description, sparsity)
          expect(maskComplaint(description, mask, matrix, defaultHardware)).toBeNull()
          // What the intra blocks alone leave: an odd number of rows keeps more than half of its last block.
          const alone = pruneMatrix(matrix, describeAs(intra), null)
          const block = Math.max(
            ...blocksOf(description, flip ? 0 : 1, matrix).map((b) => b.filter((i) => alone[i] === 1).length),
          )
          const wanted = Math.max(sparsity * mask.length, zerosOf(alone))
          expect(Math.abs(zerosOf(mask) - wanted)).toBeLessThanOrEqual(block)
          const whole = blocksOf(description, flip ? 0 : 1, matrix)
          expect(whole.some((b) => b.some((i) => mask[i] === 1))).toBe(true)
        },
      ),
      runs(200),
    )
  })

  it('intra first: what survives is what the intra pattern alone kept', () => {
    fc.assert(
      fc.property(matrices, pairs, (matrix, { m, down, cols }) => {
        const intra = { kind: 'intra-block', rows: m, cols: 1, keep: m / 2 }
        const both = pruneMatrix(matrix, describeAs(intra, { kind: 'full-block', rows: m * down, cols }), 0.8)
        const alone = pruneMatrix(matrix, describeAs(intra), null)
        for (const block of blocksOf(describeAs({ kind: 'full-block', rows: m * down, cols }), 0, matrix)) {
          const kept = block.filter((i) => both[i] === 1)
          if (kept.length > 0) expect(kept).toEqual(block.filter((i) => alone[i] === 1))
        }
      }),
    )
  })
})

describe('several layers', () => {
  const layers = fc
    .array(matrices, { minLength: 1, maxLength: 3 })
    .map((list): PrunableLayer[] => list.map((matrix, i) => ({ name: `layer ${i}`, matrices: [matrix] })))

  it('a global ranking drops the smallest blocks of all layers, and never a whole layer', () => {
    fc.assert(
      fc.property(layers, sparsities, (list, sparsity) => {
        const request = {
          description: patternOf('block'),
          criterion: 'magnitude',
          norm: 'l2',
          scope: 'global',
          seed: '',
          hardware: defaultHardware,
        } as const
        const masks = pruneLayers(list, { ...request, sparsity }).map((of) => of[0]!)
        const sizes = list.flatMap((layer, l) =>
          blocksOf(request.description, 0, layer.matrices[0]!).map((block) => {
            const sum = block.reduce((total, i) => total + layer.matrices[0]!.values[i]! ** 2, 0)
            return { l, kept: masks[l]![block[0]!] === 1, norm: Math.sqrt(sum / block.length) }
          }),
        )
        for (const [l] of list.entries()) expect(sizes.some((b) => b.l === l && b.kept)).toBe(true)
        const alone = (b: (typeof sizes)[number]) => sizes.filter((other) => other.l === b.l && other.kept).length === 1
        const free = sizes.filter((b) => b.kept && !alone(b)).map((b) => b.norm)
        for (const b of sizes.filter((s) => !s.kept))
          expect(b.norm).toBeLessThanOrEqual(Math.min(...free, Infinity) * (1 + 1e-12))
      }),
    )
  })

  it('random masks depend on seed and layer alone', () => {
    const matrix = { rows: 32, cols: 16, channelRows: 1, values: new Float32Array(512).fill(1) }
    const draw = (seed: string, name: string) => pruneMatrix(matrix, 'block', 0.5, { criterion: 'random', seed, name })
    expect(draw('a', 'x')).toEqual(draw('a', 'x'))
    expect(draw('a', 'x')).not.toEqual(draw('b', 'x'))
    expect(draw('a', 'x')).not.toEqual(draw('a', 'y'))
    expect(zerosOf(draw('a', 'x'))).toBe(256)
  })
})
