// What must hold of every block permutation, whoever found it: losslessness, optimality where it is known, determinism, bad input.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SimFault } from '../../models/base/errors.js'
import { mapLayer } from '../../models/mapping/build.js'
import { checkMapping, unmap } from '../../models/mapping/check.js'
import { remappers } from '../../models/mapping/remappers/index.js'
import { searchLayer, searchStrip, stripJobs } from '../../models/mapping/search.js'
import { mappingParams } from '../../models/mapping/spec.js'
import { stripProblem } from '../../models/mapping/strip.js'
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

  it('packed block-diagonally, too', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.integer({ min: 1, max: 4 }),
        fc.constantFrom('auto', 'genetic', 'sort'),
        (seed, groups, name) => {
          const random = stream(seed)
          const [rows, cols] = [5, 3]
          const e = new Int16Array(groups * rows * groups * cols)
          for (let r = 0; r < groups * rows; r++) {
            const first = Math.floor(r / rows) * cols
            for (let c = first; c < first + cols; c++)
              e[r * groups * cols + c] = random() < 0.6 ? 0 : Math.floor(random() * 100)
          }
          const w = { rows: groups * rows, cols: groups * cols, e, diagonal: { rows, cols } }
          const m = machine({ ou: { rows: 2, cols: 4 }, block: 2, strip: { ous: 2 }, array: { rows: 8, cols: 16 } })
          for (const compress of [true, false]) {
            const spec = mapSpec(withRemapper({ ...m, mapping: { ...m.mapping, compress } }, name), 'machine')
            const mapping = mapLayer([w], spec)
            checkMapping(mapping, spec)
            expect(Array.from(unmap(mapping)[0]!.e)).toEqual(Array.from(e))
          }
        },
      ),
      { numRuns: 100 },
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
  })
})
