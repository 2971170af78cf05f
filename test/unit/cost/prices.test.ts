import { describe, expect, test } from 'vitest'
import { SpecError } from '../../../models/base/errors.js'
import { actionId } from '../../../models/cost/actions.js'
import { adcModels } from '../../../models/cost/adc/index.js'
import { bindPrices, bindWith, type Prices } from '../../../models/cost/bind.js'
import { priceContext } from '../../../models/cost/context.js'
import { cmos28 } from '../../../models/cost/prices/cmos28.js'
import { priceTables } from '../../../models/cost/prices/index.js'
import type { PriceTable } from '../../../models/cost/prices/table.js'
import { contextOf, facts, isaacMachine, preset } from './helpers.js'

const of = (prices: Prices, name: keyof typeof actionId) => prices.actions[actionId[name]]!.energyPj
const at = (supplyV: number) => contextOf({ technology: { nodeNm: 28, supplyV } })

describe('cmos28 by hand (fF × 0.81 V²)', () => {
  const prices = bindPrices(contextOf())
  test.each([
    ['polaritySubtractions', 6 * 4.2 * 0.81],
    ['pieceAdds', 32 * 4.2 * 0.81],
    ['inputSumAdds', 32 * (4.2 + 2.1) * 0.81],
    ['shiftAdds', 32 * 4.2 * 0.81 + 6 * 5 * 1.4 * 0.81 * 0.5],
    ['psumWrites', 32 * 2.1 * 0.81],
    ['psumReads', 32 * 6 * 1.4 * 0.81 * 0.5],
    ['benesSwitchBits', 2 * 1.4 * 0.81 * 0.5],
    ['benesSettingLoads', 2.1 * 0.81],
    ['flagOrs', 8 * 0.7 * 0.81],
    ['rowGathers', 8 * (7 * 1.4 * 0.5 + 2.1) * 0.81],
    ['wordLinePulses', 128 * 0.35 * 0.81],
    ['bufferBitsRead', 29.533],
    ['rowListBitsRead', 29.533],
    ['outputWrites', 32 * 32.8149],
    ['adcConversions', 405.83],
  ] as const)('%s: %f fJ', (name, fJ) => {
    expect(Math.abs((of(prices, name) * 1000) / fJ - 1)).toBeLessThan(1e-4)
  })

  test('one full adder bit is 3.40 fJ and one register bit 1.70 fJ, as published', () => {
    expect((of(prices, 'pieceAdds') * 1000) / 32).toBeCloseTo(3.402, 6)
    expect(of(prices, 'benesSettingLoads') * 1000).toBeCloseTo(1.701, 6)
  })

  test('a pass through the 16-port network costs 9 fJ per switch of 8 bits', () => {
    expect(of(prices, 'benesSwitchBits') * 8 * 1000).toBeCloseTo(9.07, 2)
  })

  test('memories: a larger index memory costs more per bit', () => {
    const wide = { ...preset, array: { rows: 512, cols: 512 } } // 32·64·16 rows × 7 bits = 28 KB → the 256 KB memory
    expect(of(bindPrices(priceContext(wide, facts)), 'rowListBitsRead')).toBeCloseTo(0.197874, 6)
  })
})

describe('isaac32 by hand', () => {
  const prices = bindPrices(priceContext(isaacMachine, facts))
  test('a word line burns 3.50625 µW for the 10 ns of the pulse; a shift-add is 21 fJ; 1.7 pJ read 128 bits', () => {
    expect(of(prices, 'wordLinePulses')).toBeCloseTo(0.0350625, 12)
    expect(of(prices, 'shiftAdds')).toBe(0.021)
    expect(of(prices, 'bufferBitsRead') * 128).toBeCloseTo(1.7, 12)
  })

  test('an array of 128 × 128 is 25 µm², a shift-adder 60 µm²', () => {
    const um2 = (name: string) => prices.components.find((c) => c.name === name)!.areaUm2
    expect(um2('array')).toBe(25)
    expect(um2('shift-add')).toBe(8 * 60)
  })

  test('the two tables are independent: no digital price is the same', () => {
    const other = bindPrices(contextOf())
    for (const [i, action] of prices.actions.entries()) expect(action.energyPj).not.toBe(other.actions[i]!.energyPj)
  })
})

describe('every table', () => {
  const cases = [
    ['cmos28', contextOf()],
    ['cmos28 bare', contextOf({}, {}, 'dense-bare')],
    ['isaac32', priceContext(isaacMachine, facts)],
    ['isaac32 bare', priceContext(isaacMachine, facts, 'dense-bare')],
  ] as const

  test.each(cases)('%s: positive, finite, with a source, within magnitude bands', (_, context) => {
    const prices = bindPrices(context)
    for (const { name, energyPj, source } of prices.actions) {
      expect(energyPj, name).toBeGreaterThan(1e-4) // 0.1 fJ
      expect(energyPj, name).toBeLessThan(10)
      expect(source, name).toMatch(/^\[[\w-]+\] .|^assumed: .{10}/)
    }
    for (const { name, areaUm2, leakageUw, source } of prices.components) {
      expect(areaUm2, name).toBeGreaterThan(1)
      expect(areaUm2, name).toBeLessThan(1e5)
      expect(leakageUw, name).toBeGreaterThanOrEqual(0)
      expect(leakageUw, name).toBeLessThan(1000)
      expect(source, name).toMatch(/\[[\w-]+\] .|assumed: .{10}/)
    }
  })

  test('is registered under its own name', () => {
    expect(priceTables.all.map((table) => table.name)).toEqual(['cmos28', 'isaac32'])
  })
})

describe('supply', () => {
  test('digital energy goes with V² and leakage with V, and the notes say so; none at the nominal supply', () => {
    const [nominal, low] = [bindPrices(contextOf()), bindPrices(at(0.6))]
    expect(nominal.notes).toEqual([])
    expect(low.notes.join()).toMatch(/cmos28 is for 0.9 V.*\(0.6\/0.9\)²/)
    for (const [i, action] of low.actions.entries())
      expect(action.energyPj / nominal.actions[i]!.energyPj, action.name).toBeCloseTo((0.6 / 0.9) ** 2, 9)
    for (const [i, component] of low.components.entries())
      expect(component.leakageUw).toBeCloseTo((nominal.components[i]!.leakageUw * 2) / 3, 9)
    // the cells see readV, not the supply
    expect(low.cellReadPj).toEqual(nominal.cellReadPj)
  })

  test('word lines are charged from readV when that is above the supply', () => {
    const cell = { ...preset.cell, readV: 1.8 }
    expect(of(bindPrices(contextOf({ cell })), 'wordLinePulses') * 1000).toBeCloseTo(128 * 0.35 * 3.24, 6)
    const low = { cell, technology: { nodeNm: 28, supplyV: 0.6 } }
    expect(of(bindPrices(contextOf(low)), 'wordLinePulses') * 1000).toBeCloseTo(128 * 0.35 * 3.24, 6)
  })

  test('nothing is scaled silently: other nodes and far supplies are refused', () => {
    expect(() => bindPrices(contextOf({ technology: { nodeNm: 22, supplyV: 0.9 } }))).toThrow(SpecError)
    expect(() => bindPrices(contextOf({ technology: { nodeNm: 22, supplyV: 0.9 } }))).toThrow(
      /cmos28 is for 28 nm.*nodeNm is 22.*isaac32 \(32 nm\)/,
    )
    expect(() => bindPrices(at(1.2))).toThrow(/holds from 0.6 to 1.1 V; technology.supplyV is 1.2 V/)
    const shifted = { ...isaacMachine, technology: { nodeNm: 32, supplyV: 1 } }
    expect(() => bindPrices(priceContext(shifted, facts))).toThrow(/isaac32 holds from 0.9 to 0.9 V/)
  })

  test('a conversion that the model cannot finish in time is noted', () => {
    const fast = bindPrices(contextOf({ clock: { periodNs: 5 } }))
    // 5 bits: 5 × (0.00653 × 128 + 0.64) = 7.38 ns
    expect(fast.notes.join()).toMatch(/zigzag-imc needs 7.38 ns per conversion, the machine allows 5 ns/)
  })
})

describe('errors', () => {
  const broken = (change: (prices: Record<string, unknown>) => void): PriceTable => ({
    ...cmos28,
    name: 'broken',
    actions: (context) => {
      const prices = { ...cmos28.actions(context) }
      change(prices)
      return prices
    },
  })
  const bind = (table: PriceTable) => () => bindWith(contextOf(), table, adcModels.get('zigzag-imc'))

  test('an action without a price names action and table; it is never 0', () => {
    expect(bind(broken((prices) => delete prices['shiftAdds']))).toThrow(
      /table broken has no price for action shiftAdds/,
    )
    expect(bind(broken((prices) => Object.assign(prices, { pieceAdds: { energyPj: 0, source: '' } })))).toThrow(
      /pieceAdds/,
    )
    expect(bind(broken((prices) => Object.assign(prices, { pieceAdds: { energyPj: NaN, source: '' } })))).toThrow(
      /pieceAdds/,
    )
  })

  test('a component without area is an error', () => {
    const table = { ...cmos28, components: () => ({}) as ReturnType<PriceTable['components']> }
    expect(bind(table)).toThrow(/no area and leakage for activation-buffer/)
  })

  test('unknown names give the nearest one', () => {
    const cost = { ...preset.cost, prices: 'cmos82' }
    expect(() => bindPrices(contextOf({ cost }))).toThrow(/unknown price table "cmos82". Did you mean "cmos28"/)
    const model = { ...preset.cost, adcModel: 'zigzag-imk' }
    expect(() => bindPrices(contextOf({ cost: model }))).toThrow(/unknown ADC model.*Did you mean "zigzag-imc"/)
  })
})
