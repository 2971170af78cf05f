// Mapping by hand (docs/timing.md, section 1): the finished arrays of small layers, worked out with pencil and paper.
import { describe, expect, it } from 'vitest'
import { mapLayer } from '../../../models/mapping/build.js'
import { columnOutputs, deletedZeros, isStructural, keptRows } from '../../../models/mapping/columns.js'
import { firstOutput, type Mapping } from '../../../models/mapping/mapping.js'
import { type MapSpec, mappingParams } from '../../../models/mapping/spec.js'
import type { WeightMatrix } from '../../../models/nn/types.js'
import { matrix } from '../../helpers/work.js'

const spec: MapSpec = {
  ou: { rows: 2, cols: 2 },
  array: { rows: 8, cols: 8 },
  block: 2,
  tileRows: 'all',
  stripOus: 2,
  order: 'ou-bit',
  options: mappingParams.parse({ remapper: 'identity', compress: true, planarise: false, groups: 'separate' }),
}
const plain = { ...spec, options: { ...spec.options, compress: false } }

function with_(change: Partial<MapSpec>, options: Partial<MapSpec['options']> = {}): MapSpec {
  return { ...spec, ...change, options: { ...spec.options, ...options } }
}

const ones = (rows: number, cols: number) => matrix(rows, cols, new Array<number>(rows * cols).fill(1))

/** OU by OU: rows × outputs. */
function ous(mapping: Mapping): string[] {
  const list = (start: Int32Array, of: Int32Array, ou: number) => of.slice(start[ou]!, start[ou + 1]!).join()
  return Array.from(
    { length: mapping.ous },
    (_, ou) => `${list(mapping.rowStart, mapping.rowOf, ou)}×${list(mapping.colStart, mapping.colOf, ou)}`,
  )
}

describe('a layer of 5 × 3 on OUs of 2 × 2', () => {
  //        outputs 0 1 | 2
  const e = [1, 0, 0, 0, -2, 0, 0, 0, 3, 2, 0, 0, 0, 0, 0]
  const mapping = mapLayer([matrix(5, 3, e)], spec)

  it('keeps rows 0, 1, 3 for outputs 0 and 1 and row 2 for output 2, in runs of two', () => {
    expect(ous(mapping)).toEqual(['0,1×0,1', '2×2', '3×0,1'])
    expect(Array.from(mapping.columnOf)).toEqual([0, 1, 0])
    expect(Array.from(mapping.runOf)).toEqual([0, 0, 1])
    expect(Array.from(mapping.slotOf)).toEqual([0, 1, 0])
    expect(Array.from(mapping.stripOf)).toEqual([0, 0, 0])
  })

  it('numbers windows by height and joins their rows', () => {
    expect([mapping.windows, ...mapping.windowStart]).toEqual([2, 0, 2, 3])
    expect(Array.from(mapping.unionRows)).toEqual([3, 1])
    expect(Array.from(mapping.settings)).toEqual([1, 1])
    expect(Array.from(mapping.pieceOf)).toEqual([0, 0])
  })

  it('describes strip, piece and group', () => {
    expect(mapping.strips).toEqual([
      {
        matrix: 0,
        tile: 0,
        firstRow: 0,
        rows: 5,
        firstCol: 0,
        width: 3,
        perm: Int32Array.of(0, 1),
        slots: 2,
        firstWindow: 0,
        endWindow: 2,
      },
    ])
    expect(mapping.pieces).toEqual([
      { strip: 0, firstHeight: 0, heights: 2, width: 2, group: 0, row: 0, col: 0, firstWindow: 0 },
    ])
    expect(mapping.groups).toEqual([{ firstPiece: 0, endPiece: 1, firstWindow: 0, endWindow: 2 }])
  })

  it('counts the zeros of deleted rows: 2 × 2 of outputs 0 and 1, 4 of output 2', () => {
    expect(mapping.deletedWeights).toBe(8)
    expect(mapLayer([matrix(5, 3, e)], plain).deletedWeights).toBe(0)
  })

  it('without compression keeps all five rows', () => {
    expect(ous(mapLayer([matrix(5, 3, e)], plain))).toEqual(['0,1×0,1', '0,1×2', '2,3×0,1', '2,3×2', '4×0,1', '4×2'])
  })

  it('in tiles of two rows the last tile holds one', () => {
    const tiled = mapLayer([matrix(5, 3, e)], with_({ tileRows: 2 }, { compress: false }))
    expect(tiled.strips.map(({ tile, firstRow, rows }) => [tile, firstRow, rows])).toEqual([
      [0, 0, 2],
      [1, 2, 2],
      [2, 4, 1],
    ])
    expect(ous(tiled)).toEqual(['0,1×0,1', '0,1×2', '2,3×0,1', '2,3×2', '4×0,1', '4×2'])
    expect(Array.from(tiled.stripOf)).toEqual([0, 0, 1, 1, 2, 2])
    expect(tiled.strips.map(({ firstWindow, endWindow }) => [firstWindow, endWindow])).toEqual([
      [0, 1],
      [1, 2],
      [2, 3],
    ])
  })

  it('in strips of one OU column the second strip starts at output 2', () => {
    const narrow = mapLayer([matrix(5, 3, e)], with_({ stripOus: 1 }))
    expect(narrow.strips.map(({ firstCol, width }) => [firstCol, width])).toEqual([
      [0, 2],
      [2, 1],
    ])
    expect(ous(narrow)).toEqual(['0,1×0,1', '3×0,1', '2×2'])
  })

  it('two matrices follow each other', () => {
    const two = mapLayer([matrix(1, 1, [1]), matrix(5, 3, e)], spec)
    expect(two.strips.map(({ matrix: m }) => m)).toEqual([0, 1])
    expect(ous(two)).toEqual(['0×0', '0,1×0,1', '2×2', '3×0,1'])
    expect([0, 1, 2].map((m) => firstOutput(two.matrices, m))).toEqual([0, 1, 4])
  })

  it('planarised: the second run of OU column 0 moves onto a slot that is two shorter, and the window needs two settings', () => {
    // Four kept rows for outputs 0 and 1, none for output 2: heights 2 and 0.
    const tall = mapLayer([matrix(4, 3, [1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0])], with_({}, { planarise: true }))
    expect(ous(tall)).toEqual(['0,1×0,1', '2,3×0,1'])
    expect([tall.windows, ...tall.settings, ...tall.unionRows]).toEqual([1, 2, 4])
    expect(Array.from(tall.slotOf)).toEqual([0, 1])
    expect(Array.from(tall.columnOf)).toEqual([0, 0])
    expect(tall.strips[0]).toMatchObject({ slots: 2, firstWindow: 0, endWindow: 1 })
  })

  it('planarised: a window needs as many settings as it has OUs of one OU column, not of all', () => {
    // Six rows for outputs 0 and 1, two for outputs 2 and 3, none for 4 and 5: heights 3, 1, 0 become 2, 1, 1.
    const weights = Array.from({ length: 36 }, (_, i) => (i % 6 < 2 || (i < 12 && i % 6 < 4) ? 1 : 0))
    const three = mapLayer([matrix(6, 6, weights)], with_({ stripOus: 3 }, { planarise: true }))
    expect(ous(three)).toEqual(['0,1×0,1', '0,1×2,3', '4,5×0,1', '2,3×0,1'])
    expect(Array.from(three.settings)).toEqual([2, 1])
    expect(Array.from(three.unionRows)).toEqual([4, 2])
  })

  it('not planarised: tall slots stay tall', () => {
    const tall = mapLayer([matrix(4, 3, [1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0])], spec)
    expect([tall.windows, ...tall.slotOf]).toEqual([2, 0, 0])
  })

  it('as many outputs as a strip holds are one strip, one more are two', () => {
    const widths = (cols: number) => mapLayer([ones(1, cols)], spec).strips.map(({ width }) => width)
    expect([widths(4), widths(5), widths(8)]).toEqual([[4], [4, 1], [4, 4]])
  })

  it('every window knows its piece', () => {
    // Groups of two OU rows: the three OU rows of the strip lie in two pieces, side by side.
    const cut = mapLayer([ones(5, 3)], with_({ array: { rows: 4, cols: 8 } }))
    expect(cut.pieces.map(({ heights, row, col }) => [heights, row, col])).toEqual([
      [2, 0, 0],
      [1, 0, 2],
    ])
    expect(Array.from(cut.pieceOf)).toEqual([0, 0, 1])
  })

  it('a layer of zeros has a strip and nothing in it', () => {
    const empty = mapLayer([matrix(2, 2, [0, 0, 0, 0])], spec)
    expect(empty).toMatchObject({ ous: 0, windows: 0, pieces: [], groups: [], deletedWeights: 4 })
    expect(empty.strips).toHaveLength(1)
    expect(Array.from(empty.windowStart)).toEqual([0])
  })
})

describe('OU columns', () => {
  it('carry the outputs of their slots after the permutation', () => {
    // Blocks of 2 outputs on OUs of 4: positions hold blocks 2, 0, 1; block 2 has output 4 alone.
    expect(columnOutputs(Int32Array.of(2, 0, 1), 2, 4, 10, 5)).toEqual([
      [14, 10, 11],
      [12, 13],
    ])
    // Blocks of 4 on OUs of 2: the second OU column of block 1 has nothing.
    expect(columnOutputs(Int32Array.of(1, 0), 4, 2, 0, 5)).toEqual([[4], [], [0, 1], [2, 3]])
  })

  // Two blocks of 2 × 2 on the diagonal; the zero at row 0 is a weight, those off the blocks are not.
  const packed: WeightMatrix = {
    ...matrix(4, 4, [0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 1]),
    diagonal: { rows: 2, cols: 2 },
  }
  const all = { firstRow: 0, rows: 4 }

  it('structural zeros lie off the diagonal blocks', () => {
    const off = Array.from({ length: 16 }, (_, i) => isStructural(packed, Math.floor(i / 4), i % 4))
    const row = (s: string) => [...s].map((c) => c === 'x')
    expect(off).toEqual(['..xx', '..xx', 'xx..', 'xx..'].flatMap(row))
    expect(isStructural(ones(2, 2), 0, 1)).toBe(false)
    const uneven = { ...ones(6, 2), diagonal: { rows: 3, cols: 1 } }
    expect([0, 2, 3, 5].map((r) => isStructural(uneven, r, 0))).toEqual([false, false, true, true])
  })

  it('keep rows with a weight, or without compression rows that are not structural', () => {
    const rows = (outputs: number[], compress: boolean, tile = all) =>
      Array.from(keptRows(packed, tile, outputs, compress))
    expect(rows([0, 1], true)).toEqual([0])
    expect(rows([0, 1], false)).toEqual([0, 1])
    expect(rows([2, 3], false)).toEqual([2, 3])
    expect(rows([1, 2], true)).toEqual([0, 2])
    expect(rows([1, 2], false)).toEqual([0, 1, 2, 3])
    expect(rows([], false)).toEqual([])
    expect(rows([3], true, { firstRow: 3, rows: 1 })).toEqual([3])
    expect(rows([3], true, { firstRow: 1, rows: 2 })).toEqual([2])
  })

  it('lose zeros with the rows that they do not keep, structural ones not counted', () => {
    const lost = (outputs: number[], kept: number[], tile = all) =>
      deletedZeros(packed, tile, outputs, Int32Array.from(kept))
    expect(lost([0, 1], [0])).toBe(2)
    expect(lost([0, 1], [0, 1])).toBe(0)
    expect(lost([1, 2], [0, 2])).toBe(2)
    expect(lost([2, 3], [2, 3])).toBe(0)
    expect(lost([0, 1], [], { firstRow: 1, rows: 2 })).toBe(2)
    // Kept rows that follow deleted ones.
    expect(lost([0, 1, 2, 3], [1, 3])).toBe(4)
  })
})
