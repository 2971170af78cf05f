import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { plainEvent, runEvent } from '../../sim/engines/event.js'
import { driveWeights } from '../../sim/engines/fast/drive.js'
import { type FastOptions, runFast } from '../../sim/engines/fast/fast.js'
import { planFast } from '../../sim/engines/fast/plan.js'
import { timingOf } from '../../sim/engines/fast/result.js'
import { streamsOf } from '../../sim/engines/fast/streams.js'
import type { TallyContext } from '../../sim/stages/tally.js'
import { build, caseArbitrary } from '../helpers/work.js'

const cases = Number(process.env['CIMULATOR_CASES'] ?? 2000)

function fast(ctx: TallyContext, macros: number, options: Partial<FastOptions> = {}) {
  const { work } = ctx
  const plan = planFast(work, ctx.spec)
  const result = runFast(plan, ctx, macros, streamsOf(work), { memoryBytes: 1 << 28, onPass: null, ...options })
  return timingOf(result, ctx, driveWeights(work.mapping, work.coding, work.sliceMasks))
}

describe('fast engine', () => {
  it(`equals the event engine in every counter of every stage on ${cases} random machines`, () => {
    fc.assert(
      fc.property(caseArbitrary, (input) => {
        const { ctx, macros } = build(input)
        expect(fast(ctx, macros)).toEqual(runEvent(ctx, macros, plainEvent))
      }),
      { numRuns: cases },
    )
  })

  it('gives the same without tables, with tables that are given up on the way, and in little memory', () => {
    fc.assert(
      fc.property(
        caseArbitrary,
        fc.constantFrom(0, 1, 2, 5),
        fc.constantFrom(1, 64, 1 << 20),
        (input, mostStates, memoryBytes) => {
          const { ctx, macros } = build(input)
          expect(fast(ctx, macros, { mostStates, memoryBytes })).toEqual(runEvent(ctx, macros, plainEvent))
        },
      ),
      { numRuns: cases },
    )
  })
})
