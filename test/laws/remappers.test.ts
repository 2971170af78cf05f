// What must hold of every remapper on a strip alone: a permutation, never worse than identity, optimal where the optimum is known.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SimFault, SpecError } from '../../models/base/errors.js'
import { perfectMatching } from '../../models/mapping/blossom.js'
import { zeroCrossbars } from '../../models/mapping/remappers/cluster.js'
import { remappers } from '../../models/mapping/remappers/index.js'
import { searchStrip } from '../../models/mapping/search.js'
import { deletedRows, identityPermutation, type StripProblem } from '../../models/mapping/strip.js'
import { createSwapState } from '../../models/mapping/swaps.js'
import { stream } from '../helpers/work.js'

const names = remappers.all.map((remapper) => remapper.name)
const quick = { seed: 3, population: 3, generations: 2, patience: 2, trials: 4 }

/** A random strip; `like` makes some blocks share zero rows, so that there is something to find. */
function strip(blocks: number, perOu: number, rows: number, sparsity: number, seed: number, like = 0): StripProblem {
  const random = stream(seed)
  const words = Math.ceil(rows / 32)
  const zero = new Uint32Array(blocks * words)
  for (let q = 0; q < blocks; q++) {
    for (let r = 0; r < rows; r++) {
      const copy = q > 0 && random() < like
      const other = copy ? Math.floor(random() * q) : q
      const bit = copy ? (zero[other * words + (r >> 5)]! >>> (r & 31)) & 1 : Number(random() < sparsity)
      if (bit === 1) zero[q * words + (r >> 5)]! |= 1 << (r & 31)
    }
  }
  return { blocks, perOu, ouRows: 4, rows, words, zero }
}

const stripArbitrary = fc
  .record({
    blocks: fc.integer({ min: 1, max: 14 }),
    perOu: fc.integer({ min: 1, max: 5 }),
    rows: fc.integer({ min: 1, max: 70 }),
    sparsity: fc.constantFrom(0, 0.3, 0.7, 0.95, 1),
    seed: fc.integer(),
    like: fc.constantFrom(0, 0.5),
  })
  .map((p) => strip(p.blocks, p.perOu, p.rows, p.sparsity, p.seed, p.like))

/** Most all-zero rows over all ways to deal the blocks to OU columns. */
function bestByTrying(problem: StripProblem): number {
  const { blocks, perOu } = problem
  let best = -1
  const perm = new Int32Array(blocks)
  const used = new Array<boolean>(blocks).fill(false)
  const place = (p: number): void => {
    if (p === blocks) {
      best = Math.max(best, deletedRows(problem, perm))
      return
    }
    for (let q = 0; q < blocks; q++) {
      // inside an OU column the order does not matter
      if (used[q] || (p % perOu !== 0 && q < perm[p - 1]!)) continue
      used[q] = true
      perm[p] = q
      place(p + 1)
      used[q] = false
    }
  }
  place(0)
  return best
}

describe('remappers', () => {
  it.each(names)('%s gives a permutation and is never worse than identity on its own objective', (name) => {
    fc.assert(
      fc.property(stripArbitrary, (made) => {
        const problem = name === 'matching' ? { ...made, perOu: 2 } : made
        const { perm, before, after } = searchStrip({ problem, remapper: name, search: quick, stream: 'x' })
        const plain = identityPermutation(problem.blocks)
        expect(Array.from(perm).sort((a, b) => a - b)).toEqual(Array.from(plain))
        const worth = remappers.get(name).objective ?? deletedRows
        expect(worth(problem, perm)).toBeGreaterThanOrEqual(worth(problem, plain))
        expect([before, after]).toEqual([deletedRows(problem, plain), deletedRows(problem, perm)])
      }),
      { numRuns: 100 },
    )
  })

  it('matching finds the optimum that trying everything finds', () => {
    const small = fc.record({
      blocks: fc.integer({ min: 1, max: 8 }),
      rows: fc.integer({ min: 1, max: 40 }),
      sparsity: fc.constantFrom(0.2, 0.5, 0.8),
      seed: fc.integer(),
      like: fc.constantFrom(0, 0.6),
    })
    fc.assert(
      fc.property(small, (p) => {
        const problem = strip(p.blocks, 2, p.rows, p.sparsity, p.seed, p.like)
        const found = searchStrip({ problem, remapper: 'matching', search: quick, stream: '' })
        expect(found.after).toBe(bestByTrying(problem))
      }),
      { numRuns: 60 },
    )
  })

  it('a perfect matching has the largest weight there is', () => {
    const graph = fc
      .record({ half: fc.integer({ min: 1, max: 7 }), top: fc.constantFrom(1, 3, 40, 5000), seed: fc.integer() })
      .map(({ half, top, seed }) => {
        const n = 2 * half
        const random = stream(seed)
        const weights = new Int32Array(n * n)
        for (let a = 0; a < n; a++)
          for (let b = 0; b < a; b++) weights[a * n + b] = weights[b * n + a] = Math.floor(random() * (top + 1))
        return { n, weights }
      })
    fc.assert(
      fc.property(graph, ({ n, weights }) => {
        const mate = perfectMatching(n, weights)
        let weight = 0
        for (let v = 0; v < n; v++) {
          expect(mate[mate[v]!]).toBe(v)
          expect(mate[v]).not.toBe(v)
          if (v < mate[v]!) weight += weights[v * n + mate[v]!]!
        }
        expect(weight).toBe(heaviestPairing(n, weights))
      }),
      { numRuns: 500 },
    )
    expect(() => perfectMatching(3, new Int32Array(9))).toThrow(SimFault)
  })

  it('genetic and annealing come near the optimum, and genetic finds it where blocks fall into hidden groups', () => {
    const search = { ...quick, population: 4, generations: 4, trials: 100 }
    for (let seed = 0; seed < 5; seed++) {
      const problem = strip(8, 4, 64, 0.6, seed, 0.5)
      const best = bestByTrying(problem)
      for (const remapper of ['genetic', 'annealing'])
        expect(searchStrip({ problem, remapper, search, stream: `${seed}` }).after).toBe(best)
    }
    // 32 blocks of 8 patterns, dealt round: the patterns are disjoint, so only whole groups have zero rows in common.
    const words = 2
    const zero = new Uint32Array(32 * words)
    for (let q = 0; q < 32; q++) zero[q * words + ((q % 8) >> 2)] = 0xff << (8 * (q % 4))
    const hidden = { blocks: 32, perOu: 4, ouRows: 16, rows: 64, words, zero }
    const found = searchStrip({ problem: hidden, remapper: 'genetic', search, stream: 'hidden' })
    expect([found.before, found.after]).toEqual([0, 64])
  })

  it('cluster frees whole crossbars where columns allow it', () => {
    // Blocks 0, 2, 4 … are zero in the upper four rows, the others in the lower four; an OU has 4 rows and 2 blocks.
    const zero = Uint32Array.from({ length: 8 }, (_, q) => (q % 2 === 0 ? 0x0f : 0xf0))
    const problem = { blocks: 8, perOu: 2, ouRows: 4, rows: 8, words: 1, zero }
    const { perm } = searchStrip({ problem, remapper: 'cluster', search: quick, stream: '' })
    expect(zeroCrossbars(problem, identityPermutation(8))).toBe(0)
    expect(zeroCrossbars(problem, perm)).toBe(4)
  })

  it('judge a swap as the objective does', () => {
    fc.assert(
      fc.property(stripArbitrary, fc.nat(), fc.nat(), (problem, a, b) => {
        const state = createSwapState(problem)
        state.load(identityPermutation(problem.blocks))
        for (const [p, q] of [
          [a % problem.blocks, b % problem.blocks],
          [b % problem.blocks, 0],
        ] as const) {
          const before = deletedRows(problem, state.perm)
          const gain = state.delta(p, q)
          state.swap(p, q)
          expect(state.total()).toBe(deletedRows(problem, state.perm))
          expect(state.total() - before).toBe(gain)
        }
      }),
    )
  })

  it('matching refuses a strip whose OUs do not hold two blocks', () => {
    const problem = strip(8, 4, 8, 0.5, 1)
    expect(() => searchStrip({ problem, remapper: 'matching', search: quick, stream: '' })).toThrow(SpecError)
  })
})

function heaviestPairing(n: number, weights: Int32Array): number {
  const memo = new Map<number, number>([[0, 0]])
  const best = (left: number): number => {
    const known = memo.get(left)
    if (known !== undefined) return known
    const a = 31 - Math.clz32(left & -left)
    let most = -1
    for (let b = a + 1; b < n; b++) {
      if (((left >> b) & 1) === 1) most = Math.max(most, weights[a * n + b]! + best(left & ~(1 << a) & ~(1 << b)))
    }
    memo.set(left, most)
    return most
  }
  return best(2 ** n - 1)
}
