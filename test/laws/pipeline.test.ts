import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { correct } from '../../models/values/finish.js'
import { createNaiveValues } from '../../models/values/naive.js'
import { createOuValues } from '../../models/values/ou-values.js'
import { denseTally, runDense } from '../../sim/engines/dense.js'
import { groupsOf, plainEvent, runEvent } from '../../sim/engines/event.js'
import { countActions, driveCounts } from '../../sim/stages/tally.js'
import { runs } from '../helpers/cases.js'
import { type Built, build, type Case, caseArbitrary, correctionOf, product } from '../helpers/work.js'
import { lawOf } from './recurrence.js'

function valuesOf(input: Case, built: Built, create = createOuValues) {
  return create({ ...correctionOf(input, built), adc: built.adc, bitsPerStep: input.machine.input.bitsPerStep })
}

describe('event engine', () => {
  it('starts every firing when the law says, and counts the same cycles', () => {
    fc.assert(
      fc.property(caseArbitrary, (input) => {
        const { ctx, macros } = build(input)
        const starts = new Map<string, number[]>()
        const onFiring = (f: { macro: number; stage: string; start: number }) => {
          const key = `${f.macro}.${f.stage}`
          const list = starts.get(key)
          if (list === undefined) starts.set(key, [f.start])
          else list.push(f.start)
        }
        const result = runEvent(ctx, macros, { ...plainEvent, onFiring })
        for (const macro of result.macros) {
          const law = lawOf(ctx, groupsOf(ctx, macro.macro, macros))
          expect(macro.span).toBe(law.span)
          for (const [i, stage] of law.stages.entries()) {
            expect(starts.get(`${macro.macro}.${stage.name}`) ?? []).toEqual(stage.starts)
            const { busy, blocked, starved } = macro.stages[i]!
            expect({ busy, blocked, sum: busy + blocked + starved }).toEqual({
              busy: stage.busy,
              blocked: stage.blocked,
              sum: law.span,
            })
            expect(starved).toBeGreaterThanOrEqual(0)
          }
        }
      }),
      runs(600),
    )
  })

  it('gives the identical result on both kernels, and with all macros of a layer on one kernel', () => {
    fc.assert(
      fc.property(caseArbitrary, (input) => {
        const { ctx, macros } = build(input)
        const wheel = runEvent(ctx, macros, plainEvent)
        expect(runEvent(ctx, macros, { ...plainEvent, kernel: 'sdsl' })).toEqual(wheel)
        expect(runEvent(ctx, macros, { ...plainEvent, together: true })).toEqual(wheel)
      }),
      runs(150),
    )
  })

  it('computes the integer product with a lossless ADC, for every mapping, encoding and order', () => {
    fc.assert(
      fc.property(caseArbitrary, (input) => {
        const built = build(input)
        const values = valuesOf(input, built)
        runEvent(built.ctx, built.macros, { ...plainEvent, values })
        correct(values.lossless, correctionOf(input, built))
        expect(Array.from(values.lossless)).toEqual(Array.from(product(input)))
      }),
      runs(600),
    )
  })

  it('equals the plain loop over rows and cells, code by code', () => {
    fc.assert(
      fc.property(caseArbitrary, (input) => {
        const built = build(input)
        const fast = valuesOf(input, built)
        const plain = valuesOf(input, built, createNaiveValues)
        const both = {
          activate: (pass: number, ou: number, plane: number, slices: number) => {
            fast.activate(pass, ou, plane, slices)
            plain.activate(pass, ou, plane, slices)
          },
        }
        runEvent(built.ctx, built.macros, { ...plainEvent, values: both })
        expect(fast.acc).toEqual(plain.acc)
        expect(fast.histogram).toEqual(plain.histogram)
        expect(fast.clipped()).toBe(plain.clipped())
      }),
      runs(150),
    )
  })
})

describe('dense baselines', () => {
  it('leave out whole periods and still equal the full simulation', () => {
    fc.assert(
      fc.property(
        caseArbitrary,
        fc.integer({ min: 1, max: 40 }),
        fc.constantFrom('dense-bare' as const, 'dense-same-hardware' as const),
        (input, vectors, variant) => {
          const passes = vectors * (input.form === 'split' ? 2 : 1)
          const codes = input.matrices.map((w, m) =>
            Uint8Array.from({ length: passes * w.rows }, (_, i) => input.codes[m]![i % input.codes[m]!.length]!),
          )
          const { ctx, macros } = build({ ...input, vectors, codes }, variant)
          const full = runEvent(ctx, macros, plainEvent)
          expect(runDense(ctx, macros)).toEqual(full.macros)
          const counted = denseTally(ctx)
          expect(countActions(counted, ctx, driveCounts(counted, ctx.work))).toEqual(full.actions)
          expect(counted.planesFired).toBe(full.planesFired)
          expect(counted.activations).toBe(full.ouActivations)
        },
      ),
      runs(200),
    )
  })
})
