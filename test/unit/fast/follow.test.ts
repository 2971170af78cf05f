// The automaton of Load and the back end: its WebAssembly loop equals the plain one, word by word, and both equal the event engine, whatever
// has to be tabulated on the way, and where there is no room for it.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { plainEvent, runEvent } from '../../../sim/engines/event.js'
import type { Kernels } from '../../../sim/engines/fast/kernels/kernels.js'
import { plain } from '../../../sim/engines/fast/kernels/plain.js'
import { available, wasm } from '../../../sim/engines/fast/kernels/wasm.js'
import { usualRoom } from '../../../sim/engines/fast/layout.js'
import { fastTiming, preparedTiming, prepareFast } from '../../helpers/fast.js'
import { build, type Case, caseArbitrary, machine, matrix } from '../../helpers/work.js'

const numRuns = process.env['CIMULATOR_QUICK'] === '1' ? 60 : 300

const sets: readonly Kernels[] = available() ? [plain, wasm] : [plain]

function inOrder(input: Case, order: 'ou-bit' | 'window-bit', queue: number): Case {
  const { load, cache } = input.machine
  return { ...input, machine: { ...input.machine, order, load: { ...load, queue }, cache: { ...cache, queue } } }
}

const orders = fc.constantFrom('ou-bit' as const, 'window-bit' as const)
const queues = fc.constantFrom(0, 1, 2, 7)

/** One matrix of 4 rows and up to 16 OU columns of different sizes, with slices to skip. */
const wideArbitrary = fc
  .record({
    ous: fc.integer({ min: 2, max: 16 }),
    width: fc.integer({ min: 1, max: 3 }),
    vectors: fc.integer({ min: 1, max: 40 }),
    weights: fc.array(fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 0, 1, 4, 16, -64), { minLength: 4 * 48, maxLength: 4 * 48 }),
    codes: fc.array(fc.constantFrom(0, 0, 1, 2, 12, 129), { minLength: 160, maxLength: 160 }),
    skips: fc.boolean(),
    adcs: fc.integer({ min: 1, max: 4 }),
  })
  .map(({ ous, width, vectors, weights, codes, skips, adcs }): Case => {
    const cols = ous * 3 - (3 - width)
    return {
      machine: machine({
        adcs,
        ou: { rows: 4, cols: 3 },
        strip: { ous: 16 },
        skipZeroPlanes: true,
        skipZeroSlices: skips,
      }),
      matrices: [matrix(4, cols, weights.slice(0, 4 * cols))],
      form: 'unsigned',
      zeroPoint: 0,
      vectors,
      codes: [Uint8Array.from(codes.slice(0, 4 * vectors))],
    }
  })

describe('automaton of Load and the back end', () => {
  it('is followed alike by the plain loop and by WebAssembly, at first and when everything is tabulated', () => {
    fc.assert(
      fc.property(caseArbitrary, queues, fc.constantFrom(2 ** 14, 2 ** 20, 2 ** 28), (made, queue, horizon) => {
        const { ctx, macros } = build(inOrder(made, 'ou-bit', queue))
        const expected = runEvent(ctx, macros, plainEvent)
        const memories = sets.map((kernels) => {
          const prepared = prepareFast(ctx, { kernels, horizon })
          expect(preparedTiming({ ctx, macros }, prepared)).toEqual(expected)
          expect(preparedTiming({ ctx, macros }, prepared)).toEqual(expected)
          const { buffer, byteOffset, byteLength } = prepared.space.tables
          return Buffer.from(buffer, byteOffset, byteLength)
        })
        expect(Buffer.compare(memories[0]!, memories.at(-1)!)).toBe(0)
      }),
      { numRuns },
    )
  })

  it('gives way where its tables outgrow their room, and loses nothing', () => {
    const rooms = fc.record({
      rows: fc.oneof(fc.integer({ min: 0, max: 600 }), fc.constant(usualRoom.rows)),
      waits: fc.integer({ min: 0, max: 40 }),
      masks: fc.oneof(fc.integer({ min: 0, max: 100 }), fc.constant(usualRoom.masks)),
      symbols: fc.constantFrom(1, 16),
    })
    fc.assert(
      fc.property(
        caseArbitrary,
        orders,
        queues,
        rooms,
        fc.constantFrom(...sets),
        (made, order, queue, room, kernels) => {
          const { ctx, macros } = build(inOrder(made, order, queue))
          expect(fastTiming({ ctx, macros }, { kernels, room })).toEqual(runEvent(ctx, macros, plainEvent))
        },
      ),
      { numRuns },
    )
  })

  it('treats windows of more than eight OUs plane by plane, and more symbols than rows have room for', () => {
    fc.assert(
      fc.property(wideArbitrary, queues, fc.constantFrom(1, 2, 16), (made, queue, symbols) => {
        const { ctx, macros } = build(inOrder(made, 'window-bit', queue))
        const expected = runEvent(ctx, macros, plainEvent)
        for (const kernels of sets) {
          const prepared = prepareFast(ctx, { kernels, room: { ...usualRoom, symbols } })
          expect(preparedTiming({ ctx, macros }, prepared)).toEqual(expected)
          expect(preparedTiming({ ctx, macros }, prepared)).toEqual(expected)
        }
      }),
      { numRuns },
    )
  })
})
