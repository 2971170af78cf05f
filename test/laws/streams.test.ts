// Streams from the recorded tensor against the meaning of a gather, entry by entry: the base of the row plus the offset of the vector at the
// row's tap, the zero point where there is none.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addDigitSums } from '../../sim/engines/fast/digits.js'
import { plain as kernels } from '../../sim/engines/fast/kernels/plain.js'
import { available, wasm } from '../../sim/engines/fast/kernels/wasm.js'
import { chooseGather, tensorStreams } from '../../sim/engines/fast/streams.js'

const size = 400

/** Offsets of a tap as convolutions have them: stretches with a step of their own, some of them padding, some longer than what is copied at once. */
const tapArbitrary = fc
  .array(
    fc.record({
      length: fc.oneof(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 30, max: 70 })),
      step: fc.oneof({ weight: 3, arbitrary: fc.constant(1) }, fc.integer({ min: 0, max: 3 })),
      from: fc.integer({ min: -60, max: 89 }),
    }),
    { minLength: 1, maxLength: 8 },
  )
  .map((stretches) =>
    stretches.flatMap(({ length, step, from }) => Array.from({ length }, (_, i) => (from < 0 ? -1 : from + i * step))),
  )

const gatherArbitrary = fc
  .record({
    taps: fc.array(tapArbitrary, { minLength: 1, maxLength: 3 }),
    rows: fc.array(fc.record({ tap: fc.nat(2), base: fc.nat(99) }), { minLength: 1, maxLength: 5 }),
  })
  .map(({ taps, rows }) => {
    const vectors = Math.min(...taps.map((tap) => tap.length))
    return {
      rows: rows.length,
      vectors,
      taps: taps.map((tap) => Int32Array.from(tap.slice(0, vectors))),
      tapOf: Int32Array.from(rows, ({ tap }) => tap % taps.length),
      baseOf: Int32Array.from(rows, ({ base }) => base),
    }
  })

describe('streams of the fast engine', () => {
  it('hold what the gather says, block by block', () => {
    fc.assert(
      fc.property(
        gatherArbitrary,
        fc.boolean(),
        fc.integer({ min: 0, max: 7 }),
        fc.integer({ min: 1, max: 90 }),
        fc.nat(),
        (gather, split, zeroPoint, blockPasses, seed) => {
          const draw = (i: number) => Math.imul(seed + i + 1, 2654435761) >>> 8
          const codes = split
            ? Int16Array.from({ length: 2 * size }, (_, i) => (draw(i) % 511) - 255)
            : Uint8Array.from({ length: 2 * size }, (_, i) => draw(i))
          const form = split ? ('split' as const) : ('unsigned' as const)
          const tensor = { shape: [1, size], codes, form, scale: 1, zeroPoint: split ? 0 : zeroPoint }
          const streams = tensorStreams([gather], tensor, 1)
          const passes = gather.vectors * (split ? 2 : 1)
          for (let first = 0; first < passes; first += blockPasses) {
            const count = Math.min(blockPasses, passes - first)
            const stride = count + 3
            const into = new Uint8Array(gather.rows * stride)
            streams.fill(0, first, count, into, stride)
            for (let row = 0; row < gather.rows; row++) {
              const got = Array.from(into.subarray(row * stride, row * stride + count))
              expect(got).toEqual(Array.from({ length: count }, (_, i) => expected(row, first + i)))
            }
          }

          function expected(row: number, pass: number): number {
            const offset = gather.taps[gather.tapOf[row]!]![split ? pass >> 1 : pass]!
            const value = offset < 0 ? tensor.zeroPoint : codes[size + gather.baseOf[row]! + offset]!
            return split ? Math.max(0, pass % 2 === 0 ? value : -value) : value
          }
        },
      ),
      { numRuns: 500 },
    )
  })

  it.skipIf(!available())('are the same where a kernel copies them, with zeros behind', () => {
    fc.assert(
      fc.property(
        gatherArbitrary,
        fc.boolean(),
        fc.integer({ min: -8, max: 7 }),
        fc.integer({ min: 1, max: 4 }),
        fc.constantFrom(1 << 16, 64),
        fc.nat(),
        (gather, signed, zeroPoint, lines, words, seed) => {
          const draw = (_: number, i: number) => Math.imul(seed + i + 1, 2654435761) >>> 8
          const codes = signed ? new Int8Array(2 * size).map(draw) : new Uint8Array(2 * size).map(draw)
          const form = signed ? ('twos-complement' as const) : ('unsigned' as const)
          const tensor = {
            shape: [1, size],
            codes,
            form,
            scale: 1,
            zeroPoint: signed ? zeroPoint : Math.abs(zeroPoint),
          }
          const arena = wasm.arena(1 << 20)
          const space = { arena, input: arena.bytes(size), recipe: arena.ints(words) }
          const stride = 64 * lines
          const [into, expected] = [arena.bytes(gather.rows * stride), new Uint8Array(gather.rows * stride)]
          const copied = tensorStreams([gather], tensor, 1, space)
          const plain = tensorStreams([gather], tensor, 1)
          expect(copied.pads).toBe(true)
          for (let first = 0; first < gather.vectors; first += stride) {
            const count = Math.min(stride, gather.vectors - first)
            const written = Math.ceil(count / 64) * 64
            copied.fill(0, first, count, into.fill(9), stride)
            plain.fill(0, first, count, expected.fill(0), stride)
            for (let at = 0; at < into.length; at += stride)
              expect(Array.from(into.subarray(at, at + written))).toEqual(
                Array.from(expected.subarray(at, at + written)),
              )
          }
        },
      ),
      { numRuns: 300 },
    )
  })

  it('of some vectors are those of all, left out', () => {
    const taps = [Int32Array.from({ length: 90 }, (_, v) => (v < 10 ? -1 : v))]
    const gather = { rows: 1, vectors: 90, taps, tapOf: Int32Array.of(0), baseOf: Int32Array.of(0) }
    const codes = Uint8Array.from({ length: 90 }, (_, i) => i)
    const tensor = { shape: [1, 90], codes, form: 'unsigned' as const, scale: 1, zeroPoint: 7 }
    const chosen = Int32Array.of(3, 12, 13, 80)
    const into = new Uint8Array(4)
    tensorStreams([chooseGather(gather, chosen)], tensor, 0).fill(0, 0, 4, into, 4)
    expect(Array.from(into)).toEqual([7, 12, 13, 80])
  })
})

describe('digit sums', () => {
  it('are the digits of every code, row by row', () => {
    const passes = fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 100, max: 600 }))
    fc.assert(
      fc.property(passes, fc.integer({ min: 1, max: 8 }), fc.boolean(), fc.nat(), (count, bitsPerStep, full, seed) => {
        const stride = Math.ceil(count / 64) * 64
        // Behind the passes of the block lies whatever was there before.
        const bytes = Uint8Array.from({ length: 2 * stride }, (_, i) =>
          full ? 255 : Math.imul(seed + i, 2654435761) >>> 9,
        )
        const sums = Float64Array.of(5, 0)
        addDigitSums(kernels.arena(0), { bytes, stride, passes: count }, sums, bitsPerStep)
        const digits = (code: number): number =>
          code === 0 ? 0 : (code % 2 ** bitsPerStep) + digits(Math.floor(code / 2 ** bitsPerStep))
        const plain = (row: number) =>
          Array.from(bytes.subarray(row * stride, row * stride + count), digits).reduce((a, b) => a + b, 0)
        expect(Array.from(sums)).toEqual([5 + plain(0), plain(1)])
      }),
      { numRuns: 300 },
    )
  })
})
