import fc from 'fast-check'
import { expect, describe as group, it } from 'vitest'
import {
  describe,
  itemTotals,
  statisticsOf,
  studentInside,
  studentQuantile,
} from '../../../traces/results/statistics.js'
import { summaryOf, totalsOf } from '../../../traces/results/summary.js'
import { resultOf } from '../../helpers/result.js'

const shapes = fc.record({
  seed: fc.integer(),
  layers: fc.integer({ min: 1, max: 4 }),
  macros: fc.constant(1),
  values: fc.boolean(),
})

group("Student's t", () => {
  // NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2, upper critical values of Student's t: ν, 0.90, 0.95, 0.975, 0.99, 0.995.
  it.each([
    [1, 3.078, 6.314, 12.706, 31.821, 63.657],
    [2, 1.886, 2.92, 4.303, 6.965, 9.925],
    [3, 1.638, 2.353, 3.182, 4.541, 5.841],
    [4, 1.533, 2.132, 2.776, 3.747, 4.604],
    [5, 1.476, 2.015, 2.571, 3.365, 4.032],
    [9, 1.383, 1.833, 2.262, 2.821, 3.25],
    [10, 1.372, 1.812, 2.228, 2.764, 3.169],
    [12, 1.356, 1.782, 2.179, 2.681, 3.055],
    [30, 1.31, 1.697, 2.042, 2.457, 2.75],
    [60, 1.296, 1.671, 2.0, 2.39, 2.66],
    [100, 1.29, 1.66, 1.984, 2.364, 2.626],
  ])('%d degrees of freedom: the published values', (degrees, ...published) => {
    const found = [0.9, 0.95, 0.975, 0.99, 0.995].map((p) => Number(studentQuantile(p, degrees).toFixed(3)))
    expect(found).toEqual(published)
  })

  it('closed forms: one degree is Cauchy, two degrees are algebraic, very many are normal', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.5, max: 0.9999, noNaN: true }), (p) => {
        expect(studentQuantile(p, 1)).toBeCloseTo(Math.tan(Math.PI * (p - 0.5)), 6)
        expect(studentQuantile(p, 2)).toBeCloseTo(((2 * p - 1) * Math.SQRT2) / (2 * Math.sqrt(p * (1 - p))), 6)
      }),
    )
    // The 97.5 % point of the normal distribution is 1.95996; that of t is larger by about (z³ + z) ÷ 4ν (Abramowitz and Stegun, 26.7.5).
    expect(studentQuantile(0.975, 1_000_001)).toBeCloseTo(1.959964, 5)
    expect(studentQuantile(0.5, 7)).toBeLessThan(1e-12)
  })

  it('is the inverse of the probability, which is that of the density added up', () => {
    // Density of T without its constant; the constant cancels in the share of the whole.
    const density = (t: number, degrees: number) => (1 + (t * t) / degrees) ** (-(degrees + 1) / 2)
    const area = (from: number, to: number, degrees: number) => {
      const steps = 20_000
      const h = (to - from) / steps
      let sum = 0
      for (let i = 0; i <= steps; i++)
        sum += density(from + i * h, degrees) * (i === 0 || i === steps ? 1 : i % 2 === 1 ? 4 : 2)
      return (sum * h) / 3
    }
    for (const degrees of [5, 6, 17, 40]) {
      const whole = area(0, 200, degrees)
      for (const t of [0.3, 1, 2.5]) expect(studentInside(t, degrees)).toBeCloseTo(area(0, t, degrees) / whole, 8)
      expect(studentInside(studentQuantile(0.975, degrees), degrees)).toBeCloseTo(0.95, 13)
    }
  })
})

group('statistics of numbers', () => {
  it('by hand: 2, 4, 4, 6', () => {
    // mean 4, Σ (x − 4)² = 8, s = √(8/3), t(0.975, 3) = 3.182446
    const { mean, standardDeviation, halfWidth95, min, max } = describe([2, 4, 4, 6])
    expect([mean, min, max]).toEqual([4, 2, 6])
    expect(standardDeviation).toBeCloseTo(Math.sqrt(8 / 3), 14)
    expect(halfWidth95).toBeCloseTo((3.182446 * Math.sqrt(8 / 3)) / 2, 5)
  })

  it('by hand: 1 and 3: the interval of two values is wide', () => {
    // mean 2, s = √2, t(0.975, 1) = 12.7062, half width = t · √2 / √2
    expect(describe([1, 3]).halfWidth95).toBeCloseTo(12.7062, 4)
  })

  it('one value has no spread; equal values have one of exactly 0', () => {
    expect(describe([7])).toEqual({ mean: 7, standardDeviation: null, halfWidth95: null, min: 7, max: 7 })
    expect(describe([0.1, 0.1, 0.1])).toEqual({ mean: 0.1, standardDeviation: 0, halfWidth95: 0, min: 0.1, max: 0.1 })
  })

  it('small differences of large numbers are not lost', () => {
    const { mean, standardDeviation } = describe([2 ** 52, 2 ** 52 + 2, 2 ** 52 + 4])
    expect([mean, standardDeviation]).toEqual([2 ** 52 + 2, 2])
  })

  it('scale with the unit, move with the origin', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 2, maxLength: 20 }), (values) => {
        const plain = describe(values)
        const other = describe(values.map((x) => 8 * x + 3))
        expect(other.mean).toBeCloseTo(8 * plain.mean + 3, 9)
        expect(other.standardDeviation).toBeCloseTo(8 * plain.standardDeviation!, 9)
        expect(other.halfWidth95).toBeCloseTo(8 * plain.halfWidth95!, 8)
        expect(plain.mean).toBeGreaterThanOrEqual(plain.min - 1e-9)
        expect(plain.mean).toBeLessThanOrEqual(plain.max + 1e-9)
      }),
    )
  })
})

group('statistics of a run', () => {
  it('sums of an item are over its layers; ratios are of its own sums', () => {
    fc.assert(
      fc.property(shapes, (shape) => {
        const result = resultOf(shape)
        const items = itemTotals(result)
        const found = statisticsOf(result)!
        expect(items.map(({ item }) => item)).toEqual(result.layers[0]!.items.map(({ item }) => item))
        for (const [i, item] of items.entries()) {
          expect(item.cycles).toBe(result.layers.map((l) => l.items[i]!.cycles).reduce((a, b) => a + b))
          expect(item.clipped === null).toBe(!shape.values)
        }
        expect(found.items).toBe(result.trace.items)
        const speedUps = items.map((item) => item.denseBareCycles / item.cycles)
        expect(found.speedUpVsDenseBare!.max).toBe(Math.max(...speedUps))
        expect(found.planesFiredShare!.min).toBe(Math.min(...items.map((item) => item.planesFired / item.planesTotal)))
        expect(found.clipped === null).toBe(!shape.values)
      }),
    )
  })

  it('by hand: two items on two layers', () => {
    const base = resultOf({ seed: 1, layers: 2, macros: 1, values: true })
    const entry = (item: number, cycles: number, planesFired: number, clipped: number) => ({
      ...{ item, cycles, energyPj: cycles / 2, denseBareCycles: 60, denseBareEnergyPj: 1 },
      ...{ planesFired, planesTotal: 50, ouActivations: 1, clipped },
    })
    const items = [
      [entry(0, 10, 20, 1), entry(1, 20, 30, 0)],
      [entry(0, 20, 30, 0), entry(1, 40, 50, 3)],
    ]
    const layers = base.layers.map((layer, l) => ({ ...layer, items: items[l]! }))
    const { statistics } = summaryOf({ ...base, layers })
    // items: cycles 30, 60; energy 15, 30; speed-up 120/30, 120/60; planes 50/100, 80/100; clips 1, 3
    const spread = (mean: number, s: number, min: number, max: number) => ({
      mean,
      standard_deviation: expect.closeTo(s, 12),
      half_width_95: expect.closeTo((12.706204736 * s) / Math.SQRT2, 6),
      min,
      max,
    })
    expect(statistics).toEqual({
      items: 2,
      cycles: spread(45, 30 / Math.SQRT2, 30, 60),
      energy_pj: spread(22.5, 15 / Math.SQRT2, 15, 30),
      speed_up_vs_dense_bare: spread(3, Math.SQRT2, 2, 4),
      planes_fired_share: { ...spread(0.65, 0.3 / Math.SQRT2, 0.5, 0.8), mean: expect.closeTo(0.65, 12) },
      clipped: spread(2, Math.SQRT2, 1, 3),
    })
  })

  it('what does not exist is null', () => {
    const result = resultOf({ seed: 2, layers: 1, macros: 1, values: true })
    const layers = result.layers.map((layer) => ({
      ...layer,
      items: layer.items.map((item) => ({ ...item, cycles: 0, planesTotal: 0, clipped: null })),
    }))
    const found = statisticsOf({ ...result, layers })!
    expect([found.speedUpVsDenseBare, found.planesFiredShare, found.clipped]).toEqual([null, null, null])
    expect(statisticsOf({ ...result, layers: [] })).toBeNull()
    expect(summaryOf({ ...result, layers: [] }).statistics).toBeNull()
    expect(totalsOf({ ...result, layers: [] }).cycles).toBe(0)
  })
})
