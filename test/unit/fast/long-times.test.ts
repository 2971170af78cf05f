// Times beyond what int32 holds: the fast engine must leave its tables in time.
import { describe, expect, it } from 'vitest'
import { plainEvent, runEvent } from '../../../sim/engines/event.js'
import { runFastDense } from '../../../sim/engines/fast/dense.js'
import { createFastLayer } from '../../../sim/engines/fast/macro.js'
import { planFast } from '../../../sim/engines/fast/plan.js'
import { fastTiming } from '../../helpers/fast.js'
import { build, type Case, machine, matrix } from '../../helpers/work.js'

/** One OU of four rows and eight outputs, every plane set, `vectors` times. Load takes four cycles, Cache one. */
function slow(vectors: number, change: Record<string, unknown>): Case {
  return {
    machine: machine({ adcs: 1, ou: { rows: 4, cols: 8 }, ...change, load: { rowsPerCycle: 1, depth: 500 } }),
    matrices: [matrix(4, 8, new Array(32).fill(1))],
    form: 'unsigned',
    zeroPoint: 0,
    vectors,
    codes: [new Uint8Array(4 * vectors).fill(255)],
  }
}

const cases: Readonly<Record<string, Case>> = {
  'Cache and Load are done 2^30 cycles before the ADCs': slow(400, {
    adc: { cyclesPerConversion: 100_000 },
  }),
  'a queue in front of the ADCs holds more than 2^31 cycles of work': slow(700, {
    input: { bitsPerStep: 8 },
    cim: { queue: 500 },
    adc: { cyclesPerConversion: 1_000_000 },
  }),
}

describe.each(['ou-bit', 'window-bit'] as const)('%s', (order) => {
  it.each(Object.entries(cases))('%s', (_, input) => {
    const ordered = { ...input, machine: { ...input.machine, order } }
    const { ctx, macros } = build(ordered)
    const expected = runEvent(ctx, macros, plainEvent)
    expect(expected.cycles).toBeGreaterThan(2 ** 30)
    expect(fastTiming({ ctx, macros })).toEqual(expected)
    const dense = build(ordered, 'dense-bare')
    expect(runFastDense(createFastLayer(planFast(dense.ctx.work, dense.ctx.spec)), dense.ctx, dense.macros)).toEqual(
      runEvent(dense.ctx, dense.macros, plainEvent).macros,
    )
  })
})
