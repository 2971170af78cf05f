import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SimFault } from '../../../models/base/errors.js'
import { actions } from '../../../models/cost/actions.js'
import { adcModels } from '../../../models/cost/adc/index.js'
import { area } from '../../../models/cost/area.js'
import { bindPrices, bindWith } from '../../../models/cost/bind.js'
import { components } from '../../../models/cost/components.js'
import { priceContext } from '../../../models/cost/context.js'
import { alternatives, price, totalPj } from '../../../models/cost/price.js'
import { cmos28 } from '../../../models/cost/prices/cmos28.js'
import type { AreaRow, EnergyRow } from '../../../traces/results/result.js'
import { contextOf, countsOf, facts, isaacMachine, preset } from './helpers.js'

const prices = bindPrices(contextOf())
const idle = { cycles: 0, macroCycles: 0 }
const chip = { macros: 2, groups: 3, arrays: 24 }
const row = (rows: readonly EnergyRow[], name: string) => rows.find((r) => r.component === name)!

describe('dynamic energy', () => {
  test('by hand: 100 conversions, 10 shift-adds and 10 subtractions, 7 reads of level 3 and 2 of level 0', () => {
    const rows: EnergyRow[] = price(
      prices,
      countsOf({ adcConversions: 100, shiftAdds: 10, polaritySubtractions: 10 }, [2, 0, 0, 7]),
      idle,
      chip,
    )
    expect(row(rows, 'adc').dynamicPj).toBeCloseTo(100 * 0.501024 * 0.81, 9)
    expect(row(rows, 'shift-add').dynamicPj).toBeCloseTo(10 * (0.108864 + 0.01701) + 10 * 0.020412, 9)
    expect(row(rows, 'array').dynamicPj).toBeCloseTo(7 * 0.025 + (2 * 0.025) / 17, 9)
    expect(row(rows, 'benes').dynamicPj).toBe(0)
  })

  test('conserved: the rows add up to Σ count × price, and every action lands in its own component', () => {
    const count = fc.integer({ min: 0, max: 1e9 })
    const vector = fc.array(count, { minLength: actions.length, maxLength: actions.length })
    fc.assert(
      fc.property(vector, fc.array(count, { minLength: 4, maxLength: 4 }), (counts, reads) => {
        const counted = {
          counts: Float64Array.from(counts),
          cellReads: Float64Array.from(reads),
          adcCodes: new Float64Array(0),
        }
        const rows = price(prices, counted, idle, chip)
        let expected = 0
        counts.forEach((n, i) => {
          expected += n * prices.actions[i]!.energyPj
        })
        reads.forEach((n, level) => {
          expected += n * prices.cellReadPj[level]!
        })
        expect(Math.abs(totalPj(rows) - expected)).toBeLessThanOrEqual(1e-9 * expected)
        const own = actions.filter((a) => a.component === 'psum-buffer')
        const psum = own.reduce(
          (sum, a) => sum + counts[actions.indexOf(a)]! * prices.actions[actions.indexOf(a)]!.energyPj,
          0,
        )
        expect(row(rows, 'psum-buffer').dynamicPj).toBeCloseTo(psum, 3)
      }),
    )
  })

  test('a shared ADC costs time, not energy: the same conversions on 4 or 16 ADCs', () => {
    const counted = countsOf({ adcConversions: 1000 })
    const energyOf = (adcs: number) => row(price(bindPrices(contextOf({ adcs })), counted, idle, chip), 'adc').dynamicPj
    expect(energyOf(4)).toBe(energyOf(16))
  })

  test('lossless conversions are priced at the bits they need', () => {
    const six = bindPrices(contextOf({}, { adcBits: 6 }))
    expect(row(price(six, countsOf({ adcConversions: 1 }), idle, chip), 'adc').dynamicPj).toBeCloseTo(
      0.604096 * 0.81,
      9,
    )
  })
})

describe('leakage', () => {
  const rows = price(prices, countsOf({}), { cycles: 1000, macroCycles: 500 }, chip)

  test('by hand: 2 macros × 16 ADCs of 336.24 µm² × 2 nW/µm² for 1000 cycles of 10 ns', () => {
    expect(row(rows, 'adc').leakagePj).toBeCloseTo(32 * 336.2404655669765 * 2e-3 * 1000 * 10 * 1e-3, 6)
    // 24 arrays × 128 word lines × (3.684 + 4 × 0.614) µm²
    expect(row(rows, 'word-line-driver').leakagePj).toBeCloseTo(24 * 128 * 6.14 * 2e-3 * 10, 6)
    // 3 groups × 15,232 bits × 50 pW
    expect(row(rows, 'index-memory').leakagePj).toBeCloseTo(3 * 15_232 * 5e-5 * 10, 6)
    expect(row(rows, 'array').leakagePj).toBe(0)
  })

  test('with power gating only running macros leak, but index memories keep their contents', () => {
    const gated = bindPrices(contextOf({ cost: { ...preset.cost, powerGating: true } }))
    const gatedRows = price(gated, countsOf({}), { cycles: 1000, macroCycles: 500 }, chip)
    for (const component of components) {
      const factor = component.name === 'index-memory' ? 1 : 500 / 2000
      expect(row(gatedRows, component.name).leakagePj).toBeCloseTo(row(rows, component.name).leakagePj * factor, 9)
    }
  })

  test('grows with cycles and with macros', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e9 }), fc.integer({ min: 1, max: 1000 }), (cycles, macros) => {
        const of = (c: number, m: number) =>
          totalPj(price(prices, countsOf({}), { cycles: c, macroCycles: 0 }, { ...chip, macros: m }))
        expect(of(cycles + 1, macros)).toBeGreaterThan(of(cycles, macros))
        expect(of(cycles, macros + 1)).toBeGreaterThan(of(cycles, macros))
      }),
    )
  })
})

describe('absent components', () => {
  const bare = bindPrices(contextOf({}, {}, 'dense-bare'))
  const absent = ['skip', 'index-memory', 'benes']

  test('dense-bare has no row for them, in energy or area, and every other component', () => {
    const names = components.map((c) => c.name).filter((name) => !absent.includes(name))
    expect(price(bare, countsOf({}), { cycles: 10, macroCycles: 0 }, chip).map((r) => r.component)).toEqual(names)
    expect(area(bare, chip).map((r) => r.component)).toEqual(names)
    expect(prices.components.map((c) => c.name)).toEqual(components.map((c) => c.name))
  })

  test('what stays is never larger than in the full machine', () => {
    for (const component of bare.components) {
      const full = prices.components.find((c) => c.name === component.name)!
      expect(component.areaUm2).toBeLessThanOrEqual(full.areaUm2)
      expect(component.leakageUw).toBeLessThanOrEqual(full.leakageUw)
    }
    bare.actions.forEach((action, i) => {
      expect(action.energyPj).toBeLessThanOrEqual(prices.actions[i]!.energyPj)
    })
  })

  test.each(['benesSwitchBits', 'benesSettingLoads', 'permutationBitsRead', 'rowListBitsRead', 'flagOrs'] as const)(
    'counting %s there is a bug',
    (name) => {
      expect(() => price(bare, countsOf({ [name]: 1 }), idle, chip)).toThrow(SimFault)
      expect(() => price(bare, countsOf({ [name]: 1 }), idle, chip)).toThrow(
        new RegExp(`1 ${name} counted on a machine without`),
      )
      expect(totalPj(price(prices, countsOf({ [name]: 1 }), idle, chip))).toBeGreaterThan(0)
    },
  )
})

test('cell energy is not paid twice when the ADC model contains the column current', () => {
  const lumped = { ...adcModels.get('zigzag-imc'), name: 'lumped', includesCellCurrent: true }
  const bound = bindWith(contextOf(), cmos28, lumped)
  const counted = countsOf({ adcConversions: 3 }, [5, 5, 5, 5])
  expect(row(price(bound, counted, idle, chip), 'array').dynamicPj).toBe(0)
  expect(row(price(bound, counted, idle, chip), 'adc').dynamicPj).toBeGreaterThan(0)
  expect(row(price(prices, counted, idle, chip), 'array').dynamicPj).toBeGreaterThan(0)
  expect(bound.notes.join()).toMatch(/lumped contains the column current: cell reads are not added again/)
  expect(adcModels.all.filter((model) => model.includesCellCurrent)).toEqual([])
})

describe('area', () => {
  test('by hand: every array, every ADC, one network per macro', () => {
    const rows: AreaRow[] = area(prices, chip)
    const get = (name: string) => rows.find((r) => r.component === name)!
    expect(get('array')).toMatchObject({ count: 24 })
    expect(get('array').areaUm2).toBeCloseTo(24 * 128 * 128 * 48 * 0.000784, 6)
    expect(get('adc')).toMatchObject({ count: 32 })
    expect(get('adc').areaUm2).toBeCloseTo(32 * 10 ** 1.0215 * 32, 6)
    expect(get('benes')).toMatchObject({ count: 2 })
    expect(get('benes').areaUm2).toBeCloseTo(2 * 56 * (4 * 6 * 2 * 1.228 + 3.684), 6)
    expect(get('index-memory').count).toBe(3)
    expect(get('psum-buffer').areaUm2).toBeCloseTo(2 * 64 * 32 * (3.684 + 1.228), 6)
  })

  test('is count × area of one, and doubles with the chip', () => {
    const twice = area(prices, { macros: 4, groups: 6, arrays: 48 })
    area(prices, chip).forEach((r, i) => {
      expect(r.areaUm2).toBe(r.count * r.eachUm2)
      expect(twice[i]!.areaUm2).toBeCloseTo(2 * r.areaUm2, 6)
    })
  })
})

describe('alternatives', () => {
  const layer = { actions: countsOf({ adcConversions: 1000, shiftAdds: 10 }), activity: idle }

  test('the other models, each with its own energy for the same counts', () => {
    const list = alternatives(contextOf(), [layer, layer], chip)
    expect(list.map((a) => a.adcModel)).toEqual(['accelergy', 'neurosim-sar'])
    const shiftPj = 20 * 0.125874
    // 5 bits, 28 nm, 0.1 GS/s: 0.7283 pJ; 0.042392^0.3564 × 0.087281^0.6436 = 0.06748 pJ
    expect((list[0]!.energyPj! - shiftPj) / 2000).toBeCloseTo(0.7283, 4)
    expect((list[1]!.energyPj! - shiftPj) / 2000).toBeCloseTo(0.06748, 5)
    expect(list.every((a) => a.reason === null)).toBe(true)
  })

  test('a model that does not cover the ADC is reported with the reason', () => {
    const three = alternatives(contextOf({}, { adcBits: 3 }), [layer], chip)
    expect(three[0]).toEqual({
      adcModel: 'accelergy',
      energyPj: null,
      reason: 'the survey behind it has no ADC below 4 bits, got 3',
    })
    expect(three[1]!.energyPj).toBeGreaterThan(0)
    const at32 = alternatives(priceContext(isaacMachine, facts), [layer], chip)
    expect(at32.map((a) => [a.adcModel, a.energyPj === null])).toEqual([
      ['zigzag-imc', true],
      ['neurosim-sar', false],
    ])
  })
})

describe('counts that cannot be', () => {
  const bad =
    (counts: ReturnType<typeof countsOf>, activity = idle) =>
    () =>
      price(prices, counts, activity, chip)
  test('negative, not finite, wrong length, more macro cycles than there are', () => {
    expect(bad(countsOf({ shiftAdds: -1 }))).toThrow(/-1 shiftAdds counted/)
    expect(bad(countsOf({ shiftAdds: Number.NaN }))).toThrow(SimFault)
    expect(bad(countsOf({}, [0, 0, 0, -2]))).toThrow(/-2 cell reads of level 3/)
    expect(bad(countsOf({}, [0, 0]))).toThrow(/expected cell reads of 4 levels, got 2/)
    expect(bad({ ...countsOf({}), counts: new Float64Array(3) })).toThrow(/action counts, got 3/)
    expect(bad(countsOf({}), { cycles: 10, macroCycles: 21 })).toThrow(
      /21 macro cycles do not fit in 10 cycles of 2 macros/,
    )
  })
})
