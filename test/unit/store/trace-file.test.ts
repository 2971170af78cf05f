import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { unzipSync } from 'fflate'
import { afterAll, describe, expect, it } from 'vitest'
import { SpecError } from '../../../models/base/errors.js'
import type { CodedTensor } from '../../../models/nn/types.js'
import type { RecordedTrace } from '../../../traces/record/trace.js'
import { writeNpy } from '../../../traces/store/npy.js'
import { decodeTrace, encodeTrace, readTrace, traceSha256, writeTrace } from '../../../traces/store/trace-file.js'
import { packZip } from '../../../traces/store/zip.js'

const folder = mkdtempSync(join(tmpdir(), 'cimulator-trace-'))
afterAll(() => rmSync(folder, { recursive: true }))

type Kind = { make: (v: number[]) => CodedTensor['codes']; low: number; high: number; zero: number }
const kinds: Record<CodedTensor['form'], Kind> = {
  unsigned: { make: (v: number[]) => Uint8Array.from(v), low: 0, high: 255, zero: 131 },
  'twos-complement': { make: (v: number[]) => Int8Array.from(v), low: -128, high: 127, zero: -5 },
  split: { make: (v: number[]) => Int16Array.from(v), low: -255, high: 255, zero: 0 },
}

const tensorArbitrary = (items: number): fc.Arbitrary<CodedTensor> =>
  fc
    .record({
      form: fc.constantFrom(...(Object.keys(kinds) as CodedTensor['form'][])),
      shape: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 }),
      scale: fc.double({ min: 1e-9, max: 1e9, noNaN: true }),
    })
    .chain(({ form, shape, scale }) => {
      const { make, low, high, zero } = kinds[form]
      const count = shape.reduce((a, b) => a * b, items)
      const codes = fc.array(fc.integer({ min: low, max: high }), { minLength: count, maxLength: count }).map(make)
      return codes.map((list) => ({ form, shape, codes: list, scale, zeroPoint: zero }))
    })

const traceArbitrary = fc.integer({ min: 1, max: 3 }).chain((items) =>
  fc.record({
    trace: fc.record({
      modelSha256: fc.constant('0123456789abcdef'.repeat(4)),
      items: fc.constant(items),
      tensors: fc
        .dictionary(fc.string({ maxLength: 9 }), tensorArbitrary(items), { maxKeys: 3, noNullPrototype: true })
        .map((d) => new Map(Object.entries(d))),
      products: fc.constant([
        {
          name: 'qk',
          op: 'MatMul',
          shapes: [
            [1, 2, 3],
            [1, 3, 4],
            [1, 2, 4],
          ] as [number[], number[], number[]],
          macs: 24,
        },
      ]),
      predictions: fc.array(fc.nat(9), { minLength: items, maxLength: items }).map((p) => Int32Array.from(p)),
      settings: fc.constant({ signed: 'offset', calibration: 'min-max', percentile: 99.9 } as const),
    }),
    labels: fc.option(fc.array(fc.nat(9), { minLength: items, maxLength: items }).map((l) => Int32Array.from(l))),
  }),
)

const small: RecordedTrace = {
  modelSha256: 'c'.repeat(64),
  items: 2,
  tensors: new Map([
    ['x', { form: 'unsigned', shape: [1, 3], codes: Uint8Array.of(1, 2, 3, 4, 5, 6), scale: 0.5, zeroPoint: 7 }],
  ]),
  products: [],
  predictions: Int32Array.of(1, 0),
  settings: { signed: 'offset', calibration: 'min-max', percentile: 99.9 },
}

/** The small trace with another trace.json, and with other or more entries. */
function forged(change: (head: Record<string, unknown>) => void, entries: Record<string, Uint8Array> = {}): Uint8Array {
  const files = unzipSync(encodeTrace(small, null))
  const head = JSON.parse(new TextDecoder().decode(files['trace.json'])) as Record<string, unknown>
  change(head)
  return packZip(
    new Map(Object.entries({ ...files, 'trace.json': new TextEncoder().encode(JSON.stringify(head)), ...entries })),
  )
}
const tensor = (head: Record<string, unknown>) => (head['tensors'] as Record<string, unknown>[])[0]!

describe('trace files', () => {
  it('round trip: the same trace, the same bytes, the same hash', () => {
    fc.assert(
      fc.property(traceArbitrary, ({ trace, labels }) => {
        const bytes = encodeTrace(trace, labels)
        const back = decodeTrace(bytes, 'f')
        expect(back.trace).toEqual(trace)
        expect(back.labels).toEqual(labels)
        expect(Buffer.from(encodeTrace(back.trace, back.labels)).equals(bytes)).toBe(true)
        expect(back.sha256).toBe(traceSha256(trace, labels))
      }),
    )
  })

  it('its hash is that of the unpacked entries in order', () => {
    const hash = createHash('sha256')
    for (const bytes of Object.values(unzipSync(encodeTrace(small, null)))) hash.update(bytes)
    expect(traceSha256(small, null)).toBe(hash.digest('hex'))
    const other = { ...small, predictions: Int32Array.of(1, 1) }
    expect(traceSha256(other, null)).not.toBe(traceSha256(small, null))
  })

  it.each<[string, () => Uint8Array, RegExp]>([
    ['not JSON', () => packZip(new Map([['trace.json', Uint8Array.of(1, 2)]])), /trace\.json is not JSON/],
    ['no trace.json', () => packZip(new Map([['a.npy', new Uint8Array(3)]])), /holds no trace\.json/],
    ['other version', () => forged((h) => (h['schema_version'] = 2)), /trace\.json: schema_version/],
    ['unknown key', () => forged((h) => (h['more'] = 1)), /trace\.json/],
    ['too many items', () => forged((h) => (h['items'] = 1e9)), /trace\.json: items/],
    ['other count', () => forged((h) => (h['items'] = 3)), /2 predictions for 3 items/],
    ['labels missing', () => forged((h) => (h['labels'] = [1])), /1 labels for 2 items/],
    ['no scale', () => forged((h) => (tensor(h)['scale'] = 0)), /tensors\.0\.scale/],
    ['scale null (infinite)', () => forged((h) => (tensor(h)['scale'] = null)), /tensors\.0\.scale/],
    [
      'other form',
      () => forged((h) => (tensor(h)['form'] = 'split')),
      /tensor-000\.npy: element type uint8 does not fit/,
    ],
    ['zero point', () => forged((h) => (tensor(h)['zero_point'] = -3)), /zero point -3 does not fit/],
    [
      'huge shape',
      () => forged((h) => (tensor(h)['shape'] = [2 ** 31, 2 ** 31, 2 ** 31])),
      /shape \[2,1,3\]; trace\.json says/,
    ],
    ['path', () => forged((h) => (tensor(h)['entry'] = '../../etc/passwd')), /tensors\.0\.entry/],
    [
      'missing entry',
      () => forged((h) => (tensor(h)['entry'] = 'tensor-009.npy')),
      /tensor-000\.npy: not named|missing/,
    ],
    ['entry left over', () => forged(() => {}, { 'tensor-001.npy': new Uint8Array(1) }), /tensor-001\.npy: not named/],
    ['twice', () => forged((h) => (h['tensors'] = [tensor(h), tensor(h)])), /tensor name "x" is there twice/],
    [
      'entry too large',
      () => forged(() => {}, { 'tensor-000.npy': new Uint8Array(1 << 20) }),
      /tensor-000\.npy: unpacks to 1048576 bytes, at most/,
    ],
    [
      'code out of range',
      () =>
        forged((h) => Object.assign(tensor(h), { form: 'split', zero_point: 0 }), {
          'tensor-000.npy': writeNpy({ shape: [2, 1, 3], data: Int16Array.of(0, 0, 0, 0, 256, 0) }),
        }),
      /code 256 at 4; expected -255 … 255/,
    ],
    ['empty', () => new Uint8Array(0), /the file is empty/],
  ])('refused: %s', (_, bytes, message) => {
    const read = () => decodeTrace(bytes(), 't.npz')
    expect(read).toThrow(SpecError)
    expect(read).toThrow(message)
    expect(read).toThrow(/^t\.npz: /)
  })

  it('cut files are refused', () => {
    const bytes = encodeTrace(small, null)
    for (let length = 0; length < bytes.length; length += 7)
      expect(() => decodeTrace(bytes.subarray(0, length), 'f')).toThrow(SpecError)
  })

  it('are written whole, and only over an old one by force', async () => {
    const file = join(folder, 'deep', 'er', 'trace.npz')
    await writeTrace(file, small, { labels: null, force: false })
    expect((await readTrace(file)).trace).toEqual(small)
    expect(readdirSync(join(folder, 'deep', 'er'))).toEqual(['trace.npz'])
    const before = readFileSync(file)
    await expect(writeTrace(file, small, { labels: null, force: false })).rejects.toThrow(/exists; .*--force/)
    expect(readFileSync(file).equals(before)).toBe(true)
    await writeTrace(file, small, { labels: Int32Array.of(1, 1), force: true })
    expect((await readTrace(file)).labels).toEqual(Int32Array.of(1, 1))
  })

  it('a missing file is named', async () => {
    await expect(readTrace(join(folder, 'none.npz'))).rejects.toThrow(/none\.npz: cannot read the trace \(ENOENT\)/)
    writeFileSync(join(folder, 'file'), '')
    await expect(writeTrace(join(folder, 'file', 'x.npz'), small, { labels: null, force: false })).rejects.toThrow(
      SpecError,
    )
    expect(existsSync(join(folder, 'file', 'x.npz'))).toBe(false)
  })
})
