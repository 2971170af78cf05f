import { stripVTControlCharacters } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { areaMm2, energy, engineering, grouped, threeDigits, time } from '../../../models/base/units.js'
import { renderTable } from '../../../traces/report/table.js'
import { summaryOf } from '../../../traces/results/summary.js'
import { resultOf } from '../../helpers/result.js'

const result = resultOf({ seed: 5, layers: 3, macros: 2, values: true })
const heads = (text: string) => text.split('\n').find((line) => line.startsWith('layer'))!

describe('numbers for people', () => {
  it.each([
    [engineering(1.23e-9, 'J'), '1.23 nJ'],
    [engineering(999.6, 'B'), '1.00 kB'],
    [engineering(12_345, 'B'), '12.3 kB'],
    [engineering(0.5, 'V'), '500 mV'],
    [engineering(0, 'J'), '0 J'],
    [energy(4_500_000), '4.50 µJ'],
    [time(2_000_000), '2.00 ms'],
    [areaMm2(1_750_000), '1.75 mm²'],
    [areaMm2(12_345e6), '12345 mm²'],
    [grouped(1_234_567), '1 234 567'],
    [threeDigits(9.996), '10.0'],
    [threeDigits(0.01234), '0.0123'],
  ])('%s', (text, expected) => expect(text).toBe(expected.replace('12345', '12300')))

  it('an engineering number means the value, within its three digits', () => {
    const prefixes: Record<string, number> = {
      f: 1e-15,
      p: 1e-12,
      n: 1e-9,
      µ: 1e-6,
      m: 1e-3,
      '': 1,
      k: 1e3,
      M: 1e6,
      G: 1e9,
      T: 1e12,
    }
    fc.assert(
      fc.property(fc.double({ min: 1e-14, max: 9e14, noNaN: true }), (value) => {
        const [, digits, prefix] = /^([\d.]+) (\D?)J$/.exec(engineering(value, 'J'))!
        expect(Math.abs((Number(digits) * prefixes[prefix!]!) / value - 1)).toBeLessThanOrEqual(0.00501)
        expect(Number(digits)).toBeLessThan(1000)
      }),
    )
  })
})

describe('printed table', () => {
  it('never passes the width of the terminal, keeps what matters most, and grows with the width', () => {
    let before = 0
    for (let width = 60; width <= 240; width += 5) {
      const text = renderTable(result, { width, color: false })
      for (const line of text.split('\n')) expect(line.length, `${width}: ${line}`).toBeLessThanOrEqual(width)
      expect(heads(text)).toMatch(/layer.*cycles.*speed-up.*energy/)
      const shown = heads(text).split(/\s{2,}/).length
      expect(shown).toBeGreaterThanOrEqual(before)
      before = shown
    }
    const wide = heads(renderTable(result, { width: 240, color: false }))
    for (const head of [
      'rows×cols',
      'MACs',
      'bound',
      'same hw',
      'planes',
      'limit',
      'busy',
      'CIM',
      'largest',
      'clips',
      'SQNR',
    ])
      expect(wide).toContain(head)
  })

  it('shows the totals of the summary', () => {
    const text = renderTable(result, { width: 200, color: false })
    const { totals } = summaryOf(result)
    expect(text).toContain(`${grouped(totals.cycles)} = ${time(totals.time_ns)} at 10 ns`)
    expect(text).toContain(`${(totals.dense_bare.cycles / totals.cycles).toFixed(2)}× against dense-bare`)
    expect(text).toContain('3 of 4 (as recorded: clipped conversions do not reach it)')
    expect(text).toMatch(/accelergy: 4\.00 µJ; neurosim-sar: not applicable \(needs 7 bits\)/)
    expect(text).toMatch(/not on arrays.*attention\/QK \(MatMul, two activations\): 1\.23 MMAC/)
    expect(text).toContain('docs/deviations.md')
    expect(text).toContain('1.75 mm²')
  })

  it('has a line with mean and confidence when there is more than one item, and only then', () => {
    const entry = (item: number, cycles: number) => ({
      ...{
        item,
        cycles,
        energyPj: 1e6 * cycles,
        denseBareCycles: 4000,
        denseBareEnergyPj: 1,
        planesFired: cycles / 100,
      },
      ...{ planesTotal: 100, ouActivations: 1, clipped: item },
    })
    const line = (items: readonly number[]) => {
      const layers = [{ ...result.layers[0]!, items: items.map((cycles, item) => entry(item, cycles)) }]
      const text = renderTable({ ...result, layers }, { width: 240, color: false })
      return text.split('\n').find((part) => part.startsWith('per item'))
    }
    // 1000 and 2000 cycles: mean 1500, s = 1000 ÷ √2, t(0.975, 1) = 12.706: half width 6353
    expect(line([1000, 2000])).toBe(
      'per item      1 500 ± 6 353 cycles (1 000 … 2 000), 1.50 mJ ± 6.35 mJ, speed-up 3.000 ± 12.706, planes fired 15.0 % ± 63.5 %, clips 0.500 ± 6.35: mean of 2 items ± 95 % confidence',
    )
    expect(line([1000])).toBeUndefined()
    expect(line([])).toBeUndefined()
  })

  it('says that a run is partial, first and last, and only then', () => {
    expect(renderTable(result, { width: 200, color: false })).not.toContain('PARTIAL')
    const lines = renderTable({ ...result, partial: '2 of 9 layers' }, { width: 200, color: false }).split('\n')
    expect(lines[0]).toMatch(/^PARTIAL: 2 of 9 layers/)
    expect(lines.at(-1)).toBe(lines[0])
  })

  it('escape sequences of a file do not reach the terminal', () => {
    const layers = result.layers.map((layer) => ({ ...layer, name: '\u001b[31mred\u0007\nx' }))
    const text = renderTable({ ...result, layers }, { width: 200, color: false })
    expect(text.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u)
    expect(text).toContain('?[31mred??x')
  })

  it('an empty run and values that are off are shown', () => {
    expect(renderTable({ ...result, layers: [] }, { width: 100, color: false })).toContain('nothing ran')
    const off = resultOf({ seed: 5, layers: 1, macros: 1, values: false })
    expect(renderTable(off, { width: 100, color: false })).toMatch(/^values\s+off$/m)
  })

  it('colour changes nothing but colour', () => {
    const plain = renderTable(result, { width: 120, color: false })
    const colored = renderTable(result, { width: 120, color: true })
    expect(colored).not.toBe(plain)
    expect(stripVTControlCharacters(colored).replace(/ +$/gm, '')).toBe(plain)
  })
})
