// The parts of the mapper by hand: planarise, placement, shapes, parameters, remappers (docs/timing.md, section 1).
import { describe, expect, it } from 'vitest'
import { metaOf, rangeOf } from '../../../models/config/check.js'
import { benesShape, type Strip } from '../../../models/mapping/mapping.js'
import { groupSize, place } from '../../../models/mapping/place.js'
import { planarise, type StackedOu } from '../../../models/mapping/planarise.js'
import { remappers } from '../../../models/mapping/remappers/index.js'
import {
  arrayParams,
  block,
  type MapSpec,
  mappingParams,
  ouParams,
  searchParams,
  stripParams,
  tileParams,
} from '../../../models/mapping/spec.js'
import { stripProblem } from '../../../models/mapping/strip.js'
import { expectFields } from '../../helpers/fields.js'
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

function with_(change: Partial<MapSpec>, options: Partial<MapSpec['options']> = {}): MapSpec {
  return { ...spec, ...change, options: { ...spec.options, ...options } }
}

const ones = (rows: number, cols: number) => matrix(rows, cols, new Array<number>(rows * cols).fill(1))

describe('planarise', () => {
  const stacks = (heights: readonly number[]): StackedOu[][] =>
    heights.map((height, column) => Array.from({ length: height }, (_, run) => ({ column, run })))
  const shown = (slots: StackedOu[][]) =>
    slots.map((slot) => slot.map(({ column, run }) => `${column}${run}`).join(' '))

  it.each([
    ['a difference of one stays', [2, 1], ['00 01', '10']],
    ['a difference of two moves', [2, 0], ['00', '01']],
    ['the shortest slot first, of two the lower', [4, 1, 0, 0], ['00 01', '10', '03', '02']],
    ['the tallest slot first, of two the lower', [3, 3, 0], ['00 01', '10 11', '02 12']],
    ['the tallest slot first, wherever it stands', [2, 4, 0, 0], ['00 01', '10 11', '13', '12']],
    ['from the middle to both sides', [0, 5, 1], ['14 13', '10 11', '20 12']],
  ])('%s', (_, heights, expected) => {
    const slots = stacks(heights as number[])
    planarise(slots, 'ou-bit')
    expect(shown(slots)).toEqual(expected)
  })

  it('in window-bit order leaves alone what would meet its own column', () => {
    const slots = stacks([4, 0])
    planarise(slots, 'window-bit')
    expect(shown(slots)).toEqual(['00 01 02 03', ''])
  })

  it('in window-bit order moves onto a height that the column does not hold', () => {
    const slots: StackedOu[][] = [
      [
        { column: 0, run: 0 },
        { column: 0, run: 1 },
        { column: 1, run: 1 },
      ],
      [{ column: 1, run: 0 }],
      [],
    ]
    planarise(slots, 'window-bit')
    // Column 1 lies at height 0, so slot 2 is not allowed; slot 1 at height 1 is.
    expect(shown(slots)).toEqual(['00 01', '10 11', ''])
  })
})

describe('placement', () => {
  const strip = (heights: number, slots: number, firstWindow: number): Strip => ({
    matrix: 0,
    tile: 0,
    firstRow: 0,
    rows: 1,
    firstCol: 0,
    width: 1,
    perm: Int32Array.of(0),
    slots,
    firstWindow,
    endWindow: firstWindow + heights,
  })

  it('the size of a group, rounded down', () => {
    expect(groupSize({ array: { rows: 9, cols: 7 }, ou: { rows: 2, cols: 3 } })).toEqual({ rows: 4, cols: 2 })
  })

  it('cuts tall strips, fills below, then to the right of the widest, then in a new group', () => {
    // Groups of 4 OU rows × 8 OU columns.
    const sized = with_({ array: { rows: 8, cols: 16 } })
    const strips = [strip(6, 2, 0), strip(1, 3, 6), strip(2, 3, 7), strip(0, 3, 9), strip(4, 3, 9), strip(1, 8, 13)]
    const { pieces, groups } = place(strips, sized)
    const told = pieces.map((p) => [p.strip, p.firstHeight, p.heights, p.width, p.group, p.row, p.col, p.firstWindow])
    expect(told).toEqual([
      [0, 0, 4, 2, 0, 0, 0, 0],
      // does not fit below: right of width 2
      [0, 4, 2, 2, 0, 0, 2, 4],
      [1, 0, 1, 3, 0, 2, 2, 6],
      // one row is left, two needed: right of the widest, 3
      [2, 0, 2, 3, 0, 0, 5, 7],
      // neither below nor to the right
      [4, 0, 4, 3, 1, 0, 0, 9],
      [5, 0, 1, 8, 2, 0, 0, 13],
    ])
    expect(groups).toEqual([
      { firstPiece: 0, endPiece: 4, firstWindow: 0, endWindow: 9 },
      { firstPiece: 4, endPiece: 5, firstWindow: 9, endWindow: 13 },
      { firstPiece: 5, endPiece: 6, firstWindow: 13, endWindow: 14 },
    ])
  })

  it('a piece that is too wide for the place below goes to the right or to a new group', () => {
    const sized = with_({ array: { rows: 8, cols: 8 } })
    const { pieces } = place([strip(4, 2, 0), strip(1, 1, 4), strip(1, 2, 5), strip(1, 3, 6)], sized)
    expect(pieces.map((p) => [p.group, p.row, p.col])).toEqual([
      [0, 0, 0],
      [0, 0, 2],
      [0, 1, 2],
      [1, 0, 0],
    ])
  })

  it('a piece that fits exactly fits', () => {
    const sized = with_({ array: { rows: 4, cols: 4 } })
    const { pieces } = place([strip(1, 2, 0), strip(1, 2, 1), strip(1, 1, 2)], sized)
    expect(pieces.map((p) => [p.group, p.row, p.col])).toEqual([
      [0, 0, 0],
      [0, 1, 0],
      [1, 0, 0],
    ])
  })
})

describe('shapes', () => {
  it.each([
    // α, P_BL, β → port width, N₀, N, switches, stages
    [8, 8, 4, 4, 16, 16, 56, 7],
    [3, 8, 4, 4, 6, 8, 20, 5],
    [2, 2, 2, 2, 2, 2, 1, 1],
    [4, 2, 8, 2, 4, 4, 6, 3],
    [1, 4, 4, 4, 1, 1, 0, 0],
  ])(
    'Benes network of %i × %i outputs in blocks of %i',
    (ousWide, cols, blockSize, portOutputs, ports, padded, switches, stages) => {
      expect(benesShape(ousWide, cols, blockSize)).toEqual({ portOutputs, ports, padded, switches, stages })
    },
  )

  it('parameters: ranges and units', () => {
    expectFields(ouParams, [
      ['rows', 'a whole number 1 … 4096', 'word line'],
      ['cols', 'a whole number 1 … 4096', 'bit line'],
    ])
    expectFields(arrayParams, [
      ['rows', 'a whole number 1 … 65536', 'word line'],
      ['cols', 'a whole number 1 … 65536', 'bit line'],
    ])
    expectFields(tileParams, [['rows', 'a whole number 1 … 16777216 or "all"', 'row']])
    expectFields(stripParams, [['ous', 'a whole number 1 … 4096', 'OU column']])
    expectFields(mappingParams, [
      ['remapper', 'text', ''],
      ['compress', 'true or false', ''],
      ['planarise', 'true or false', ''],
      ['groups', '"separate", "block-diagonal"', ''],
      ['search', 'a map of fields', ''],
      ['index', '"plain", "delta", "bitmap", "best"', ''],
    ])
    expectFields(searchParams, [
      ['seed', 'a whole number 0 … 2147483647', ''],
      ['population', 'a whole number 2 … 4096', 'permutation'],
      ['generations', 'a whole number 1 … 1000000', 'generation'],
      ['patience', 'a whole number 1 … 1000000', 'generation'],
      ['trials', 'a whole number 1 … 1000000', 'evaluation'],
    ])
    expect([rangeOf(block), metaOf(block).unit]).toEqual(['a whole number 1 … 4096', 'output'])
    expect(metaOf(block).description).toMatch(/\w+ \w+/)
  })
})

describe('remappers', () => {
  it('an unknown one is named, with those that there are', () => {
    expect(() => remappers.get('identify')).toThrow(/remapper.*"identify".*identity/)
  })

  const context = { search: searchParams.parse({ trials: 2 }), random: () => 0.5, onGeneration: null }

  it('identity leaves every block where it is', () => {
    const problem = stripProblem(ones(1, 6), { firstRow: 0, rows: 1, firstCol: 0, width: 6 }, spec)
    expect(Array.from(remappers.get('identity').remap(problem, context))).toEqual([0, 1, 2])
  })

  it('every one says what it does, and gives a permutation of the blocks of any strip', () => {
    for (const remapper of remappers.all) {
      expect(remapper.doc).toMatch(/\w+ \w+/)
      const problem = stripProblem(ones(4, 5), { firstRow: 0, rows: 4, firstCol: 0, width: 5 }, { ...spec, block: 1 })
      expect(Array.from(remapper.remap(problem, context)).sort()).toEqual([0, 1, 2, 3, 4])
    }
  })
})
