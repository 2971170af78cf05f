import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encode } from 'fast-png'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SpecError } from '../../../models/base/errors.js'
import type { NetworkInput } from '../../../models/nn/types.js'
import { openDescribed } from '../../../traces/inputs/described.js'
import { openInputs } from '../../../traces/inputs/open.js'
import { writeNpy } from '../../../traces/store/npy.js'
import { packZip } from '../../../traces/store/zip.js'

const folder = mkdtempSync(join(tmpdir(), 'cimulator-described-'))
const outside = mkdtempSync(join(tmpdir(), 'cimulator-outside-'))
afterAll(() => {
  for (const path of [folder, outside]) rmSync(path, { recursive: true })
})

// Two images of 2 × 3 pixels: red counts up, green is 100 more, blue 200 more (modulo 256).
const pixels = Uint8Array.from({ length: 2 * 2 * 3 * 3 }, (_, i) => Math.floor(i / 3) + 100 * (i % 3))
const red = [0, 1, 2, 3, 4, 5]

beforeAll(() => {
  mkdirSync(join(folder, 'set'))
  writeFileSync(join(folder, 'set', 'images.u8'), pixels)
  writeFileSync(join(folder, 'set', 'images.npy'), writeNpy({ shape: [2, 2, 3, 3], data: pixels }))
  writeFileSync(
    join(folder, 'set', 'two.npz'),
    packZip(
      new Map([
        ['a.npy', writeNpy({ shape: [2, 4], data: Float32Array.from({ length: 8 }, (_, i) => i / 4) })],
        ['b.npy', writeNpy({ shape: [2, 2], data: Int32Array.of(7, 8, 9, 10) })],
        ['classes.npy', writeNpy({ shape: [2, 2], data: Int32Array.of(1, 2, 3, 3) })],
      ]),
    ),
  )
  for (const [i, name] of ['b.png', 'a.png'].entries())
    writeFileSync(
      join(folder, 'set', name),
      encode({ width: 3, height: 2, channels: 3, data: pixels.subarray(18 * (1 - i), 18 * (2 - i)) }),
    )
  const labels = {
    items: [
      { file: 'b.png', id: 3 },
      { file: 'a.png', id: [4, 5] },
    ],
    names: ['zero', 'one'],
  }
  writeFileSync(join(folder, 'set', 'labels.json'), JSON.stringify(labels))
  writeFileSync(join(outside, 'secret.u8'), pixels)
  symlinkSync(join(outside, 'secret.u8'), join(folder, 'set', 'link.u8'))
  symlinkSync(outside, join(folder, 'linked'))
})

let files = 0
function write(text: string): string {
  const file = join(folder, `${files++}.yaml`)
  writeFileSync(file, text)
  return file
}

const rgb: NetworkInput = { name: 'x', dtype: 'float32', shape: ['N', 3, 2, 3] }
const open = (text: string, wanted: readonly NetworkInput[] | null = [rgb], data: string | null = null) =>
  openDescribed(write(text), wanted, { limit: null, data })

async function values(text: string, index = 0, wanted: readonly NetworkInput[] | null = [rgb]): Promise<number[]> {
  const inputs = open(text, wanted)
  const item = await inputs.item(index)
  inputs.close()
  return Array.from([...item.values()][0]!.data as Float32Array)
}

const raw = (more = '', path = 'set/images.u8') =>
  `inputs:\n  x:\n    file: ${path}\n    dtype: uint8\n    shape: [N, 2, 3, 3]\n    layout: NHWC\n${more}`

describe('described inputs', () => {
  it('rows, columns, channels become channels, rows, columns', async () => {
    expect(await values(raw())).toEqual([...red, ...red.map((v) => v + 100), ...red.map((v) => v + 200)])
    expect((await values(raw(), 1)).slice(0, 6)).toEqual(red.map((v) => v + 6))
  })

  it.each<[string, string, number[]]>([
    ['the order of the channels', '    network: { channels: BGR }\n', [200, 201, 202]],
    ['what the file has: BGR read as it is', '    channels: BGR\n', [0, 1, 2]],
    ['BGR in the file, RGB for the network', '    channels: BGR\n    network: { channels: RGB }\n', [200, 201, 202]],
    [
      'divide, then mean, std and scale by channel',
      '    divide: 2\n    mean: [1, 2, 3]\n    std: [2, 1, 1]\n    scale: 4\n',
      [-2, -1, 0],
    ],
  ])('%s', async (_, more, expected) => {
    expect((await values(raw(more))).slice(0, 3)).toEqual(expected)
  })

  it('grey is the luma of red, green and blue', async () => {
    const grey: NetworkInput = { ...rgb, shape: [1, 1, 2, 3] }
    const found = await values(raw('    network: { channels: grey }\n'), 0, [grey])
    expect(found[0]).toBeCloseTo(0.299 * 0 + 0.587 * 100 + 0.114 * 200, 4)
    expect(found[1]).toBeCloseTo(found[0]! + 1, 4)
  })

  it('a crop is taken from the middle unless it says where', async () => {
    const small: NetworkInput = { ...rgb, shape: [1, 3, 1, 1] }
    expect((await values(raw('    crop: { height: 1, width: 1 }\n'), 0, [small]))[0]).toBe(1)
    expect((await values(raw('    crop: { height: 1, width: 1, top: 1, left: 2 }\n'), 0, [small]))[0]).toBe(5)
  })

  it('the axes of the network may stay as they are', async () => {
    const last: NetworkInput = { ...rgb, shape: [1, 2, 3, 3] }
    expect(await values(raw('    network: { layout: NHWC }\n'), 0, [last])).toEqual(Array.from(pixels.subarray(0, 18)))
  })

  it('.npy, .png by pattern, list and names: the same items', async () => {
    const expected = await values(raw())
    expect(await values('inputs: { x: { file: set/images.npy, layout: NHWC } }')).toEqual(expected)
    expect(await values('inputs: { x: { file: "set/*.png" } }')).toEqual(expected)
    expect(await values('inputs: { x: { files: [set/b.png, set/a.png] } }', 1)).toEqual(expected)
    expect(await values('inputs: { x: { list: { file: set/labels.json, path: "items[].file" } } }', 1)).toEqual(
      expected,
    )
  })

  it('several inputs, by name, as arrays; whole numbers may become numbers with a fraction', async () => {
    const wanted: NetworkInput[] = [
      { name: 'b', dtype: 'int64', shape: ['N', 2] },
      { name: 'a', dtype: 'float32', shape: ['N', 4] },
    ]
    const inputs = open('inputs: { a: { file: set/two.npz, scale: 2 }, b: { file: set/two.npz } }', wanted)
    const item = await inputs.item(1)
    expect(item.get('a')).toEqual({ dtype: 'float32', shape: [1, 4], data: Float32Array.of(2, 2.5, 3, 3.5) })
    expect(item.get('b')).toEqual({ dtype: 'int64', shape: [1, 2], data: BigInt64Array.of(9n, 10n) })
    inputs.close()
  })

  it('labels: an id or a set of ids, with an offset', async () => {
    const labels = (text: string) => {
      const inputs = open(`${raw()}labels: ${text}\n`)
      return [inputs.labels(0), inputs.labels(1)]
    }
    expect(labels('{ file: set/labels.json, path: "items[].id" }')).toEqual([[3], [4, 5]])
    expect(labels('{ file: set/labels.json, path: "items[].id", offset: 1 }')).toEqual([[4], [5, 6]])
    expect(labels('{ ids: [1, [2, 3]], offset: -1 }')).toEqual([[0], [1, 2]])
    expect(labels('{ file: set/two.npz, array: classes }')).toEqual([
      [1, 2],
      [3, 3],
    ])
  })

  it('first, and a limit from outside', () => {
    // `first` says what the inputs are, a limit leaves some of them out
    expect(open(`first: 1\n${raw()}`)).toMatchObject({ count: 1, total: 1 })
    expect(open(raw())).toMatchObject({ count: 2, total: 2 })
    expect(openDescribed(write(raw()), [rgb], { limit: 1, data: null })).toMatchObject({ count: 1, total: 2 })
  })

  it('without a network: float32, shapes as they are', async () => {
    const inputs = open('inputs: { a: { file: set/two.npz }, x: { file: set/images.npy, layout: NHWC } }', null)
    const item = await inputs.item(0)
    expect([...item].map(([name, array]) => [name, array.dtype, array.shape.join()])).toEqual([
      ['a', 'float32', '1,4'],
      ['x', 'float32', '1,3,2,3'],
    ])
  })
})

describe('refused, with position', () => {
  it.each<[string, string, RegExp]>([
    ['a misspelt field', raw('    chanels: BGR\n'), /:7:5 inputs\.x\.chanels: unknown field\. Did you mean "channels"/],
    [
      'a misspelt choice',
      raw('    network: { channels: BGRR }\n'),
      /:7:26 inputs\.x\.network\.channels: .*"BGRR".*Did you mean "BGR"/,
    ],
    [
      'a number out of range',
      raw('    crop: { height: 0, width: 2 }\n'),
      /:7:21 .*crop\.height: expected a whole number 1 … 65536 \(pixel\), got 0/,
    ],
    ['no inputs', 'inputs: {}\n', /inputs: names no input/],
    ['no file', 'inputs: { x: { dtype: uint8 } }\n', /give one of file, files and list, got none/],
    ['two places', 'inputs: { x: { file: a.png, files: [b.png] } }\n', /:1:36 .*got file, files/],
    ['a raw file without a type', 'inputs: { x: { file: set/images.u8, shape: [2] } }\n', /a raw file needs dtype/],
    [
      'a shape that the file has itself',
      'inputs: { x: { file: set/images.npy, shape: [2] } }\n',
      /:1:45 .*only a raw file needs it/,
    ],
    ['N inside', raw().replace('[N, 2', '[2, N'), /:5:16 .*N may only be the first/],
    [
      'images without a layout',
      raw().replace('    layout: NHWC\n', '    network: { channels: BGR }\n'),
      /:6:14 .*needs a layout/,
    ],
    ['mean by channel without a layout', 'inputs: { x: { file: set/two.npz, mean: [1, 2] } }', /needs a layout/],
    ['resize both ways', raw('    resize: { shorter: 4, height: 3 }\n'), /:7:13 .*either shorter, or height and width/],
    ['a std of 0', raw('    std: [1, 0, 1]\n'), /:7:10 .*divided by 0/],
    ['mean of two channels', raw('    mean: [1, 2]\n'), /mean has 2 entries for 3 channels/],
    [
      'a crop that does not fit',
      raw('    crop: { height: 9, width: 2 }\n'),
      /a crop of 2 × 9 at .* does not fit into 3 × 2/,
    ],
    [
      'another shape than the network wants',
      raw('    crop: { height: 1, width: 1 }\n'),
      /becomes \[1, 3, 1, 1\], the network wants float32 \[N, 3, 2, 3\]/,
    ],
    [
      'a size that is not that of the file',
      raw().replace('2, 3, 3', '2, 3, 7'),
      /holds 36 bytes, no multiple of the 42 of one item/,
    ],
    [
      'a fixed shape that is not that of the file',
      raw().replace('[N, 2, 3, 3]', '[3, 2, 3, 3]'),
      /needs 54 bytes, the file holds 36/,
    ],
    ['a file that is not there', raw('', 'set/imagse.u8'), /:3:11 inputs\.x\.file: "set\/imagse\.u8" does not exist/],
    ['an absolute path', raw('', '/etc/passwd'), /:3:11 .*is no relative path; expected a path inside/],
    ['a path upwards', raw('', '../x/secret.u8'), /:3:11 .*leaves the folder/],
    ['a link to the outside', raw('', 'set/link.u8'), /:3:11 .*leaves the folder through a link/],
    [
      'a root that is a link to the outside',
      `root: linked\n${raw('', 'secret.u8')}`,
      /:1:7 root: "linked" leaves the folder through a link/,
    ],
    ['an absolute root', `root: ${outside}\n${raw('', 'secret.u8')}`, /:1:7 root: .*is no relative path/],
    ['a variable of somebody else', `root: \${HOME}\n${raw()}`, /only \$\{CIMULATOR_NAME\} at the beginning/],
    [
      'a variable that is not set',
      `root: \${CIMULATOR_NOT_SET}\n${raw()}`,
      /CIMULATOR_NOT_SET is not set; set it, or give the folder with --data/,
    ],
    ['a pattern that fits nothing', 'inputs: { x: { file: "set/*.jpg" } }', /no file in .* fits "\*\.jpg"/],
    ['labels of another number', `${raw()}labels: { ids: [1] }\n`, /:7:9 labels: 1 labels for 2 items/],
    [
      'a label path that is not there',
      `${raw()}labels: { file: set/labels.json, path: "items[].label" }\n`,
      /labels\.path\.items\[0\]: has no "label"; it has: file, id/,
    ],
    ['a negative output', `${raw()}labels: { ids: [0, 1], offset: -1 }\n`, /class 0 of item 0 becomes output -1/],
  ])('%s', async (_, text, message) => {
    const read = async () => open(text).item(0)
    await expect(read()).rejects.toThrow(SpecError)
    await expect(read()).rejects.toThrow(message)
  })

  it('names that the network does not have', () => {
    const wanted = [rgb, { ...rgb, name: 'mask' }]
    const text = 'inputs: { x: { file: set/images.npy, layout: NHWC }, masc: { file: set/images.npy, layout: NHWC } }'
    expect(() => open(text, wanted)).toThrow(
      /:1:54 inputs\.masc: unknown input of the network "masc"\. Did you mean "mask"/,
    )
    expect(() => open('inputs: { x: { file: set/images.npy, layout: NHWC } }', wanted)).toThrow(
      /also has the input "mask"/,
    )
  })

  it('options that belong to the other form', () => {
    const options = { limit: null, data: null, labels: null }
    expect(() => openInputs(join(folder, 'set', 'two.npz'), [rgb], { ...options, data: folder })).toThrow(
      /--data .*only a description/,
    )
    expect(() => openInputs(write(raw()), [rgb], { ...options, labels: 'l.json' })).toThrow(
      /--labels l\.json: .* is a description/,
    )
  })
})

describe('the folder', () => {
  it('given on the command line is taken as it is, the rest stays inside it', () => {
    const text = raw('', 'secret.u8')
    expect(open(text, [rgb], outside).count).toBe(2)
    expect(() => open(raw('', '../secret.u8'), [rgb], outside)).toThrow(/leaves the folder/)
    expect(() => open(text, [rgb], join(outside, 'none'))).toThrow(/--data: there is no folder/)
  })

  it('may be an environment variable of our own', () => {
    process.env['CIMULATOR_TEST_FOLDER'] = folder
    try {
      expect(open(`root: \${CIMULATOR_TEST_FOLDER}/set\n${raw('', 'images.u8')}`).count).toBe(2)
      expect(() => open(`root: \${CIMULATOR_TEST_FOLDER}/../x\n${raw()}`)).toThrow(/leaves the folder/)
    } finally {
      delete process.env['CIMULATOR_TEST_FOLDER']
    }
  })
})
