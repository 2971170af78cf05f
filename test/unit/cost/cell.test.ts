import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SpecError } from '../../../models/base/errors.js'
import { cellReadPj, programmingEnergyPj } from '../../../models/cost/cell.js'

const cell = { bits: 2, rOnOhm: 100_000, rOffOhm: 1_700_000, readV: 0.5, readNs: 10, writePj: 10 }

test('100 kΩ, 0.5 V, 10 ns: 0.25 V² / 100 kΩ × 10 ns = 25 fJ; 1.7 MΩ: 1.47 fJ', () => {
  const energies = cellReadPj(cell)
  expect(energies).toHaveLength(4)
  expect(energies[3]).toBeCloseTo(0.025, 12)
  expect(energies[0]).toBeCloseTo(0.025 / 17, 12)
})

test('another published cell: 10 kΩ / 1 MΩ, 0.15 V, 3.16 ns gives 7.1 and 0.071 fJ', () => {
  const energies = cellReadPj({ ...cell, bits: 1, rOnOhm: 1e4, rOffOhm: 1e6, readV: 0.15, readNs: 3.16 })
  expect(energies[1]! * 1000).toBeCloseTo(7.11, 2)
  expect(energies[0]! * 1000).toBeCloseTo(0.0711, 4)
})

test('levels are linear in conductance: equal steps, rising, for every cell', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 8 }),
      fc.double({ min: 1e3, max: 1e6, noNaN: true }),
      fc.double({ min: 1.01, max: 1e4, noNaN: true }),
      (bits, rOnOhm, ratio) => {
        const energies = cellReadPj({ ...cell, bits, rOnOhm, rOffOhm: rOnOhm * ratio })
        const step = (energies.at(-1)! - energies[0]!) / (energies.length - 1)
        expect(step).toBeGreaterThan(0)
        energies.forEach((energy, level) => {
          expect(Math.abs(energy - energies[0]! - level * step)).toBeLessThan(1e-9 * energies.at(-1)!)
        })
      },
    ),
  )
})

test('exchanged resistances are refused', () => {
  expect(() => cellReadPj({ ...cell, rOnOhm: 2e6 })).toThrow(SpecError)
  expect(() => cellReadPj({ ...cell, rOnOhm: 2e6 })).toThrow(/rOnOhm < rOffOhm.*2000000 and 1700000/)
})

test('programming: 1000 cells of 10 pJ', () => {
  expect(programmingEnergyPj(1000, cell)).toBe(10_000)
})
