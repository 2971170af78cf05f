import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SpecError } from '../../../models/base/errors.js'
import { adcModels } from '../../../models/cost/adc/index.js'
import { type AdcQuery, adcCost, adcRefusal } from '../../../models/cost/adc/model.js'

const at28: AdcQuery = { bits: 8, nodeNm: 28, supplyV: 0.9, conversionsPerSecond: 1e9, arrayRows: 128 }
const energy = (name: string, change: Partial<AdcQuery>) =>
  adcCost(adcModels.get(name), { ...at28, ...change }).energyPj
const areaOf = (name: string, change: Partial<AdcQuery>) => adcCost(adcModels.get(name), { ...at28, ...change }).areaUm2

describe('published values, pJ per conversion', () => {
  test('zigzag-imc at 28 nm and 0.9 V: (800 + 65.536) fF × 0.81 V² and (500 + 1.024) fF × 0.81 V²', () => {
    expect(energy('zigzag-imc', { bits: 8 })).toBeCloseTo(0.865536 * 0.81, 12)
    expect(energy('zigzag-imc', { bits: 5 })).toBeCloseTo(0.501024 * 0.81, 12)
    expect(energy('zigzag-imc', { bits: 5, supplyV: 0.6 })).toBeCloseTo(0.501024 * 0.36, 12)
  })

  test.each([
    [4, 0.32],
    [5, 0.41],
    [6, 0.49],
    [7, 0.58],
    [8, 0.7],
  ])('zigzag-imc, %i bits: %f', (bits, published) => {
    expect(energy('zigzag-imc', { bits })).toBeCloseTo(published, 2)
  })

  test.each([
    [8, 32, 1e9, 1.71],
    [8, 28, 1e9, 1.33],
    [5, 32, 1e9, 0.94],
    [5, 28, 1e9, 0.73],
    [4, 32, 1e9, 0.92],
    [10, 32, 1e8, 3.31],
    [10, 32, 1e9, 13.9],
    [8, 65, 1e8, 6.49],
  ])('accelergy, %i bits, %i nm, %f per second: %f', (bits, nodeNm, conversionsPerSecond, published) => {
    const got = energy('accelergy', { bits, nodeNm, conversionsPerSecond })
    expect(Math.abs(got / published - 1)).toBeLessThan(0.006)
  })

  test.each([
    [32, 5, 14.5468 * 6],
    [32, 8, 17.935 * 9],
    [22, 5, 7.0653 * 6],
    [65, 4, 40.8464 * 5],
  ])('neurosim-sar, %i nm, %i bits: %f fJ (power × conversion time)', (nodeNm, bits, fJ) => {
    expect(energy('neurosim-sar', { nodeNm, bits })).toBeCloseTo(fJ / 1000, 9)
  })

  test('neurosim-sar at 28 nm lies on the log-log line between 22 and 32 nm', () => {
    const share = Math.log(28 / 22) / Math.log(32 / 22)
    expect(energy('neurosim-sar', { bits: 5 })).toBeCloseTo(0.0423918 ** (1 - share) * 0.0872808 ** share, 9)
  })

  test('areas: accelergy 5972 µm² at 8 bits, 32 nm, 1 GS/s; zigzag-imc 10^(1.206 − 0.2952)·256', () => {
    expect(Math.abs(areaOf('accelergy', { nodeNm: 32 }) / 5972 - 1)).toBeLessThan(0.001)
    expect(areaOf('zigzag-imc', {})).toBeCloseTo(10 ** 0.9108 * 256, 6)
    // (269 + 436 + 209 + 292) transistors of 140 F²
    expect(areaOf('neurosim-sar', { bits: 5 })).toBeCloseTo(1206 * 140 * 0.000784, 6)
  })
})

describe('laws', () => {
  const anyQuery = fc.record({
    bits: fc.integer({ min: 1, max: 16 }),
    nodeNm: fc.double({ min: 5, max: 200, noNaN: true }),
    supplyV: fc.double({ min: 0.1, max: 5, noNaN: true }),
    conversionsPerSecond: fc.double({ min: 1, max: 1e12, noNaN: true }),
    arrayRows: fc.integer({ min: 1, max: 4096 }),
  })

  test.each(adcModels.all.map((model) => [model.name, model] as const))(
    '%s: finite and positive, or refused with a reason',
    (_, model) => {
      fc.assert(
        fc.property(anyQuery, (query) => {
          const reason = adcRefusal(model, query)
          if (reason !== null) {
            expect(reason.length).toBeGreaterThan(10)
            expect(() => adcCost(model, query)).toThrow(SpecError)
            return
          }
          const { energyPj, areaUm2 } = adcCost(model, query)
          expect(Number.isFinite(energyPj) && energyPj > 0).toBe(true)
          expect(Number.isFinite(areaUm2) && areaUm2 > 0).toBe(true)
        }),
      )
    },
  )

  test.each(adcModels.all.map((model) => [model.name, model] as const))('%s: more bits never cost less', (_, model) => {
    fc.assert(
      fc.property(anyQuery, fc.integer({ min: 1, max: 16 }), (query, other) => {
        const [low, high] = [Math.min(query.bits, other), Math.max(query.bits, other)]
        const [a, b] = [
          { ...query, bits: low },
          { ...query, bits: high },
        ]
        if (adcRefusal(model, a) !== null || adcRefusal(model, b) !== null) return
        expect(adcCost(model, b).energyPj).toBeGreaterThanOrEqual(adcCost(model, a).energyPj)
        expect(adcCost(model, b).areaUm2).toBeGreaterThanOrEqual(adcCost(model, a).areaUm2)
      }),
    )
  })

  test('a higher supply never costs less; a newer node never costs more', () => {
    for (const model of adcModels.all) {
      for (const bits of [4, 5, 8, 12]) {
        const volts = [0.6, 0.7, 0.8, 0.9, 1].map((supplyV) => energy(model.name, { bits, supplyV }))
        const nodes = [22, 24, 28].map((nodeNm) => energy(model.name, { bits, nodeNm }))
        for (const list of [volts, nodes]) expect([...list].sort((a, b) => a - b)).toEqual(list)
      }
    }
  })

  test('magnitude at 4 to 8 bits and 28 nm: 0.03 to 2 pJ, 50 to 10,000 µm²', () => {
    for (const model of adcModels.all) {
      for (const bits of [4, 5, 6, 7, 8]) {
        expect(energy(model.name, { bits })).toBeGreaterThan(0.03)
        expect(energy(model.name, { bits })).toBeLessThan(2)
        expect(areaOf(model.name, { bits })).toBeGreaterThan(50)
        expect(areaOf(model.name, { bits })).toBeLessThan(10_000)
      }
    }
  })

  test('at 5 bits the models differ by more than 5×, in the order neurosim-sar, zigzag-imc, accelergy', () => {
    const [low, mid, high] = ['neurosim-sar', 'zigzag-imc', 'accelergy'].map((name) => energy(name, { bits: 5 }))
    expect(low!).toBeLessThan(mid!)
    expect(mid!).toBeLessThan(high!)
    expect(high! / low!).toBeGreaterThan(5)
  })
})

describe('refusals', () => {
  test.each([
    ['accelergy', { bits: 3 }, /no ADC below 4 bits, got 3/],
    ['zigzag-imc', { nodeNm: 65 }, /node \(nm\) from 22 to 28, got 65/],
    ['zigzag-imc', { supplyV: 3 }, /supply voltage/],
    ['neurosim-sar', { nodeNm: 180 }, /node \(nm\) from 7 to 130/],
    ['zigzag-imc', { bits: 0 }, /1 to 16 bits, got 0/],
    ['zigzag-imc', { bits: 17 }, /1 to 16 bits, got 17/],
    ['neurosim-sar', { bits: 4.5 }, /1 to 16 bits, got 4.5/],
  ])('%s %o', (name, change, message) => {
    expect(() => energy(name, change)).toThrow(message)
  })

  test('an unknown model names the nearest one', () => {
    expect(() => adcModels.get('zigzag')).toThrow(SpecError)
    expect(() => adcModels.get('acelergy')).toThrow(/Did you mean "accelergy"/)
  })
})
