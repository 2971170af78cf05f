// WebAssembly kernels equal their plain twins on everything that the twins write on purpose.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Factors, Kernels } from '../../../sim/engines/fast/kernels/kernels.js'
import { plain } from '../../../sim/engines/fast/kernels/plain.js'
import { available, wasm } from '../../../sim/engines/fast/kernels/wasm.js'

const numRuns = 400

const scene = fc
  .record({
    rows: fc.integer({ min: 1, max: 40 }),
    passes: fc.integer({ min: 1, max: 200 }),
    chosen: fc.array(fc.nat(), { minLength: 1, maxLength: 41 }),
    columns: fc.integer({ min: 1, max: 11 }),
    seed: fc.integer(),
    signed: fc.boolean(),
    wide: fc.boolean(),
  })
  .map((drawn) => ({ ...drawn, stride: Math.ceil(drawn.passes / 64) * 64 + 64 * (drawn.seed & 1) }))

type Scene = typeof scene extends fc.Arbitrary<infer T> ? T : never

/** The same numbers in the memory of either kernel set. */
function stage(kernels: Kernels, s: Scene) {
  const arena = kernels.arena(1 << 20)
  let state = s.seed | 1
  const random = () => {
    state = Math.imul(state, 1_664_525) + 1_013_904_223
    return (state >>> 8) & 0xffff
  }
  const bytes = arena.bytes(s.rows * s.stride)
  for (let row = 0; row < s.rows; row++)
    for (let p = 0; p < s.passes; p++) bytes[row * s.stride + p] = random() % 3 === 0 ? random() : 0
  const rows = Int32Array.from(s.chosen, (n) => n % s.rows)
  const offsets = arena.ints(rows.length + 1)
  for (const [i, row] of rows.entries()) offsets[i] = row * s.stride
  const cols = s.columns + 3
  const span = s.wide ? 65_536 : 255
  const e = Int16Array.from({ length: s.rows * cols }, () => (random() % 4 === 0 ? 0 : (random() % span) - (span >> 1)))
  return { arena, streams: { bytes, stride: s.stride, passes: s.passes }, rows, offsets, cols, e }
}

function eachPass(s: Scene, values: ArrayLike<number>, lines: number): number[][] {
  return Array.from({ length: lines }, (_, line) =>
    Array.from({ length: s.passes }, (_, p) => values[line * s.stride + p]!),
  )
}

if (!available()) process.stdout.write('skipped: this Node has no WebAssembly SIMD\n')

describe.skipIf(!available())('WebAssembly kernels', () => {
  it('OR rows as the plain loop does, and as every byte says', () => {
    const run = (kernels: Kernels, s: Scene) => {
      const { arena, streams, offsets, rows } = stage(kernels, s)
      const into = arena.bytes(3 * s.stride)
      arena.orRows(streams, offsets, 0, rows.length, into, s.stride)
      return eachPass(s, into.subarray(s.stride), 1)
    }
    fc.assert(
      fc.property(scene, (s) => {
        const { streams, rows } = stage(plain, s)
        const byHand = Array.from({ length: s.passes }, (_, p) =>
          [...rows].reduce((or, row) => or | streams.bytes[row * s.stride + p]!, 0),
        )
        expect(run(wasm, s)).toEqual([byHand])
        expect(run(plain, s)).toEqual([byHand])
      }),
      { numRuns },
    )
  })

  it('count bits', () => {
    fc.assert(
      fc.property(scene, fc.integer({ min: 0, max: 255 }), (s, mask) => {
        const count = (kernels: Kernels) => {
          const { arena, streams } = stage(kernels, s)
          return Array.from({ length: s.rows }, (_, row) => arena.countBits(streams, row, mask))
        }
        const { streams } = stage(plain, s)
        const byHand = Array.from({ length: s.rows }, (_, row) => {
          let bits = 0
          for (let p = 0; p < s.passes; p++)
            bits += (streams.bytes[row * s.stride + p]! & mask).toString(2).replaceAll('0', '').length
          return bits
        })
        expect(count(wasm)).toEqual(byHand)
        expect(count(plain)).toEqual(byHand)
      }),
      { numRuns },
    )
  })

  it('multiply and add, columns in any order, on top of what was there', () => {
    fc.assert(
      fc.property(scene, fc.nat(2), (s, skip) => {
        const run = (kernels: Kernels) => {
          const { arena, streams, offsets, rows, cols, e } = stage(kernels, s)
          const sums = arena.ints(cols * s.stride)
          const columns = Int32Array.from({ length: cols }, (_, c) => (c * 5 + s.seed * s.seed) % cols)
          const distinct = Int32Array.from(new Set(columns))
          const factors: Factors = {
            offsets,
            rows,
            from: Math.min(skip, rows.length - 1),
            to: rows.length,
            columns: distinct,
            targets: distinct.map((column) => (column + 1) % cols),
            firstColumn: 0,
            endColumn: Math.min(s.columns, distinct.length),
            e,
            cols,
            signed: s.signed,
          }
          arena.product(streams, factors, sums)
          arena.product(streams, { ...factors, from: 0, to: 1 }, sums)
          return eachPass(s, sums, cols)
        }
        expect(run(wasm)).toEqual(run(plain))
      }),
      { numRuns },
    )
  })
})
