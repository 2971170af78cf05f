// Mapping files: what is written is read, and what was changed, or made for something else, is refused with the differences named.
import { describe, expect, it } from 'vitest'
import { SpecError } from '../../../models/base/errors.js'
import { approaches } from '../../../models/mapping/approaches.js'
import { mapLayer } from '../../../models/mapping/build.js'
import {
  applyMapping,
  encodeMapping,
  type LayerToMap,
  mappingText,
  parseMapping,
} from '../../../models/mapping/file.js'
import { searchParams } from '../../../models/mapping/spec.js'
import { addStorage, storageOf, zeroWeights } from '../../../models/mapping/storage.js'
import { mapSpec } from '../../../sim/chip/parts.js'
import { machine, matrix } from '../../helpers/work.js'

const m = machine({ ou: { rows: 2, cols: 2 }, block: 1, strip: { ous: 2 }, array: { rows: 4, cols: 8 } })
const w = matrix(4, 6, [1, 0, 0, 1, 2, 0, 0, 3, 0, 0, 0, 0, 5, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 7])
const layers: LayerToMap[] = [
  { index: 0, name: 'first', matrices: [w], blocks: [4, 2] },
  { index: 1, name: 'second', matrices: [matrix(1, 1, [1])], blocks: [1] },
]
const perms = new Map([
  [0, [Int32Array.of(0, 3, 1, 2), Int32Array.of(1, 0)]],
  [1, [Int32Array.of(0)]],
])
const about = { network: 'net.onnx', remapper: 'auto', search: searchParams.parse({}) }
const file = encodeMapping(about, m, layers, perms)

describe('mapping file', () => {
  it('is read as it was written', () => {
    const read = parseMapping(mappingText(file), 'm.json')
    expect(read).toEqual(file)
    expect(applyMapping(read, 'm.json', m, layers)).toEqual(perms)
  })

  it('the hash is that of the content: weights, machine and permutations, not of the file name of the network', () => {
    expect(encodeMapping({ ...about, network: 'other.onnx' }, m, layers, perms).sha256).toBe(file.sha256)
    const swapped = new Map([...perms, [1, [Int32Array.of(0)]], [0, [Int32Array.of(3, 0, 1, 2), Int32Array.of(1, 0)]]])
    expect(encodeMapping(about, m, layers, swapped).sha256).not.toBe(file.sha256)
    expect(encodeMapping(about, { ...m, block: 2 }, layers, perms).sha256).not.toBe(file.sha256)
  })

  it.each([
    ['no JSON', 'nonsense', /m\.json: no JSON/],
    ['another file', '{"format":"something"}', /m\.json: no mapping of cimulator: format/],
    ['a permutation changed by hand', mappingText(file).replace('[0,3,1,2]', '[0,3,2,1]'), /does not fit its sha256/],
    ['cut', mappingText(file).slice(0, -40), /no JSON/],
    ['a field too many', mappingText(file).replace('"format"', '"more":1,"format"'), /Unrecognized key/],
  ])('%s is refused', (_, text, message) => {
    expect(() => parseMapping(text, 'm.json')).toThrow(SpecError)
    expect(() => parseMapping(text, 'm.json')).toThrow(message)
  })

  it('what is no permutation is refused even with a right hash', () => {
    const twice = encodeMapping(
      about,
      m,
      layers,
      new Map([...perms, [0, [Int32Array.of(0, 0, 1, 2), Int32Array.of(1, 0)]]]),
    )
    expect(() => parseMapping(mappingText(twice), 'm.json')).toThrow(/layer first, strip 0: not a permutation/)
  })

  it('another machine: every field that differs is named with both values', () => {
    const other = machine({ ou: { rows: 4, cols: 2 }, block: 2, strip: { ous: 2 }, array: { rows: 4, cols: 8 } })
    expect(() => applyMapping(file, 'm.json', other, layers)).toThrow(
      /ou\.rows is 4, in the file 2; block is 2, in the file 1\. Run remap again/,
    )
    const arrays = machine({ ou: { rows: 2, cols: 2 }, block: 1, strip: { ous: 2 }, array: { rows: 64, cols: 64 } })
    expect(applyMapping(file, 'm.json', arrays, layers)).toEqual(perms)
  })

  it('another network: names, weights and numbers of layers', () => {
    const changed = matrix(
      4,
      6,
      Array.from(w.e, (e, i) => (i === 3 ? e + 1 : e)),
    )
    const [first, second] = [layers[0]!, layers[1]!]
    expect(() => applyMapping(file, 'm.json', m, [{ ...first, matrices: [changed] }, second])).toThrow(
      /weights of layer first differ/,
    )
    expect(() => applyMapping(file, 'm.json', m, [{ ...first, name: 'stem' }, second])).toThrow(
      /layer 0 is stem, in the file first/,
    )
    expect(() => applyMapping(file, 'm.json', m, [first])).toThrow(/1 layers, in the file 2/)
    const many = Array.from({ length: 20 }, (_, index) => ({ ...second, index, name: `l${index}` }))
    const none = encodeMapping(about, m, [], new Map())
    const long = encodeMapping(about, m, many, new Map(many.map(({ index }) => [index, [Int32Array.of(0)]])))
    expect(() => applyMapping(none, 'm.json', m, layers)).toThrow(/2 layers, in the file 0/)
    expect(() =>
      applyMapping(
        long,
        'm.json',
        m,
        many.map((layer) => ({ ...layer, name: 'x' })),
      ),
    ).toThrow(/… and 12 more/)
  })
})

describe('storage', () => {
  const spec = { ...mapSpec(m, 'machine'), order: 'ou-bit' } as const

  it('by hand: 4 × 6 weights on OUs of 2 × 2, strips of two OU columns', () => {
    // kept rows: outputs 0 1: rows 0, 1, 2; outputs 2 3: rows 0, 2; outputs 4 5: rows 0, 3
    const flat = mapLayer([w], { ...spec, options: { ...spec.options, planarise: false } })
    expect(storageOf(flat)).toEqual({
      ous: 4,
      windows: 3,
      places: 5,
      padding: 1,
      arrayGroups: 1,
      listBits: 7 * 2,
      settingBits: 3 * 6,
      cacheBits: 8 * (3 + 1 + 2),
      togglesPerPass: 0,
      deletedWeights: (1 + 2) * 2 + 2 * 2,
    })
    expect(zeroWeights([w])).toBe(17)
    const twice = addStorage(storageOf(flat), storageOf(flat))
    expect([twice.ous, twice.cacheBits]).toEqual([8, 96])
  })

  it('approaches by hand: crossbars of 2 × 1 OU column, and blocks compressed each on its own', () => {
    // OU columns 0 1 | 2 3 | 4 5, rows 0 1 | 2 3: no crossbar is all zero in 0 1, none in 2 3, none in 4 5
    // alone: block 0 keeps rows 0 2, block 1 row 1: one OU; block 3 rows 0 2: one; blocks 4 and 5 one row each: one
    const found = approaches([w], spec, 'x')
    expect(found.crossbars).toEqual({ ous: 6, indexBits: 6 })
    expect(found.distributed).toEqual({ ous: 3, indexBits: (2 + 1 + 0 + 2 + 1 + 1) * 2 })
    // clustered: outputs 1 and 2 together leave rows 2 3 free; outputs 0 and 3 are alike
    expect(found.clustered).toEqual({ ous: 5, indexBits: 6 })
  })
})
