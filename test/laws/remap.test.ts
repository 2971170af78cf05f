// What must hold of every block permutation, whoever found it: losslessness, optimality where it is known, determinism, bad input.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SimFault, SpecError } from '../../models/base/errors.js'
import { perfectMatching } from '../../models/mapping/blossom.js'
import { mapLayer } from '../../models/mapping/build.js'
import { checkMapping, unmap } from '../../models/mapping/check.js'
import { zeroCrossbars } from '../../models/mapping/remappers/cluster.js'
import { remappers } from '../../models/mapping/remappers/index.js'
import { searchLayer, searchStrip, stripJobs } from '../../models/mapping/search.js'
import { mappingParams } from '../../models/mapping/spec.js'
import { deletedRows, identityPermutation, type StripProblem, stripProblem } from '../../models/mapping/strip.js'
import { createSwapState } from '../../models/mapping/swaps.js'
import { correct } from '../../models/values/finish.js'
import { createOuValues } from '../../models/values/ou-values.js'
import { mapSpec } from '../../sim/chip/parts.js'
import { resolveMachine } from '../../sim/chip/resolve.js'
import type { Machine } from '../../sim/chip/spec.js'
import { plainEvent, runEvent } from '../../sim/engines/event.js'
import { fastValues } from '../helpers/fast.js'
import { build, caseArbitrary, machine, matrix, product, stream } from '../helpers/work.js'

const names = remappers.all.map((remapper) => remapper.name)
const quick = { seed: 3, population: 3, generations: 2, patience: 2, trials: 4 }

/** A machine with a remapper that it admits. */
function withRemapper(m: Machine, remapper: string): Machine {
  const admitted = remapper !== 'matching' || m.block >= m.ou.cols || m.ou.cols === 2 * m.block
  return { ...m, mapping: { ...m.mapping, remapper: admitted ? remapper : 'auto', search: quick } }
}

const remapped = fc
  .tuple(caseArbitrary, fc.constantFrom(...names))
  .map(([input, remapper]) => ({ ...input, machine: withRemapper(input.machine, remapper) }))

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

describe('remapped layers', () => {
  it('checkMapping proves every one, and unmap(map(W)) = W', () => {
    fc.assert(
      fc.property(remapped, (input) => {
        const spec = mapSpec(input.machine, 'machine')
        const mapping = mapLayer(input.matrices, spec)
        checkMapping(mapping, spec)
        expect(unmap(mapping).map((m) => Array.from(m.e))).toEqual(input.matrices.map((m) => Array.from(m.e)))
      }),
      { numRuns: 300 },
    )
  })

  it('compute the integer product with a lossless ADC, in the event and in the fast engine', () => {
    fc.assert(
      fc.property(remapped, (input) => {
        const { ctx, macros, adc } = build(input)
        const { mapping, coding } = ctx.work
        const { bitsPerStep } = ctx.spec
        const { form, zeroPoint, codes, vectors } = input
        const base = { mapping, coding, form, zeroPoint, codes, vectors, adc, bitsPerStep }
        const exact = product(input)
        const sink = createOuValues(base)
        runEvent(ctx, macros, { ...plainEvent, values: sink })
        correct(sink.lossless, base)
        expect(sink.lossless).toEqual(exact)
        expect(fastValues(input, { ctx, macros, adc }).exact).toEqual(exact)
      }),
      { numRuns: 300 },
    )
  })

  it('refuse permutations of the wrong length or number', () => {
    const m = machine({ ou: { rows: 2, cols: 2 }, block: 1, strip: { ous: 2 }, array: { rows: 4, cols: 8 } })
    const w = matrix(
      4,
      8,
      Array.from({ length: 32 }, (_, i) => i % 3),
    )
    const spec = mapSpec(m, 'machine')
    const whole = [Int32Array.of(3, 1, 0, 2), Int32Array.of(0, 1, 2, 3)]
    expect(mapLayer([w], spec, whole).strips.map((s) => Array.from(s.perm))).toEqual(whole.map((p) => Array.from(p)))
    expect(() => mapLayer([w], spec, whole.slice(1))).toThrow(SimFault)
    expect(() => mapLayer([w], spec, [Int32Array.of(0, 1, 2), whole[1]!])).toThrow(SimFault)
    for (const perm of [Int32Array.of(0, 0, 1, 2), Int32Array.of(0, 1, 2, 4), Int32Array.of(0, 1, 2, -1)])
      expect(() => mapLayer([w], spec, [perm, whole[1]!])).toThrow(/is no permutation/)
  })
})

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
})

describe('searches', () => {
  const w = matrix(
    48,
    64,
    Array.from(
      { length: 48 * 64 },
      (
        (random) => () =>
          random() < 0.7 ? 0 : 1
      )(stream(5)),
    ),
  )
  const spec = mapSpec(
    machine({
      ou: { rows: 4, cols: 8 },
      block: 2,
      strip: { ous: 4 },
      tile: { rows: 16 },
      mapping: { remapper: 'genetic', search: quick },
    }),
    'machine',
  )
  const layer = (seed: number, name = 'conv') =>
    searchLayer([w], { ...spec, options: { ...spec.options, search: { ...quick, seed } } }, name)

  it('same seed, same mapping; another seed or layer, another stream', () => {
    expect(layer(1)).toEqual(layer(1))
    expect(layer(1)).not.toEqual(layer(2))
    expect(layer(1)).not.toEqual(layer(1, 'other'))
  })

  it('a strip alone, and the strips in any order, give the same as all in turn', () => {
    const jobs = stripJobs([w], spec, 'conv')
    const turn = searchLayer([w], spec, 'conv')
    const found = new Map([...jobs.entries()].reverse().map(([i, job]) => [i, searchStrip(structuredClone(job!)).perm]))
    expect(jobs.map((_, i) => found.get(i))).toEqual(turn)
    expect(new Set(jobs.map((job) => job!.stream)).size).toBe(jobs.length)
  })

  it('tell of every generation', () => {
    const told: number[] = []
    const best: number[] = []
    const job = { ...stripJobs([w], spec, 'conv')[0]!, search: { ...quick, patience: 9, generations: 3 } }
    const { after } = searchStrip(job, (done, top) => {
      told.push(done)
      best.push(top)
    })
    expect(told).toEqual([1, 2, 3])
    expect(best).toEqual([...best].sort((a, b) => a - b))
    expect(best.at(-1)).toBe(after)
  })

  it('nothing is searched without compression, or where an OU holds one block', () => {
    const off = { ...spec, options: { ...spec.options, compress: false } }
    expect(stripJobs([w], off, 'conv').every((job) => job === null)).toBe(true)
    expect(stripJobs([w], { ...spec, block: 8 }, 'conv').every((job) => job === null)).toBe(true)
  })
})

describe('closed forms', () => {
  it.each([
    [1, 0.85],
    [2, 0.7],
    [4, 0.6],
    [8, 0.5],
  ])('i.i.d. zero blocks of β = %d: utilisation = s^(P_BL/β − 1)', (block, s) => {
    const [rows, cols] = [4096, 64]
    const random = stream(block)
    const e = new Int16Array(rows * cols)
    for (let i = 0; i < e.length; i += block) if (random() >= s) e.fill(1, i, i + block)
    const m = machine({ ou: { rows: 16, cols: 8 }, block, strip: { ous: 8 }, tile: { rows: 'all' } })
    const mapping = mapLayer([{ rows, cols, e, diagonal: null }], mapSpec(m, 'machine'))
    const zeros = e.reduce((count, value) => count + Number(value === 0), 0)
    const expected = s ** (8 / block - 1)
    // deleted OU rows are binomial over rows × 8 OU columns; four standard deviations of the share, and as much for that of the zeros
    const p = s ** (8 / block)
    const tolerance =
      (4 * Math.sqrt((p * (1 - p)) / (rows * 8))) / s + 4 * Math.sqrt((s * (1 - s)) / ((rows * cols) / block))
    expect(Math.abs(mapping.deletedWeights / zeros - expected)).toBeLessThan(tolerance)
  })

  it('rows as bit sets: a block is zero in a row iff all its weights are, and short blocks count too', () => {
    const w = matrix(2, 5, [0, 0, 1, 0, 0, 1, 0, 0, 0, 0])
    const problem = stripProblem(
      w,
      { firstRow: 0, rows: 2, firstCol: 0, width: 5 },
      { ou: { rows: 1, cols: 4 }, block: 2 },
    )
    expect(problem).toEqual({
      blocks: 3,
      perOu: 2,
      ouRows: 1,
      rows: 2,
      words: 1,
      zero: Uint32Array.of(0b01, 0b10, 0b11),
    })
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

describe('bad input', () => {
  it.each([
    ['population', 1],
    ['population', 5000],
    ['generations', 0],
    ['patience', 0],
    ['trials', 1.5],
    ['seed', -1],
    ['seed', 2 ** 31],
  ])('mapping.search.%s = %d is refused with its range', (field, value) => {
    expect(mappingParams.shape.search.safeParse({ [field]: value }).success).toBe(false)
    expect(() => resolveMachine('wu2024', [`mapping.search.${field}=${value}`])).toThrow(
      new RegExp(`mapping\\.search\\.${field}: expected a whole number \\d+ … \\d+.*got`),
    )
  })

  it('matching where an OU does not hold two blocks', () => {
    expect(() => resolveMachine('wu2024', ['mapping.remapper=matching', 'block=2'])).toThrow(
      /matching pairs blocks: an OU must hold two .* here 4; use auto/,
    )
    expect(resolveMachine('wu2024', ['mapping.remapper=matching']).machine.mapping.remapper).toBe('matching')
    const problem = strip(8, 4, 8, 0.5, 1)
    expect(() => searchStrip({ problem, remapper: 'matching', search: quick, stream: '' })).toThrow(SpecError)
  })
})
