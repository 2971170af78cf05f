import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { unzipSync } from 'fflate'
import { afterAll, describe, expect, it } from 'vitest'
import { Interrupted, SpecError } from '../../../models/base/errors.js'
import type { CodedTensor } from '../../../models/nn/types.js'
import type { RecordedItem, TraceSource } from '../../../traces/record/trace.js'
import { readNpy, writeNpy } from '../../../traces/store/npy.js'
import { openTrace, openTraceBytes, packTrace, readTrace, writeTraceFile } from '../../../traces/store/trace-file.js'
import { packZip } from '../../../traces/store/zip.js'
import { allItems, sourceOf, type TestTensor } from '../../helpers/trace.js'

const folder = mkdtempSync(join(tmpdir(), 'cimulator-trace-'))
afterAll(() => rmSync(folder, { recursive: true }))
let files = 0
const place = (extension: string) => join(folder, `${files++}${extension}`)

type Kind = { make: (v: number[]) => CodedTensor['codes']; low: number; high: number; zero: number }
const kinds: Record<CodedTensor['form'], Kind> = {
  unsigned: { make: (v: number[]) => Uint8Array.from(v), low: 0, high: 255, zero: 131 },
  'twos-complement': { make: (v: number[]) => Int8Array.from(v), low: -128, high: 127, zero: -5 },
  split: { make: (v: number[]) => Int16Array.from(v), low: -255, high: 255, zero: 0 },
}

const tensorArbitrary = (items: number): fc.Arbitrary<TestTensor> =>
  fc
    .record({
      name: fc.string({ maxLength: 9 }).filter((name) => name !== '__metadata__' && name !== '__proto__'),
      form: fc.constantFrom(...(Object.keys(kinds) as CodedTensor['form'][])),
      shape: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 }),
      scale: fc.double({ min: 1e-9, max: 1e9, noNaN: true }),
    })
    .chain(({ name, form, shape, scale }) => {
      const { make, low, high, zero } = kinds[form]
      const count = shape.reduce((a, b) => a * b, items)
      const codes = fc.array(fc.integer({ min: low, max: high }), { minLength: count, maxLength: count }).map(make)
      return codes.map((list) => ({ name, form, shape, codes: list, scale, zeroPoint: zero }))
    })

const sourceArbitrary = fc.integer({ min: 1, max: 4 }).chain((items) =>
  fc
    .record({
      tensors: fc.uniqueArray(tensorArbitrary(items), { maxLength: 4, selector: (tensor) => tensor.name }),
      predictions: fc.array(fc.nat(2 ** 31 - 1), { minLength: items, maxLength: items }),
      labels: fc.array(fc.option(fc.array(fc.nat(999), { maxLength: 3 })), { minLength: items, maxLength: items }),
    })
    .map(({ tensors, predictions, labels }) => sourceOf(items, tensors, { predictions, labels })),
)

const small = sourceOf(
  2,
  [
    {
      name: 'x',
      form: 'unsigned',
      shape: [1, 3],
      codes: Uint8Array.of(1, 2, 3, 4, 5, 6),
      scale: 0.5,
      zeroPoint: 7,
    },
  ],
  { predictions: [1, 0] },
)

const extensions = ['.npz', '.safetensors'] as const

describe.each(extensions)('trace files %s', (extension) => {
  it('give back the same items, the same hash, the same bytes', async () => {
    await fc.assert(
      fc.asyncProperty(sourceArbitrary, async (source) => {
        const [file, again] = [place(extension), place(extension)]
        const written = await writeTraceFile(file, source, { force: false })
        const back = await openTrace(file)
        expect(back.head).toEqual(source.head)
        expect(await allItems(back)).toEqual(await allItems(source))
        expect(back.sha256()).toBe(source.sha256())
        expect(written).toEqual({ sha256: source.sha256(), bytes: readFileSync(file).length })
        await writeTraceFile(again, back, { force: false })
        await back.close()
        expect(readFileSync(again).equals(readFileSync(file))).toBe(true)
      }),
      { numRuns: 30 },
    )
  })

  it('give items in any order', async () => {
    const file = place(extension)
    await writeTraceFile(file, small, { force: false })
    const back = await openTrace(file)
    for (const index of [1, 0, 1]) expect(await back.readItem(index)).toEqual(await small.readItem(index))
    await back.close()
  })

  it('give the codes of one tensor for a run of items', async () => {
    await fc.assert(
      fc.asyncProperty(sourceArbitrary, fc.nat(), fc.nat(), async (source, from, length) => {
        const file = place(extension)
        await writeTraceFile(file, source, { force: false })
        const items = await allItems(source)
        const first = from % items.length
        const count = 1 + (length % (items.length - first))
        const packed = extension === '.npz' ? [openTraceBytes(await packTrace(source), 'packed')] : []
        for (const back of [await openTrace(file), ...packed]) {
          for (const name of source.head.tensors.keys())
            expect(
              back.readTensor(name, [first, count], (bytes) => new Uint8Array(bytes + 3).subarray(0, bytes)),
            ).toEqual(items.slice(first, first + count).map(({ tensors }) => tensors.get(name)))
          expect(back.readTensor('no such tensor', [first, count], (bytes) => new Uint8Array(bytes))).toBeUndefined()
          for (const { index } of items) expect(() => back.checkItem(index)).not.toThrow()
          await back.close()
        }
      }),
      { numRuns: 30 },
    )
  })

  it('of codes out of range say where', async () => {
    const codes = Int16Array.of(1, -255, 255, 2, 300, 4)
    const wrong = sourceOf(2, [{ name: 'x', form: 'split', shape: [3], codes, scale: 1, zeroPoint: 0 }])
    const file = place(extension)
    await writeTraceFile(file, wrong, { force: false })
    const back = await openTrace(file)
    const memory = (bytes: number) => new Uint8Array(bytes)
    expect(() => back.readTensor('x', [0, 2], memory)).toThrow(/item 1: code 300 at 1; expected -255 … 255/)
    expect(() => back.checkItem(1)).toThrow(/item 1: code 300 at 1/)
    await expect(back.readItem(1)).rejects.toThrow(/item 1: code 300 at 1/)
    await back.close()
  })

  it('cut or changed anywhere: refused, or the same', async () => {
    const file = place(extension)
    await writeTraceFile(file, small, { force: false })
    const bytes = readFileSync(file)
    const read = async (content: Uint8Array) => {
      try {
        const trace = openTraceBytes(content, 'f')
        const check = async () => {
          for (const i of trace.items.keys()) trace.checkItem(i)
        }
        const [items, checked] = await Promise.allSettled([allItems(trace), check()])
        expect(checked.status).toBe(items.status)
        if (items.status === 'rejected') throw items.reason
        return { items: items.value, sha256: trace.sha256() }
      } catch (cause) {
        return cause
      }
    }
    for (let length = 0; length < bytes.length; length += 7)
      expect(await read(bytes.subarray(0, length))).toBeInstanceOf(SpecError)
    for (let at = 0; at < bytes.length; at++) {
      const copy = Uint8Array.from(bytes)
      copy[at]! ^= 1
      const result = await read(copy)
      if (!(result instanceof SpecError)) {
        // What is left is trace.json with another name, number or hash in it, and then the trace has another hash.
        const { items, sha256 } = result as { items: RecordedItem[]; sha256: string }
        if (sha256 === small.sha256()) expect(items).toEqual(await allItems(small))
        else expect(items.map((item) => item.tensors.get('x')?.codes ?? null)).not.toContain(undefined)
      }
    }
  })

  it('are written whole, and only over an old one by force', async () => {
    const file = join(folder, `deep${extension}`, 'er', `trace${extension}`)
    await writeTraceFile(file, small, { force: false })
    expect(readdirSync(join(folder, `deep${extension}`, 'er'))).toEqual([`trace${extension}`])
    await expect(writeTraceFile(file, small, { force: false })).rejects.toThrow(/exists; .*--force/)
    const broken: TraceSource = {
      ...small,
      readItem: async (index) => {
        if (index === 1) throw new SpecError('item 1 is bad')
        return small.readItem(index)
      },
    }
    const before = readFileSync(file)
    await expect(writeTraceFile(file, broken, { force: true })).rejects.toThrow('item 1 is bad')
    const abort = new AbortController()
    abort.abort()
    await expect(writeTraceFile(file, small, { force: true, signal: abort.signal })).rejects.toThrow(Interrupted)
    expect(readFileSync(file).equals(before)).toBe(true)
    expect(readdirSync(join(folder, `deep${extension}`, 'er'))).toEqual([`trace${extension}`])
  })

  it('never hold more than one item', async () => {
    const length = 50_000
    const items = 200
    let asked = -1
    const codes = new Uint8Array(length)
    const one = sourceOf(1, [{ name: 'x', form: 'unsigned', shape: [length], codes, scale: 1, zeroPoint: 0 }])
    const first = await one.readItem(0)
    const source: TraceSource = {
      ...one,
      head: { ...one.head, items },
      labels: () => null,
      async readItem(index) {
        expect(index === asked || index === asked + 1).toBe(true)
        asked = index
        return { ...first, index }
      },
    }
    const file = place(extension)
    const before = process.memoryUsage().arrayBuffers
    const { bytes } = await writeTraceFile(file, source, { force: false })
    expect(bytes).toBeGreaterThan(length * items)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(5_000_000)
    rmSync(file)
  })
})

describe('trace files', () => {
  it('.npz: another reader finds arrays of all items and the text that is hashed', async () => {
    const file = place('.npz')
    await writeTraceFile(file, small, { force: false })
    for (const bytes of [readFileSync(file), await packTrace(small)]) {
      const entries = unzipSync(bytes)
      expect(Object.keys(entries)).toEqual(['tensor-000.npy', 'trace.json'])
      const array = readNpy(entries['tensor-000.npy']!, 'x')
      expect(array).toEqual({ dtype: 'uint8', shape: [2, 1, 3], data: Uint8Array.of(1, 2, 3, 4, 5, 6) })
      expect(createHash('sha256').update(entries['trace.json']!).digest('hex')).toBe(small.sha256())
    }
  })

  it('.safetensors: offsets, types and alignment are those of the format', async () => {
    const wide = sourceOf(1, [
      { name: 'a', form: 'unsigned', shape: [3], codes: Uint8Array.of(9, 8, 7), scale: 1, zeroPoint: 0 },
      { name: 'b', form: 'split', shape: [2], codes: Int16Array.of(-255, 255), scale: 1, zeroPoint: 0 },
    ])
    const file = place('.safetensors')
    await writeTraceFile(file, wide, { force: false })
    const bytes = readFileSync(file)
    const start = 8 + Number(bytes.readBigUInt64LE(0))
    expect(start % 8).toBe(0)
    const header = JSON.parse(bytes.toString('utf8', 8, start)) as Record<string, object>
    expect(header['b']).toEqual({ dtype: 'I16', shape: [1, 2], data_offsets: [0, 4] })
    expect(header['a']).toEqual({ dtype: 'U8', shape: [1, 3], data_offsets: [4, 7] })
    expect([...bytes.subarray(start)]).toEqual([0x01, 0xff, 0xff, 0x00, 9, 8, 7])
  })

  it('packed or not, and in either format, the trace has one hash', async () => {
    const [a, b] = [place('.npz'), place('.npz')]
    await writeTraceFile(a, small, { force: false, pack: true })
    await writeTraceFile(b, await openTrace(a), { force: false })
    expect((await openTrace(a)).sha256()).toBe(small.sha256())
    expect((await openTrace(b)).sha256()).toBe(small.sha256())
    const other = sourceOf(2, [], { predictions: [1, 1] })
    expect(other.sha256()).not.toBe(small.sha256())
  })

  it('all items at once', async () => {
    const file = place('.npz')
    const labelled = sourceOf(
      2,
      [{ name: 'x', form: 'split', shape: [1], codes: Int16Array.of(-9, 200), scale: 1, zeroPoint: 0 }],
      { labels: [[3, 4], [5]], predictions: [3, 1] },
    )
    await writeTraceFile(file, labelled, { force: false })
    const { trace, labels, sha256 } = await readTrace(file)
    expect(trace.tensors.get('x')!.codes).toEqual(Int16Array.of(-9, 200))
    expect([...trace.predictions]).toEqual([3, 1])
    expect(labels).toEqual([[3, 4], [5]])
    expect(sha256).toBe(labelled.sha256())
  })

  it('a name or a place that cannot be', async () => {
    await expect(openTrace(join(folder, 'none.npz'))).rejects.toThrow(/none\.npz: cannot read the trace \(ENOENT\)/)
    await expect(writeTraceFile(join(folder, 'x.npy'), small, { force: false })).rejects.toThrow(
      /x\.npy: unknown trace format "\.npy".*\.npz/,
    )
    writeFileSync(join(folder, 'file'), '')
    await expect(writeTraceFile(join(folder, 'file', 'x.npz'), small, { force: false })).rejects.toThrow(SpecError)
    expect(existsSync(join(folder, 'file', 'x.npz'))).toBe(false)
    const odd = sourceOf(1, [
      { name: '__metadata__', form: 'unsigned', shape: [1], codes: Uint8Array.of(1), scale: 1, zeroPoint: 0 },
    ])
    await expect(writeTraceFile(place('.safetensors'), odd, { force: false })).rejects.toThrow(/write \.npz/)
  })
})

/** The small trace, packed, with another trace.json, and with other or more entries. */
async function forged(change: (head: Head) => void, entries: Record<string, Uint8Array> = {}): Promise<Uint8Array> {
  const unpacked = unzipSync(await packTrace(small))
  const head = JSON.parse(new TextDecoder().decode(unpacked['trace.json'])) as Head
  change(head)
  const text = new TextEncoder().encode(JSON.stringify(head))
  return packZip(new Map(Object.entries({ ...unpacked, 'trace.json': text, ...entries })))
}
type Head = Record<string, unknown> & { tensors: Record<string, unknown>[]; items: Record<string, unknown>[] }

describe('refused', () => {
  it.each<[string, () => Uint8Array | Promise<Uint8Array>, RegExp]>([
    ['not JSON', () => packZip(new Map([['trace.json', Uint8Array.of(1, 2)]])), /trace\.json is not JSON/],
    ['no trace.json', () => packZip(new Map([['a.npy', new Uint8Array(3)]])), /holds no trace\.json/],
    ['other version', () => forged((h) => (h['schema_version'] = 3)), /trace\.json: schema_version/],
    ['unknown key', () => forged((h) => (h['more'] = 1)), /trace\.json/],
    ['no items', () => forged((h) => (h.items = [])), /trace\.json: items/],
    ['other count', () => forged((h) => h.items.push(h.items[0]!)), /shape \[2,1,3\]; trace\.json says \[3,1,3\]/],
    ['no scale', () => forged((h) => (h.tensors[0]!['scale'] = 0)), /tensors\.0\.scale/],
    ['scale null (infinite)', () => forged((h) => (h.tensors[0]!['scale'] = null)), /tensors\.0\.scale/],
    [
      'other form',
      () => forged((h) => Object.assign(h.tensors[0]!, { form: 'split', zero_point: 0 })),
      /tensor-000\.npy: element type uint8 does not fit: trace\.json wants int16/,
    ],
    ['zero point', () => forged((h) => (h.tensors[0]!['zero_point'] = -3)), /zero_point: -3 does not fit/],
    ['huge shape', () => forged((h) => (h.tensors[0]!['shape'] = [2 ** 31, 2 ** 31])), /too large/],
    ['path', () => forged((h) => (h.tensors[0]!['key'] = '../../etc/passwd')), /tensors\.0\.key/],
    ['missing entry', () => forged((h) => (h.tensors[0]!['key'] = 'tensor-009')), /tensor-000\.npy: not named|missing/],
    ['entry left over', () => forged(() => {}, { 'tensor-001.npy': new Uint8Array(1) }), /tensor-001\.npy: not named/],
    ['twice', () => forged((h) => h.tensors.push(h.tensors[0]!)), /tensor name "x" is there twice/],
    [
      'entry too large',
      () => forged(() => {}, { 'tensor-000.npy': writeNpy({ shape: [3, 1, 3], data: new Uint8Array(9) }) }),
      /tensor-000\.npy: shape \[3,1,3\]; trace\.json says \[2,1,3\]/,
    ],
    [
      'code out of range',
      () =>
        forged((h) => Object.assign(h.tensors[0]!, { form: 'split', zero_point: 0 }), {
          'tensor-000.npy': writeNpy({ shape: [2, 1, 3], data: Int16Array.of(0, 0, 0, 0, 256, 0) }),
        }),
      /item 1: code 256 at 1; expected -255 … 255|item 0: the codes do not have the sha256/,
    ],
    [
      'other codes',
      () =>
        forged(() => {}, { 'tensor-000.npy': writeNpy({ shape: [2, 1, 3], data: Uint8Array.of(1, 2, 3, 4, 5, 7) }) }),
      /item 1: the codes do not have the sha256/,
    ],
    ['empty', () => new Uint8Array(0), /the file is empty/],
    ['something else', () => new TextEncoder().encode('no trace at all'), /not a readable trace; expected \.npz or/],
    ['a bomb', () => packZip(new Map([['trace.json', new Uint8Array(300_000_000)]])), /at most \d+ expected; refused/],
  ])('%s', async (_, bytes, message) => {
    const content = await bytes()
    const read = async () => allItems(openTraceBytes(content, 't.npz'))
    await expect(read()).rejects.toThrow(SpecError)
    await expect(read()).rejects.toThrow(message)
    await expect(read()).rejects.toThrow(/^t\.npz: /)
  })
})
