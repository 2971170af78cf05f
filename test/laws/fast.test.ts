import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { finished } from '../../models/base/steps.js'
import { correct, errorTotals } from '../../models/values/finish.js'
import { createOuValues } from '../../models/values/ou-values.js'
import { event } from '../../sim/chip/items/event.js'
import { fast as fastEngine } from '../../sim/chip/items/fast.js'
import { prepareJob } from '../../sim/chip/job.js'
import { plainEvent, runEvent } from '../../sim/engines/event.js'
import { runFastDense } from '../../sim/engines/fast/dense.js'
import type { Kernels } from '../../sim/engines/fast/kernels/kernels.js'
import { plain } from '../../sim/engines/fast/kernels/plain.js'
import { available, wasm } from '../../sim/engines/fast/kernels/wasm.js'
import { createFastLayer } from '../../sim/engines/fast/macro.js'
import { planFast } from '../../sim/engines/fast/plan.js'
import { fastTiming, fastValues } from '../helpers/fast.js'
import { layerOf, tensorOf } from '../helpers/layer.js'
import { build, caseArbitrary, correctionOf } from '../helpers/work.js'

const cases = Number(process.env['CIMULATOR_CASES'] ?? 2000)

const kernelSets = fc.constantFrom<Kernels>(...(available() ? [plain, wasm] : [plain]))

describe('fast engine', () => {
  it(`equals the event engine in every counter of every stage on ${cases} random machines`, () => {
    fc.assert(
      fc.property(caseArbitrary, (input) => {
        const { ctx, macros } = build(input)
        expect(fastTiming({ ctx, macros })).toEqual(runEvent(ctx, macros, plainEvent))
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
        kernelSets,
        (input, mostStates, memoryBytes, kernels) => {
          const { ctx, macros } = build(input)
          expect(fastTiming({ ctx, macros }, { mostStates, memoryBytes, kernels })).toEqual(
            runEvent(ctx, macros, plainEvent),
          )
        },
      ),
      { numRuns: cases },
    )
  })

  it('times the dense baselines without simulating every pass', () => {
    const variants = fc.constantFrom('dense-bare' as const, 'dense-same-hardware' as const)
    fc.assert(
      fc.property(caseArbitrary, fc.integer({ min: 1, max: 40 }), variants, (input, vectors, variant) => {
        const passes = vectors * (input.form === 'split' ? 2 : 1)
        const codes = input.matrices.map((w) => new Uint8Array(passes * w.rows))
        const { ctx, macros } = build({ ...input, vectors, codes }, variant)
        expect(runFastDense(createFastLayer(planFast(ctx.work, ctx.spec)), ctx, macros)).toEqual(
          runEvent(ctx, macros, plainEvent).macros,
        )
      }),
      { numRuns: Math.min(cases, 400) },
    )
  })

  it('gives the same outcome of an item as a whole: timing, bound, dense references, values, codes', () => {
    fc.assert(
      fc.property(
        caseArbitrary,
        fc.boolean(),
        fc.constantFrom(null, 1, 2),
        fc.boolean(),
        (made, adcCodes, every, packs) => {
          const mapping = {
            ...made.machine.mapping,
            groups: packs ? ('block-diagonal' as const) : ('separate' as const),
          }
          const input = { ...made, machine: { ...made.machine, mapping } }
          const tensor = tensorOf(input)
          const vectors = every === null ? null : { kind: 'every' as const, k: every }
          const choice = {
            vectors,
            values: true,
            adcCodes,
            memoryBytes: 1 << 20,
            kernel: 'wheel' as const,
            kernels: 'auto' as const,
          }
          const job = prepareJob(layerOf(input), tensor.shape, input.machine, choice)
          const request = { tensor, onPass: null, onFiring: null }
          expect(finished(fastEngine.open(job, 1)(request))).toEqual(finished(event.open(job, 1)(request)))
        },
      ),
      { numRuns: cases },
    )
  })

  it('computes the same results behind every ADC', () => {
    const memories = fc.constantFrom(1, 1 << 20)
    const table = fc.array(fc.integer({ min: 0, max: 31 }), { minLength: 1, maxLength: 40 })
    fc.assert(
      fc.property(
        caseArbitrary,
        fc.option(table),
        fc.boolean(),
        kernelSets,
        memories,
        (made, codes, adcCodes, kernels, memoryBytes) => {
          const adc = { bits: 5, mode: 'table' as const, lsb: 2, table: codes ?? [] }
          const input =
            codes === null ? made : { ...made, machine: { ...made.machine, adc: { ...made.machine.adc, ...adc } } }
          const built = build(input)
          const { ctx, macros, adc: tables } = built
          const base = correctionOf(input, built)
          const plain = createOuValues({ ...base, adc: tables, bitsPerStep: ctx.spec.bitsPerStep })
          runEvent(ctx, macros, { ...plainEvent, values: plain })
          correct(plain.acc, base)
          correct(plain.lossless, base)
          const { acc, exact, ...told } = fastValues(input, built, adcCodes, { kernels, memoryBytes })
          const { clipped, histogram, errors, vectorSums } = told
          expect(exact).toEqual(plain.lossless)
          expect(acc).toEqual(plain.acc)
          expect(clipped).toBe(plain.clipped())
          if (adcCodes) expect(histogram).toEqual(plain.histogram)
          expect(errors).toEqual(errorTotals(plain.acc, plain.lossless))
          const outputs = exact.length / input.vectors
          const sumOf = (_: number, v: number) =>
            plain.lossless.subarray(v * outputs, (v + 1) * outputs).reduce((a, b) => a + b, 0)
          expect(vectorSums).toEqual(Float64Array.from({ length: input.vectors }, sumOf))
          const choice = { kernels, memoryBytes, keepsResults: false }
          const none = new Float64Array(0)
          expect(fastValues(input, built, adcCodes, choice)).toEqual({ ...told, acc: none, exact: none })
        },
      ),
      { numRuns: cases },
    )
  })
})
