// checkMapping against mappings with one thing wrong each: every invariant is missed when it does not hold, and named.
import { describe, expect, it } from 'vitest'
import { SimFault } from '../../../models/base/errors.js'
import { mapLayer } from '../../../models/mapping/build.js'
import { checkMapping, unmap } from '../../../models/mapping/check.js'
import type { Mapping, Piece } from '../../../models/mapping/mapping.js'
import { type MapSpec, mappingParams } from '../../../models/mapping/spec.js'
import { matrix } from '../../helpers/work.js'

const spec: MapSpec = {
  ou: { rows: 2, cols: 2 },
  array: { rows: 4, cols: 4 },
  block: 2,
  tileRows: 4,
  stripOus: 2,
  order: 'ou-bit',
  options: mappingParams.parse({ remapper: 'identity', compress: false, planarise: false, groups: 'separate' }),
}

// 5 × 6 ones: strips of 4 and 2 outputs over tiles of 4 rows and 1 row.
// Strip 0: OUs 0 … 3 (windows 0, 1); strip 1: OUs 4, 5 (windows 2, 3); strip 2: OUs 6, 7 (window 4); strip 3: OU 8 (window 5).
const e = new Array<number>(30).fill(1)
const sound = mapLayer([matrix(5, 6, e)], spec)

type Lists = 'rowOf' | 'colOf' | 'rowStart' | 'colStart' | 'slotOf' | 'stripOf' | 'windowStart' | 'settings'

function changed(list: Lists, at: number, value: number): Mapping {
  const copy = sound[list].slice()
  copy[at] = value
  return { ...sound, [list]: copy }
}

function piece(at: number, change: Partial<Piece>): Mapping {
  return { ...sound, pieces: sound.pieces.map((p, i) => (i === at ? { ...p, ...change } : p)) }
}

function perm(...values: number[]): Mapping {
  return { ...sound, strips: sound.strips.map((s, i) => (i === 0 ? { ...s, perm: Int32Array.from(values) } : s)) }
}

describe('checkMapping', () => {
  it('is content with what mapLayer gives', () => {
    expect([sound.ous, sound.windows, sound.pieces.length]).toEqual([9, 6, 4])
    expect(() => checkMapping(sound, spec)).not.toThrow()
  })

  it.each<[string, Mapping]>([
    ['strip 0: [0,0] is not a permutation of its blocks', perm(0, 0)],
    ['strip 0: [0,2] is not a permutation of its blocks', perm(0, 2)],
    ['strip 0: [-1,0] is not a permutation of its blocks', perm(-1, 0)],
    ['OU 0 has 0 rows of 2', changed('rowStart', 1, 0)],
    ['OU 0 has 3 rows of 2', changed('rowStart', 1, 3)],
    ['OU 0 has 0 columns of 2', changed('colStart', 1, 0)],
    ['OU 0 has 3 columns of 2', changed('colStart', 1, 3)],
    ['OU 0: row 4 outside its tile', changed('rowOf', 1, 4)],
    ['OU 8: row 3 outside its tile', changed('rowOf', sound.rowOf.length - 1, 3)],
    ['OU 0: row list not increasing', changed('rowOf', 1, 0)],
    ['OU 0: output 4 outside its strip', changed('colOf', 1, 4)],
    ['OU 8: output 3 outside its strip', changed('colOf', sound.colOf.length - 1, 3)],
    ['window 0 has 0 OUs of 2', changed('windowStart', 1, 0)],
    ['window 1 has 0 OUs of 2', changed('windowStart', 2, 2)],
    ['window 0 has 3 OUs of 2', changed('windowStart', 1, 3)],
    ['window 0: OUs not in slot order', changed('slotOf', 1, 0)],
    ['window 0: OUs of two strips', { ...changed('stripOf', 1, 2), ...everywhere() }],
    ['piece 0 leaves its array group', piece(0, { row: 1 })],
    ['piece 0 leaves its array group', piece(0, { col: 1 })],
    ['piece 1 overlaps another at 0:0:1', piece(1, { group: 0, row: 0, col: 1 })],
    ['pieces hold 5 windows of 6', piece(0, { heights: 1 })],
    ['weight 0 of matrix 0 lies in two OUs', twice()],
    ['weight 28 of matrix 0 lies in no OU', { ...sound, ous: 8 }],
  ])('%s', (message, mapping) => {
    expect(() => checkMapping(mapping, spec)).toThrow(SimFault)
    expect(() => checkMapping(mapping, spec)).toThrow(`mapping: ${message}`)
  })

  it('in window-bit order a window has one setting', () => {
    const order = { ...spec, order: 'window-bit' } as const
    expect(() => checkMapping(sound, order)).not.toThrow()
    const two = changed('settings', 3, 2)
    expect(() => checkMapping(two, order)).toThrow('mapping: window 3: two OUs of one OU column in window-bit order')
    expect(() => checkMapping(two, spec)).toThrow('mapping: window 3 has 1 Benes settings of 2')
  })

  it('with compression only weights other than 0 must lie in an OU; without, all that are not structural zeros', () => {
    const compress = { ...spec, options: { ...spec.options, compress: true } }
    const zeros = {
      ...sound,
      ous: 8,
      matrices: [
        matrix(
          5,
          6,
          e.map((x, i) => (i >= 28 ? 0 : x)),
        ),
      ],
    }
    expect(() => checkMapping(zeros, compress)).not.toThrow()
    expect(() => checkMapping(zeros, spec)).toThrow('mapping: weight 28 of matrix 0 lies in no OU')
    expect(() => checkMapping({ ...sound, ous: 8 }, compress)).toThrow('mapping: weight 28 of matrix 0 lies in no OU')
    // Blocks of 4 × 4 on the diagonal: row 4 belongs to outputs 4 and 5, so outputs 4, 5 of rows 0 … 3 need not be there.
    const diagonal = [{ ...zeros.matrices[0]!, diagonal: { rows: 4, cols: 4 } }]
    expect(() => checkMapping({ ...sound, matrices: diagonal, ous: 8 }, spec)).toThrow('weight 28 of matrix 0')
    const other = [{ ...zeros.matrices[0]!, diagonal: { rows: 4, cols: 6 } }]
    expect(() => checkMapping({ ...sound, matrices: other, ous: 8 }, spec)).not.toThrow()
  })
})

describe('unmap', () => {
  const odd = matrix(
    5,
    6,
    e.map((_, i) => i - 14),
  )

  it('gives the weights back', () => {
    expect(unmap(mapLayer([odd, matrix(1, 2, [3, -4])], spec)).map((m) => [...m.e])).toEqual([[...odd.e], [3, -4]])
  })

  it('shows what lies in two OUs twice, and what lies in none not at all', () => {
    const lost = unmap({ ...sound, ous: 8 })[0]!
    expect([...lost.e]).toEqual(e.map((x, i) => (i >= 28 ? 0 : x)))
    expect(unmap(twice())[0]!.e[0]).toBe(2)
  })

  it('leaves the mapping as it was', () => {
    unmap(sound)
    expect([...sound.matrices[0]!.e]).toEqual(e)
  })
})

/** Strips so wide and tiles so high that every row and output lies in each of them. */
function everywhere(): Pick<Mapping, 'strips'> {
  return { strips: sound.strips.map((s) => ({ ...s, firstRow: 0, rows: 5, firstCol: 0, width: 6 })) }
}

/** OU 1 carries the outputs of OU 0. */
function twice(): Mapping {
  const copy = sound.colOf.slice()
  copy.set([0, 1], 2)
  return { ...sound, colOf: copy }
}
