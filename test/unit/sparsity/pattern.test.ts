// Descriptions: what is read, what is refused, and what the machine can do with it.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import seedrandom from 'seedrandom'
import { describe, expect, it } from 'vitest'
import { packageRoot } from '../../../models/base/paths.js'
import { parseText } from '../../../models/config/document.js'
import { findPattern } from '../../../models/sparsity/detect.js'
import { maskComplaint } from '../../../models/sparsity/fit.js'
import {
  defaultHardware,
  loadPattern,
  masked,
  maskOf,
  namedPatterns,
  patternOf,
  pruneMatrix,
  readPattern,
  targetOf,
} from '../../../models/sparsity/index.js'
import { legality, misfit, worst } from '../../../models/sparsity/legality.js'
import { overheadOf } from '../../../models/sparsity/overhead.js'
import { fixedSparsity } from '../../../models/sparsity/pattern.js'
import { pruneLayers } from '../../../models/sparsity/prune.js'

const yaml = (...lines: string[]) => readPattern(parseText(lines.join('\n'), 'p.yaml'))
const one = (...fields: string[]) => yaml('patterns:', ...fields.map((f, i) => `${i === 0 ? '  - ' : '    '}${f}`))
const shape = (rows: number, cols: number, channelRows = 1) => ({ rows, cols, channelRows })

describe('descriptions', () => {
  it('are read from YAML', () => {
    const text = [
      'name: mine',
      'patterns:',
      '  - kind: full-block',
      '    rows: 2',
      '    cols: beta',
      '    sparsity: 0.5',
    ]
    const { name, patterns } = yaml(...text)
    expect(name).toBe('mine')
    expect(patterns).toEqual([{ kind: 'full-block', rows: 2, cols: 'beta', share: 0.5, keep: null, masks: null }])
  })

  it('every named pattern and N:M is one', () => {
    for (const name of [...namedPatterns.keys(), '2:4', '1:16']) expect(patternOf(name).name).toBe(name)
    expect(fixedSparsity(patternOf('1:4'))).toBe(0.75)
    expect(fixedSparsity(patternOf('hybrid'))).toBeNull()
  })

  it('so are the examples', () => {
    const folder = join(packageRoot(), 'examples', 'patterns')
    for (const name of readdirSync(folder)) expect(loadPattern(join(folder, name)).patterns.length).toBeGreaterThan(0)
  })

  it.each([
    [['name: x'], /p\.yaml:1:1 patterns: expected a list of 1 or 2 block patterns/],
    [['patterns: []'], /p\.yaml:1:11 .*got 0 patterns/],
    [['patterns: [{}, {}, {}]'], /got 3 patterns/],
    [['patern: 1'], /p\.yaml:1:1 unknown field "patern". Did you mean "patterns"/],
    [['name: 3', 'patterns: []'], /p\.yaml:1:7 name: expected text/],
    [['patterns:', '  - kind: fullblock'], /p\.yaml:2:11 unknown pattern kind "fullblock". Did you mean "full-block"/],
    [['patterns:', '  - rows: 1'], /p\.yaml:2:5 kind: missing; expected one of full-block, intra-block/],
    [['patterns:', '  - 7'], /p\.yaml:2:5 patterns: expected a map with a kind/],
    [
      ['patterns:', '  - kind: full-block', '    rows: 0', '    cols: 1'],
      /p\.yaml:3:11 .*rows: expected a whole number 1 …/,
    ],
    [
      ['patterns:', '  - kind: full-block', '    rows: 1', '    col: 1'],
      /p\.yaml:4:5 .*unknown field. Did you mean "cols"/,
    ],
    [['patterns:', '  - {kind: full-block, rows: 1, cols: 1, sparsity: 1}'], /sparsity 1 would drop every block/],
    [['patterns:', '  - {kind: intra-block, rows: 4, cols: 1, keep: 5}'], /keep 5 of a block of 4 weights/],
    [['patterns:', '  - {kind: intra-block, rows: all-rows, cols: 1, keep: 5}'], /need sizes in numbers/],
    [
      ['patterns:', '  - {kind: intra-block, rows: 4, cols: 1, keep: 2, masks: ["110"]}'],
      /mask "110": expected 4 digits/,
    ],
    [['patterns:', '  - {kind: intra-block, rows: 4, cols: 1, keep: 2, masks: ["1110"]}'], /with 2 ones/],
    [
      ['patterns:', '  - {kind: full-block, rows: 1, cols: 1}', '  - {kind: full-block, rows: 4, cols: 4}'],
      /leave their sparsity open/,
    ],
    [
      ['patterns:', '  - {kind: intra-block, rows: 4, keep: 1}', '  - {kind: intra-block, rows: 2, keep: 1}'],
      /two intra-block/,
    ],
  ] as const)('%j is refused with its place', (lines, message) => {
    expect(() => yaml(...lines)).toThrow(message)
  })

  it('unknown names get a near one', () => {
    expect(() => loadPattern('row-blok')).toThrow(/unknown pattern "row-blok". Did you mean "row-block"\?/)
    expect(() => loadPattern('nowhere.yaml')).toThrow(/nowhere\.yaml: cannot read/)
    expect(() => targetOf(patternOf('block'), 'magnitud', 0.5)).toThrow(/Did you mean "magnitude"/)
  })

  it.each([
    ['block', -0.1, /expected a number from 0 to less than 1/],
    ['block', 1, /expected a number from 0 to less than 1/],
    ['block', Number.NaN, /expected a number from 0 to less than 1/],
    ['block', null, /leaves its sparsity open/],
    ['2:4', 0.75, /removes 50.0 % by itself/],
    ['hybrid', 0.3, /removes at least 50.0 %/],
  ] as const)('target of %s at %s is refused', (name, sparsity, message) => {
    expect(() => targetOf(patternOf(name), 'magnitude', sparsity)).toThrow(message)
  })

  it('masks and matrices of the wrong size are refused', () => {
    expect(() => pruneMatrix({ rows: 2, cols: 3, values: new Float32Array(5) }, 'block', 0.5)).toThrow(
      /expected 6 weights, got 5/,
    )
    expect(() => masked(new Float32Array(4), new Uint8Array(3))).toThrow(/mask of 3 entries for 4 weights/)
    expect(() => maskComplaint(patternOf('block'), new Uint8Array(3), shape(2, 2), defaultHardware)).toThrow(
      /expected 4/,
    )
    expect(maskOf(Int16Array.of(3, 0, -1))).toEqual(Uint8Array.of(1, 0, 1))
  })
})

describe('hand-made masks', () => {
  // 4 rows × 2 outputs; norms of the 1 × 2 blocks: 5, 13, √2, 10.
  const values = Float32Array.of(3, 4, 5, 12, 1, -1, 6, 8)
  const matrix = { rows: 4, cols: 2, channelRows: 2, values }
  const fields = (text: string) => one(...text.split('; '))

  it.each([
    ['kind: full-block; rows: 1; cols: 2', 0.5, [0, 0, 1, 1, 0, 0, 1, 1]],
    ['kind: full-block; rows: channel; cols: all-cols', 0.5, [1, 1, 1, 1, 0, 0, 0, 0]],
    ['kind: full-block; rows: all-rows; cols: 1', 0.5, [0, 1, 0, 1, 0, 1, 0, 1]],
    ['kind: intra-block; rows: 2; cols: 1; keep: 1', null, [0, 0, 1, 1, 0, 0, 1, 1]],
    ['kind: intra-block; rows: 2; cols: 2; keep: 2; masks: ["1001", "0110"]', null, [1, 0, 0, 1, 1, 0, 0, 1]],
    ['kind: intra-block; rows: 4; cols: 1; keep: 1', null, [0, 0, 0, 1, 0, 0, 1, 0]],
  ] as const)('%s', (text, sparsity, wanted) => {
    const description = fields(text)
    expect([...pruneMatrix(matrix, description, sparsity)]).toEqual([...wanted])
    expect(maskComplaint(description, Uint8Array.from(wanted), matrix, defaultHardware)).toBeNull()
  })

  it('a mask that breaks its pattern is named with its place', () => {
    const rows = fields('kind: full-block; rows: 1; cols: 2')
    expect(maskComplaint(rows, Uint8Array.of(1, 1, 1, 0, 1, 1, 1, 1), matrix, defaultHardware)).toMatch(
      /row 1, output 1/,
    )
    const nm = fields('kind: intra-block; rows: 2; cols: 1; keep: 1')
    expect(maskComplaint(nm, Uint8Array.of(1, 0, 0, 1, 1, 0, 1, 1), matrix, defaultHardware)).toMatch(/row 2, output 0/)
  })
})

describe('legality', () => {
  const verdictOf = (description: ReturnType<typeof yaml>, hardware = defaultHardware) =>
    worst(legality(description, hardware))

  it.each([
    ['row-wise', 'legal'],
    ['row-block', 'legal'],
    ['channel-wise', 'legal'],
    ['ou-block', 'legal'],
    ['block', 'conditional'],
    ['2:4', 'conditional'],
    ['hybrid', 'conditional'],
    ['column-wise', 'illegal'],
  ] as const)('%s is %s on an OU of 16 × 8 with β = 4', (name, verdict) => {
    expect(verdictOf(patternOf(name))).toBe(verdict)
  })

  it('depends on the machine', () => {
    expect(verdictOf(patternOf('block'), { ...defaultHardware, ouCols: 4 })).toBe('legal')
    expect(verdictOf(patternOf('column-wise'), { ...defaultHardware, beta: 1 })).toBe('conditional')
    const three = one('kind: full-block', 'rows: 3', 'cols: 8')
    expect(legality(three, defaultHardware).map((f) => f.verdict)).toEqual(['legal', 'conditional'])
    const tall = one('kind: full-block', 'rows: 96', 'cols: 8')
    expect(verdictOf(tall)).toBe('legal')
    expect(verdictOf(tall, { ...defaultHardware, tileRows: 128 })).toBe('conditional')
    expect(() =>
      misfit(patternOf('channel-wise'), shape(18, 8, 9), { ...defaultHardware, rowOrder: 'position-major' }),
    ).toThrow(/needs weights.rowOrder channel-major/)
  })

  it('intra blocks lie along a column, or keep whole rows of whole OU columns', () => {
    expect(verdictOf(one('kind: intra-block', 'rows: 2', 'cols: 2', 'keep: 2'))).toBe('illegal')
    const wide = one(
      'kind: intra-block',
      'rows: 2',
      'cols: 8',
      'keep: 8',
      `masks: ["${'1'.repeat(8)}${'0'.repeat(8)}"]`,
    )
    expect(verdictOf(wide)).toBe('legal')
    expect(verdictOf(wide, { ...defaultHardware, ouCols: 16 })).toBe('conditional')
  })

  it('says when a pattern does not fit a matrix', () => {
    expect(misfit(patternOf('ou-block'), shape(9, 8), defaultHardware)).toMatch(
      /one block of 16 × 8 covers a matrix of 9 × 8/,
    )
    expect(misfit(patternOf('2:4'), shape(3, 8), defaultHardware)).toMatch(/larger than/)
    expect(misfit(patternOf('hybrid'), shape(64, 64), defaultHardware)).toBeNull()
    expect(misfit(patternOf('hybrid'), shape(64, 64), { ...defaultHardware, ouRows: 6 })).toMatch(/do not compose/)
  })
})

describe('a pattern found in the weights', () => {
  const random = seedrandom.alea('found')
  const values = Float32Array.from({ length: 64 * 32 }, () => random() - 0.5)
  const matrix = { rows: 64, cols: 32, channelRows: 4, values }
  const layers = (given: Float32Array) => [
    { name: 'a', matrices: [{ ...matrix, values: given }] },
    { name: 'dense', matrices: [{ rows: 1, cols: 2, channelRows: 1, values: Float32Array.of(1, 2) }] },
  ]

  it.each([
    ['channel-wise', 0.5],
    ['row-wise', 0.5],
    ['column-wise', 0.5],
    ['ou-block', 0.5],
    ['row-block', 0.5],
    ['block', 0.5],
    ['1:4', null],
    ['2:4', null],
  ] as const)('%s is called by its name', (name, sparsity) => {
    const mask = pruneMatrix(matrix, name, sparsity)
    expect(findPattern(layers(masked(values, mask)), defaultHardware)).toMatchObject({ name, share: 1 })
  })

  it('accounts for as many zeros as the criterion found would remove, in matrices that blocks do not fill', () => {
    for (const name of ['ou-block', 'row-block', 'block']) {
      const shaped = { rows: 61, cols: 30, channelRows: 1, values: values.slice(0, 61 * 30) }
      const pruned = masked(shaped.values, pruneMatrix(shaped, name, 0.5))
      for (let extra = 0; extra < 5; extra++) pruned[pruned.findLastIndex((value) => value !== 0)] = 0
      const sparse = { name: 'a', matrices: [{ ...shaped, values: pruned }] }
      const settings = { criterion: 'found', norm: 'l1', scope: 'layer', sparsity: null, seed: '' } as const
      const description = patternOf(name)
      const [[removed]] = pruneLayers([sparse], { ...settings, description, hardware: defaultHardware }) as [
        [Uint8Array],
      ]
      const gone = removed.filter((kept) => kept === 0).length
      const share = gone / pruned.filter((value) => value === 0).length
      expect(share).toBeLessThan(1)
      expect(findPattern([sparse], defaultHardware)).toMatchObject({ name, share })
    }
  })

  it('none in dense weights, nor where zeros lie anywhere', () => {
    expect(findPattern(layers(values), defaultHardware)).toBeNull()
    expect(findPattern(layers(values.map((v) => Math.max(v, 0))), defaultHardware)).toBeNull()
  })
})

describe('overhead', () => {
  it('of full blocks: corners of the kept ones, additions for the sliced columns', () => {
    // 8 × 4 in blocks of 2 × 2: 4 block rows (2 bits), 2 block columns (1 bit). Left column keeps 4 blocks, right one 1.
    const description = one('kind: full-block', 'rows: 2', 'cols: 2')
    const mask = Uint8Array.from({ length: 32 }, (_, i) => (i % 4 < 2 || i < 8 ? 1 : 0))
    // Heights 8 and 2, mean 5: the left one is cut once, its 2 outputs are added once.
    expect(overheadOf(description, mask, shape(8, 4), defaultHardware)).toEqual({
      blockIndexBits: 5 * 3,
      elementIndexBits: 0,
      multiplexers: 0,
      multiplexerWays: 0,
      extraAccumulations: 2,
    })
  })

  it('of 2:4: two bits and a multiplexer of 4 ways a kept weight; nothing is ragged', () => {
    const mask = Uint8Array.from({ length: 8 * 3 }, (_, i) => (Math.floor(i / 3) % 4 < 2 ? 1 : 0))
    expect(overheadOf(patternOf('2:4'), mask, shape(8, 3), defaultHardware)).toEqual({
      blockIndexBits: 0,
      elementIndexBits: 12 * 2,
      multiplexers: 12,
      multiplexerWays: 4,
      extraAccumulations: 0,
    })
  })
})
