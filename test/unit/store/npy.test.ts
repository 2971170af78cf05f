import { spawnSync } from 'node:child_process'
import fc from 'fast-check'
import { parse } from 'npyjs'
import { describe, expect, it } from 'vitest'
import { SpecError } from '../../../models/base/errors.js'
import { type NpyData, readNpy, writeNpy } from '../../../traces/store/npy.js'

const ofType: readonly ((n: number) => NpyData)[] = [
  (n) => Float32Array.from({ length: n }, (_, i) => i / 3),
  (n) => Float64Array.from({ length: n }, (_, i) => i / 3),
  (n) => Int8Array.from({ length: n }, (_, i) => -i),
  (n) => Uint8Array.from({ length: n }, (_, i) => i * 7),
  (n) => Int16Array.from({ length: n }, (_, i) => -300 * i),
  (n) => Uint16Array.from({ length: n }, (_, i) => 900 * i),
  (n) => Int32Array.from({ length: n }, (_, i) => -70_000 * i),
  (n) => Uint32Array.from({ length: n }, (_, i) => 3e9 + i),
  (n) => BigInt64Array.from({ length: n }, (_, i) => -(2n ** 60n) + BigInt(i)),
]

/** An array file with any header. */
function forged(header: string, body: Uint8Array): Uint8Array {
  const text = new TextEncoder().encode(header)
  return Uint8Array.from([
    0x93,
    0x4e,
    0x55,
    0x4d,
    0x50,
    0x59,
    1,
    0,
    text.length & 255,
    text.length >> 8,
    ...text,
    ...body,
  ])
}
const plain = (shape: string, descr = '<f4', order = 'False') =>
  `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${shape}, }`

describe('.npy arrays', () => {
  it('come back as they were, and as npyjs reads them', () => {
    const shapes = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 })
    fc.assert(
      fc.property(shapes, fc.constantFrom(...ofType), (shape, make) => {
        const data = make(shape.reduce((a, b) => a * b, 1))
        const bytes = writeNpy({ shape, data })
        expect(readNpy(bytes, 'f')).toMatchObject({ shape, data })
        const other = parse(Uint8Array.from(bytes).buffer)
        expect([other.shape, other.fortranOrder, other.data]).toEqual([shape, false, data])
      }),
    )
  })

  it('in column-major order are turned', () => {
    // rows (0 1 2), (3 4 5), stored column by column
    const bytes = forged(plain('(2, 3)', '|u1', 'True'), Uint8Array.of(0, 3, 1, 4, 2, 5))
    expect([...readNpy(bytes, 'f').data]).toEqual([0, 1, 2, 3, 4, 5])
  })

  it.each([
    ['more than there is', plain('(1000000000, 1000000)'), /needs 4000000000000000 bytes, the file holds 4/],
    ['overflow', plain('(999999999999999, 999999999999999, 999999999999999)'), /needs .* the file holds 4/],
    ['negative', plain('(-1,)'), /is not a list of sizes/],
    ['no number', plain('(one,)'), /is not a list of sizes/],
    ['hexadecimal', plain('(0x1,)'), /is not a list of sizes/],
    ['object', plain('(1,)', '|O'), /element type \|O is not supported/],
    ['big-endian', plain('(1,)', '>f4'), /element type >f4 is not supported/],
    ['structured', "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", /no plain element type/],
    ['no order', "{'descr': '<f4', 'shape': (1,), }", /names no order/],
    ['no shape', "{'descr': '<f4', 'fortran_order': False, }", /names no shape/],
  ])('refused: %s', (_, header, message) => {
    const read = () => readNpy(forged(header, new Uint8Array(4)), 'x.npy')
    expect(read).toThrow(SpecError)
    expect(read).toThrow(message)
    expect(read).toThrow(/^x\.npy: /)
  })

  it('cut anywhere are refused', () => {
    const bytes = writeNpy({ shape: [3], data: Float32Array.of(1, 2, 3) })
    for (let length = 0; length < bytes.length; length++)
      expect(() => readNpy(bytes.subarray(0, length), 'f')).toThrow(SpecError)
  })

  it('random bytes give an array or a SpecError', () => {
    const start = writeNpy({ shape: [2, 2], data: Int8Array.of(1, 2, 3, 4) })
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(start.length - 1), fc.nat(255)), { maxLength: 6 }), (changes) => {
        const bytes = start.slice()
        for (const [at, value] of changes) bytes[at] = value
        try {
          const { shape, data } = readNpy(bytes, 'f')
          expect(data.length).toBe(shape.reduce((a, b) => a * b, 1))
        } catch (cause) {
          expect(cause).toBeInstanceOf(SpecError)
        }
      }),
    )
  })

  const python = process.env['CIMULATOR_PYTHON'] ?? 'python3'
  const numpy = spawnSync(python, ['-c', 'import numpy']).status === 0
  if (!numpy) process.stdout.write('skipped: no Python with numpy\n')
  it.runIf(numpy)('are what NumPy reads and writes, in both orders', () => {
    const script =
      'import io, sys, numpy as n; a = n.load(io.BytesIO(sys.stdin.buffer.read())); assert a.shape == (2, 3) and a.dtype == n.int16 and a[1, 2] == -1500; b = io.BytesIO(); n.save(b, n.asfortranarray(a * 2)); sys.stdout.buffer.write(b.getvalue())'
    const bytes = writeNpy({ shape: [2, 3], data: Int16Array.of(0, -300, -600, -900, -1200, -1500) })
    const run = spawnSync(python, ['-c', script], { input: bytes })
    expect(run.stderr.toString()).toBe('')
    expect(readNpy(run.stdout, 'f')).toMatchObject({
      shape: [2, 3],
      data: Int16Array.of(0, -600, -1200, -1800, -2400, -3000),
    })
  })
})
