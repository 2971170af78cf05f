// WebAssembly kernels equal their plain twins on everything that the twins write on purpose.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { allotProgram, noRoom, pack } from '../../../sim/engines/fast/factors.js'
import { type Kernels, stepRows } from '../../../sim/engines/fast/kernels/kernels.js'
import { plain } from '../../../sim/engines/fast/kernels/plain.js'
import { available, wasm } from '../../../sim/engines/fast/kernels/wasm.js'

const numRuns = 400

const scene = fc
  .record({
    rows: fc.integer({ min: 1, max: 40 }),
    passes: fc.integer({ min: 1, max: 200 }),
    chosen: fc.array(fc.nat(), { minLength: 1, maxLength: 41 }),
    columns: fc.oneof(fc.integer({ min: 1, max: 11 }), fc.integer({ min: 12, max: 40 })),
    seed: fc.integer(),
    signed: fc.boolean(),
    wide: fc.boolean(),
  })
  .map((drawn) => ({ ...drawn, stride: Math.ceil(drawn.passes / 64) * 64 + 64 * (drawn.seed & 1) }))

type Scene = typeof scene extends fc.Arbitrary<infer T> ? T : never

/** The same numbers in the memory of either kernel set. */
function stage(kernels: Kernels, s: Scene) {
  const arena = kernels.arena(1 << 22)
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

  it('multiply and add a packed program, columns in any order, on top of what was there, in pieces of any size', () => {
    fc.assert(
      fc.property(scene, fc.integer({ min: 0, max: 3 }), fc.boolean(), (s, spare, fresh) => {
        const run = (kernels: Kernels) => {
          const { arena, streams, rows, cols, e } = stage(kernels, s)
          const sums = arena.ints(cols * s.stride).fill(7)
          const columns = Int32Array.from(
            new Set(Array.from({ length: cols }, (_, c) => (c * 5 + s.seed * s.seed) % cols)),
          )
          const chosen = columns.subarray(0, s.columns)
          const many = spare === 1 ? Int32Array.from([...rows, ...rows, ...rows, ...rows]) : rows
          const targets = chosen.map((column) => (column + 1) % cols)
          const piece = { rows: many, columns: chosen, targets, begins: true }
          const height = Math.min(stepRows, many.length + 1)
          const width = Math.min(32, 4 * Math.ceil(chosen.length / 4))
          const room = {
            steps: 1 + spare,
            offsets: height + spare,
            columns: width + 4 * spare,
            weights: height * width + 8 * spare,
          }
          const program = allotProgram(arena, room)
          const used = { ...noRoom }
          const pieces = [piece, { ...piece, rows: rows.subarray(0, 1), begins: false }]
          for (const end of pack(pieces, { cols, e }, s.stride, program, used))
            arena.multiply(streams, program, 0, end, s.signed, fresh, sums)
          return { found: eachPass(s, sums, cols), pieces, streams, cols, e }
        }
        const { found, pieces, streams, cols, e } = run(plain)
        const byHand = Array.from({ length: cols }, () => new Array<number>(s.passes).fill(7))
        if (fresh) for (const target of pieces[0]!.targets) byHand[target]!.fill(0)
        for (const { rows, columns, targets } of pieces)
          for (const row of rows)
            for (let c = 0; c < columns.length; c++)
              for (let p = 0; p < s.passes; p++) {
                const code = streams.bytes[row * s.stride + p]!
                const value = s.signed && code > 127 ? code - 256 : code
                byHand[targets[c]!]![p]! += e[row * cols + columns[c]!]! * value
              }
        // Wide weights may leave int32, in both sets of kernels alike.
        expect(found).toEqual(byHand.map((line) => line.map((sum) => sum | 0)))
        expect(run(wasm).found).toEqual(found)
      }),
      { numRuns },
    )
  })

  it('find where more rows are driven than a limit', () => {
    const limit = fc.oneof(fc.integer({ min: 0, max: 12 }), fc.integer({ min: 0, max: 255 }))
    fc.assert(
      fc.property(
        scene,
        fc.array(fc.tuple(fc.nat(), fc.nat(), limit), { maxLength: 6 }),
        fc.nat(7),
        (s, drawn, dense) => {
          const run = (kernels: Kernels) => {
            const { arena, streams, offsets, rows } = stage(kernels, s)
            // Planes that nearly every row drives, so that high limits are met.
            for (let row = 0; row < s.rows; row++)
              for (let p = 0; p < s.passes; p++) streams.bytes[row * s.stride + p]! |= (p + row) % 9 === 0 ? 0 : dense
            const ends = drawn.map(([a, b, most]) => {
              const [x, y] = [a % (rows.length + 1), b % (rows.length + 1)]
              return { from: Math.min(x, y), to: Math.max(x, y), most }
            })
            const lists = Int32Array.from(ends.flatMap(({ from, to, most }, id) => [from, to, most, 100 + id]))
            const found = new Set<string>()
            arena.moreDriven(streams, offsets, lists, (list, pass, planes) => {
              for (let bit = 0; bit < 32; bit++)
                if (((planes >>> bit) & 1) === 1) found.add(`${list} ${pass + (bit >> 3)} ${bit & 7}`)
            })
            return { found: [...found].sort(), ends, streams, rows }
          }
          const { found, ends, streams, rows } = run(plain)
          const byHand: string[] = []
          for (const [id, { from, to, most }] of ends.entries())
            for (let p = 0; p < s.passes; p++)
              for (let plane = 0; plane < 8; plane++) {
                let driven = 0
                for (const row of rows.subarray(from, to)) driven += (streams.bytes[row * s.stride + p]! >> plane) & 1
                if (driven > most) byHand.push(`${100 + id} ${p} ${plane}`)
              }
          expect(found).toEqual(byHand.sort())
          expect(run(wasm).found).toEqual(found)
        },
      ),
      { numRuns },
    )
  })

  it('find driven rows in lists and passes that do not go into one call', () => {
    const passes = 9000
    const stride = 9024
    const run = (kernels: Kernels) => {
      const arena = kernels.arena(1 << 22)
      const bytes = arena.bytes(stride * 40)
      for (let at = 0; at < bytes.length; at++) if (at % stride < passes) bytes[at] = Math.imul(at, at * 7 + 5) >>> 9
      const offsets = arena.ints(40)
      for (let row = 0; row < 40; row++) offsets[row] = row * stride
      const lists = Int32Array.from(
        Array.from({ length: 30 }, (_, i) => [i % 5, 40 - (i % 7), 20 + (i % 16), i]).flat(),
      )
      const found: string[] = []
      arena.moreDriven({ bytes, stride, passes }, offsets, lists, (...hit) => found.push(hit.join(' ')))
      return found.sort()
    }
    expect(run(plain).length).toBeGreaterThan(1000)
    expect(run(wasm)).toEqual(run(plain))
  })

  it('add up results and their squares', () => {
    const size = fc.constantFrom(1, 1000, 2 ** 31 - 1)
    const many = fc.constantFrom(0, 0, 0, 4096)
    fc.assert(
      fc.property(scene, size, fc.boolean(), many, (s, most, split, more) => {
        const passes = (s.passes + more) * (split ? 2 : 1)
        const stride = Math.ceil(passes / 64) * 64
        // Two results whose squares go up to 2^62 would leave int64.
        const columns = most > 1000 ? 1 : s.columns
        const run = (kernels: Kernels) => {
          const arena = kernels.arena(1 << 22)
          const sums = arena.ints(columns * stride)
          for (let c = 0; c < columns; c++)
            for (let p = 0; p < passes; p++)
              sums[c * stride + p] =
                most > 1000 ? (p === s.columns ? -most : 0) : (Math.imul(s.seed + p, 2 * c + 77) >> 9) % (most + 1)
          const vectorSums = new Float64Array(split ? passes / 2 : passes).fill(3)
          const squares = arena.digest(sums, columns, { stride, passes }, split, vectorSums)
          return { squares, vectorSums, sums }
        }
        const { sums, ...found } = run(plain)
        let squares = 0n
        const vectorSums = found.vectorSums.map((_, v) => {
          let total = 3
          for (let c = 0; c < columns; c++) {
            const at = c * stride + (split ? 2 * v : v)
            const result = sums[at]! - (split ? sums[at + 1]! : 0)
            total += result
            squares += BigInt(result) ** 2n
          }
          return total
        })
        expect(found).toEqual({ squares, vectorSums })
        const { sums: _, ...same } = run(wasm)
        expect(same).toEqual(found)
      }),
      { numRuns },
    )
  })

  it('weigh rows', () => {
    fc.assert(
      fc.property(scene, fc.constantFrom(1, 100, 50_000), (s, most) => {
        const run = (kernels: Kernels) => {
          const { arena, streams } = stage(kernels, s)
          const weights = Int32Array.from({ length: s.rows }, (_, row) => Math.imul(s.seed + row, 40_503) % most)
          const into = new Float64Array(s.passes).fill(5)
          arena.weighRows(streams, weights, s.signed, into)
          return { into: [...into], weights, streams }
        }
        const { into, weights, streams } = run(plain)
        const byHand = Array.from({ length: s.passes }, (_, p) =>
          weights.reduce((sum, weight, row) => {
            const code = streams.bytes[row * s.stride + p]!
            return sum + weight * (s.signed && code > 127 ? code - 256 : code)
          }, 5),
        )
        expect(into).toEqual(byHand)
        expect(run(wasm).into).toEqual(byHand)
      }),
      { numRuns },
    )
  })

  it('weigh rows and passes that do not go into one call', () => {
    const run = (kernels: Kernels, rows: number, passes: number) => {
      const stride = Math.ceil(passes / 64) * 64
      const arena = kernels.arena(1 << 22)
      const bytes = arena.bytes(rows * stride)
      for (let at = 0; at < bytes.length; at++) bytes[at] = Math.imul(at, 40_503) >>> 7
      const weights = Int32Array.from({ length: rows }, (_, row) => (Math.imul(row, 77) % 301) - 150)
      const into = new Float64Array(passes)
      arena.weighRows({ bytes, stride, passes }, weights, false, into)
      return into
    }
    expect(run(wasm, 9000, 3)).toEqual(run(plain, 9000, 3))
    expect(run(wasm, 3, 9000)).toEqual(run(plain, 3, 9000))
  })
})
