import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { SpecError } from '../../../models/base/errors.js'
import type { NetworkInput } from '../../../models/nn/types.js'
import { readInputs } from '../../../traces/inputs/read.js'
import { type NpyData, writeNpy } from '../../../traces/store/npy.js'
import { packZip } from '../../../traces/store/zip.js'

const folder = mkdtempSync(join(tmpdir(), 'cimulator-inputs-'))
afterAll(() => rmSync(folder, { recursive: true }))

type Arrays = Record<string, { shape: number[]; data: NpyData }>
let files = 0

function npy(shape: number[], data: NpyData): string {
  const path = join(folder, `${files++}.npy`)
  writeFileSync(path, writeNpy({ shape, data }))
  return path
}

function npz(arrays: Arrays): string {
  const path = join(folder, `${files++}.npz`)
  writeFileSync(path, packZip(new Map(Object.entries(arrays).map(([name, array]) => [`${name}.npy`, writeNpy(array)]))))
  return path
}

const image: NetworkInput = { name: 'image', dtype: 'float32', shape: ['N', 2, 3] }
const ids: NetworkInput = { name: 'ids', dtype: 'int64', shape: [1, 2] }
const floats = (n: number) => Float32Array.from({ length: n }, (_, i) => i / 2)

async function refused(file: string, inputs: readonly NetworkInput[], message: RegExp, labels: string | null = null) {
  const read = readInputs(file, inputs, null, labels)
  await expect(read).rejects.toThrow(SpecError)
  await expect(read).rejects.toThrow(message)
}

describe('inputs', () => {
  it('an array falls into items; put together again they are the array', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 5 }), fc.option(fc.integer({ min: 1, max: 7 })), async (n, limit) => {
        const { items } = await readInputs(npy([n, 2, 3], floats(6 * n)), [image], limit, null)
        expect(items.length).toBe(Math.min(n, limit ?? n))
        expect(items.flatMap((item) => Array.from(item.get('image')!.data as Float32Array))).toEqual(
          Array.from(floats(6 * items.length)),
        )
        expect(items.every((item) => item.get('image')!.shape.join() === '1,2,3')).toBe(true)
      }),
      { numRuns: 25 },
    )
  })

  it.each<[string, number[], (number | string)[], number, string]>([
    ['without the batch axis', [2, 3], ['N', 2, 3], 1, '1,2,3'],
    ['of a batch of one', [4, 2, 3], [1, 2, 3], 4, '1,2,3'],
    ['of a fixed batch', [5, 2], [5, 2], 1, '5,2'],
    ['several fixed batches', [3, 5, 2], [5, 2], 3, '5,2'],
    ['with a symbolic size inside', [2, 7], ['N', 'T'], 2, '1,7'],
  ])('one %s', async (_, shape, wanted, count, itemShape) => {
    const size = shape.reduce((a, b) => a * b, 1)
    const { items } = await readInputs(npy(shape, floats(size)), [{ ...image, shape: wanted }], null, null)
    expect(items.map((item) => item.get('image')!.shape.join())).toEqual(new Array(count).fill(itemShape))
  })

  it('several inputs come from one archive, by name, with labels', async () => {
    const file = npz({
      image: { shape: [2, 2, 3], data: floats(12) },
      ids: { shape: [2, 2], data: Int32Array.of(5, 6, 7, 8) },
      labels: { shape: [2], data: BigInt64Array.of(3n, 0n) },
    })
    const { items, labels } = await readInputs(file, [image, ids], 1, null)
    expect(items[0]!.get('ids')).toEqual({ dtype: 'int64', shape: [1, 2], data: BigInt64Array.of(5n, 6n) })
    expect(labels).toEqual([[3]])
  })

  it('a network with one input takes the only array under any name', async () => {
    const { items } = await readInputs(npz({ x: { shape: [2, 3], data: floats(6) } }), [image], null, null)
    expect(items[0]!.get('image')!.data).toEqual(floats(6))
  })

  it.each<[string, NpyData, string, NpyData]>([
    ['uint8 → float32', Uint8Array.of(255, 1), 'float32', Float32Array.of(255, 1)],
    ['float64 → float32, exact', Float64Array.of(0.5, -2), 'float32', Float32Array.of(0.5, -2)],
    ['int64 → int32', BigInt64Array.of(-7n, 9n), 'int32', Int32Array.of(-7, 9)],
    ['int64 → float32', BigInt64Array.of(-7n, 9n), 'float32', Float32Array.of(-7, 9)],
    ['int32 → int64', Int32Array.of(-7, 9), 'int64', BigInt64Array.of(-7n, 9n)],
  ])('the types may differ where nothing is lost: %s', async (_, data, dtype, converted) => {
    const { items } = await readInputs(npy([2], data), [{ name: 'x', dtype, shape: [2] }], null, null)
    expect(items[0]!.get('x')!.data).toEqual(converted)
  })

  it.each<[string, NpyData, string, RegExp]>([
    [
      'float64 that is not exact',
      Float64Array.of(0, 0.1),
      'float32',
      /0\.1 at position 1 is not exact in float32.*astype\('float32'\)/,
    ],
    ['a large integer as a float', Int32Array.of(0, 2 ** 24 + 1), 'float32', /16777217 at position 1 is not exact/],
    ['out of range', Int16Array.of(0, 300), 'uint8', /300 at position 1 is not exact in uint8/],
    ['negative', Int8Array.of(0, -1), 'uint8', /-1 at position 1/],
    ['int64 out of range', BigInt64Array.of(0n, 2n ** 40n), 'int32', /1099511627776 at position 1/],
    ['a float for an integer', Float32Array.of(1, 2), 'int64', /expected int64, got float32/],
    ['a type that is not read', Float32Array.of(1, 2), 'float16', /expected float16, got float32/],
    ['NaN', Float32Array.of(0, Number.NaN), 'float32', /item 0: NaN at position 1/],
    ['infinity', Float32Array.of(0, Number.POSITIVE_INFINITY), 'float32', /Infinity at position 1/],
  ])('refused: %s', (_, data, dtype, message) => refused(npy([2], data), [{ name: 'x', dtype, shape: [2] }], message))

  it('refused: shapes, names, counts, with what was expected and what was got', async () => {
    const expected = /input "image": expected float32 \[N, 2, 3\].*, got float32 \[4, 3, 2\]/
    await refused(npy([4, 3, 2], floats(24)), [image], expected)
    await refused(npy([0, 2, 3], floats(0)), [image], /holds no items/)
    await refused(npy([2, 0], floats(0)), [{ ...image, shape: ['N', 'T'] }], /got float32 \[2, 0\]/)
    await refused(npy([2, 3], floats(6)), [image, ids], /one array, but the network has 2 inputs \(image, ids\)/)
    const both = {
      image: { shape: [1, 2, 3], data: floats(6) },
      ids: { shape: [2, 2], data: Int32Array.of(1, 2, 3, 4) },
    }
    await refused(npz(both), [image, ids], /different numbers of items \(image: 1, ids: 2\)/)
    await refused(npz({ image: both.image }), [image, ids], /no array for input "ids"; the file holds: image/)
    await refused(
      npz({ image: both.image, lables: { shape: [1], data: Int32Array.of(1) } }),
      [image],
      /unknown array "lables".*labels/,
    )
  })

  it('labels are one class number an item, or a set of them', async () => {
    const file = npy([2, 2, 3], floats(12))
    const json = (text: string) => {
      const path = join(folder, `${files++}.json`)
      writeFileSync(path, text)
      return path
    }
    expect((await readInputs(file, [image], null, json('[4, 5]'))).labels).toEqual([[4], [5]])
    expect((await readInputs(file, [image], null, json('[[4, 7], []]'))).labels).toEqual([[4, 7], []])
    await refused(file, [image], /1 labels for 2 items/, json('[4]'))
    await refused(file, [image], /entry 1 is "cat"/, json('[4, "cat"]'))
    await refused(file, [image], /entry 0 is -1/, json('[-1, 0]'))
    await refused(file, [image], /entry 0 is 3000000000/, json('[3000000000, 0]'))
    await refused(file, [image], /not JSON/, json('[4'))
    await refused(file, [image], /expected a JSON list/, json('{}'))
    await refused(file, [image], /cannot read the labels \(ENOENT\)/, join(folder, 'no.json'))
    const image2 = { shape: [2, 2, 3], data: floats(12) }
    await refused(
      npz({ image: image2, labels: { shape: [2], data: Float32Array.of(1.5, 2) } }),
      [image],
      /labels: expected a list/,
    )
    await refused(
      npz({ image: image2, labels: { shape: [2, 1, 1], data: Int32Array.of(1, 2) } }),
      [image],
      /got int32 \[2, 1, 1\]/,
    )
  })

  it('empty, missing and foreign files', async () => {
    const path = join(folder, 'file')
    writeFileSync(path, '')
    await refused(path, [image], /file: the file is empty/)
    writeFileSync(path, 'hello, these are no numbers')
    await refused(path, [image], /file: not a \.npy file/)
    writeFileSync(path, 'PK\u0003\u0004 no archive')
    await refused(path, [image], /file: not a readable \.npz archive/)
    await refused(folder, [image], /cannot read the inputs \(EISDIR\)/)
  })
})
