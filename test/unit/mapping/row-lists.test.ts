// Row lists by hand (docs/timing.md, section 1, step 12), and what must hold of all of them.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { priceContext } from '../../../models/cost/context.js'
import { mapLayer } from '../../../models/mapping/build.js'
import { largestGroupBits, listEncodings, rowBits } from '../../../models/mapping/row-lists.js'
import { mapSpec } from '../../../sim/chip/parts.js'
import { resolveMachine } from '../../../sim/chip/resolve.js'
import { caseArbitrary, machine, matrix } from '../../helpers/work.js'

/** One output, with ones in these rows of 64. */
function lists(rows: readonly number[], index: string, tile: number | 'all' = 'all') {
  const m = machine({
    ...{ ou: { rows: 4, cols: 1 }, block: 1, strip: { ous: 1 }, tile: { rows: tile }, array: { rows: 16, cols: 4 } },
    mapping: { index },
  })
  const e = new Int16Array(64)
  for (const row of rows) e[row] = 1
  const mapping = mapLayer([matrix(64, 1, e)], mapSpec(m, 'machine'))
  return { mapping, ...mapping.rowLists }
}

describe('row lists', () => {
  // OUs 0, 1, 2, 9 and 40: row numbers of 6 bits
  const rows = [0, 1, 2, 9, 40]

  it('plain: every row by its number', () => {
    expect(Array.from(lists(rows, 'plain').bitsOf)).toEqual([4 * 6, 6])
    expect(Array.from(lists(rows, 'plain', 16).bitsOf)).toEqual([4 * 4, 4])
  })

  it('bitmap: the first row, then a bit for each up to the last', () => {
    expect(Array.from(lists(rows, 'bitmap').bitsOf)).toEqual([6 + 9, 6])
  })

  it('delta: gaps 0, 0, 6 take 1 + 1 + 3 codes of 2 bits, or 1 + 1 + 1 of 3 bits: 3 bits are fewer', () => {
    const { bitsOf, deltaBits } = lists(rows, 'delta')
    expect([deltaBits, ...bitsOf]).toEqual([3, 6 + 3 * 3, 6])
    // gap 3 is an escape and a code of 2 bits; gap 2 one code
    expect(lists([0, 4], 'delta').totals.delta).toBe(6 + 3)
    expect(lists([0, 3], 'delta').totals.delta).toBe(6 + 2)
    expect(lists([0, 63], 'delta').totals.delta).toBe(6 + 6)
  })

  it('best: the encoding with fewest bits, the earlier one of equals', () => {
    expect(lists(rows, 'best').encoding).toBe('delta')
    expect(lists([5], 'best').encoding).toBe('plain')
    expect(lists([0, 1, 2, 3], 'best')).toMatchObject({
      encoding: 'bitmap',
      totals: { plain: 24, delta: 12, bitmap: 9 },
    })
  })

  it('the fullest array group: 16 kept rows in groups of 2 × 4 OUs', () => {
    const { mapping } = lists(
      Array.from({ length: 64 }, (_, r) => r),
      'plain',
    )
    expect(mapping.groups.length).toBe(1)
    expect(largestGroupBits(mapping)).toBe(64 * 6)
  })

  it('best is never more than the others, and any encoding of any list takes at least the first row', () => {
    fc.assert(
      fc.property(caseArbitrary, (input) => {
        const spec = mapSpec(input.machine, 'machine')
        const of = (index: 'plain' | 'delta' | 'bitmap' | 'best') =>
          mapLayer(input.matrices, { ...spec, options: { ...spec.options, index } })
        const best = of('best').rowLists
        for (const encoding of listEncodings) {
          const mapping = of(encoding)
          const total = mapping.rowLists.bitsOf.reduce((sum, bits) => sum + bits, 0)
          expect(total).toBe(mapping.rowLists.totals[encoding])
          expect(best.totals[best.encoding]).toBeLessThanOrEqual(total)
          const width = rowBits(input.matrices[0]!, spec.tileRows)
          if (spec.options.compress) expect(Math.min(width, ...mapping.rowLists.bitsOf)).toBe(width)
          else expect(total).toBe(0)
        }
      }),
      { numRuns: 200 },
    )
  })

  it('memory: plain lists have room for a full group, others for the fullest one', () => {
    const { machine: m } = resolveMachine('wu2024', [])
    const facts = { adcBits: 5, matrixRows: 128, slices: 4 }
    expect(priceContext(m, facts).rowListBits).toBe(8 * 16 * 16 * 7)
    expect(priceContext(m, { ...facts, rowListBits: 777 }).rowListBits).toBe(777)
  })
})
