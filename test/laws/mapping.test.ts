import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cycleBound } from '../../models/analytic/bound.js'
import { SimFault } from '../../models/base/errors.js'
import { mapLayer } from '../../models/mapping/build.js'
import { checkMapping, unmap } from '../../models/mapping/check.js'
import { planarise, type StackedOu } from '../../models/mapping/planarise.js'
import { quantiseWeights } from '../../models/nn/quantise.js'
import type { Layer } from '../../models/nn/types.js'
import { mapSpec } from '../../sim/chip/parts.js'
import { plainEvent, runEvent } from '../../sim/engines/event.js'
import { runs } from '../helpers/cases.js'
import { build, caseArbitrary, machine, matrix, stream } from '../helpers/work.js'

describe('mapping', () => {
  it('holds every invariant, and unmap(map(W)) = W, on random machines', () => {
    fc.assert(
      fc.property(caseArbitrary, (input) => {
        for (const variant of ['machine', 'dense-bare'] as const) {
          const spec = mapSpec(input.machine, variant)
          const mapping = mapLayer(input.matrices, spec)
          checkMapping(mapping, spec)
          expect(unmap(mapping).map((m) => Array.from(m.e))).toEqual(input.matrices.map((m) => Array.from(m.e)))
        }
      }),
      runs(300),
    )
  })

  it('checkMapping notices a lost OU, a row in the wrong tile and a piece outside its group', () => {
    const m = machine({ ou: { rows: 2, cols: 2 }, block: 2, strip: { ous: 2 }, array: { rows: 4, cols: 8 } })
    const spec = mapSpec(m, 'machine')
    const mapping = mapLayer(
      [
        matrix(
          6,
          4,
          Array.from({ length: 24 }, () => 1),
        ),
      ],
      spec,
    )
    checkMapping(mapping, spec)
    const rows = mapping.rowOf.slice()
    rows[0] = 5
    expect(() => checkMapping({ ...mapping, rowOf: rows }, spec)).toThrow(SimFault)
    expect(() => checkMapping({ ...mapping, pieces: mapping.pieces.map((p) => ({ ...p, col: 3 })) }, spec)).toThrow(
      /leaves its array group/,
    )
    const cols = mapping.colOf.slice()
    cols[0] = cols[2]!
    expect(() => checkMapping({ ...mapping, colOf: cols }, spec)).toThrow(SimFault)
  })

  it('compresses rows of random weights as often as probability says: (share of zero weights)^(outputs of an OU)', () => {
    const random = stream(3)
    const m = machine({ ou: { rows: 16, cols: 2 }, block: 1, strip: { ous: 4 }, tile: { rows: 'all' } })
    const [rows, cols] = [4000, 8]
    const mapping = mapLayer(
      [
        matrix(
          rows,
          cols,
          Array.from({ length: rows * cols }, () => (random() < 0.7 ? 0 : 1)),
        ),
      ],
      mapSpec(m, 'machine'),
    )
    // Rows deleted per OU column: binomial with p = 0.7² = 0.49, n = 16,000; four standard deviations are 1.6 %.
    const share = mapping.deletedWeights / (rows * cols)
    expect(Math.abs(share - 0.49)).toBeLessThan(0.016)
  })

  it('planarise levels slots to within one OU in ou-bit order and never moves anything in window-bit order', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 1, maxLength: 8 }), (heights) => {
        const stacks = (): StackedOu[][] =>
          heights.map((height, column) => Array.from({ length: height }, (_, run) => ({ column, run })))
        const level = stacks()
        planarise(level, 'ou-bit')
        const sizes = level.map((slot) => slot.length)
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
        const key = (ou: StackedOu) => `${ou.column}.${ou.run}`
        expect(level.flat().map(key).sort()).toEqual(stacks().flat().map(key).sort())
        const fixed = stacks()
        planarise(fixed, 'window-bit')
        expect(fixed).toEqual(stacks())
      }),
    )
  })

  it('planarise by hand: heights 3, 0, 0 become 1, 1, 1, the last run moving first, to the lowest slot', () => {
    const slots = [[0, 1, 2].map((run) => ({ column: 0, run })), [], []] as StackedOu[][]
    planarise(slots, 'ou-bit')
    expect(slots.map((slot) => slot.map((ou) => ou.run))).toEqual([[0], [2], [1]])
  })

  it('places pieces below, then to the right, then in a new group', () => {
    // 5 row tiles of 2 OU rows, strips 1 OU wide, groups of 4 × 2 OUs: two below each other, then right, then new.
    const m = machine({
      ou: { rows: 1, cols: 1 },
      block: 1,
      tile: { rows: 2 },
      strip: { ous: 1 },
      array: { rows: 4, cols: 2 },
    })
    const mapping = mapLayer(
      [
        matrix(
          10,
          1,
          Array.from({ length: 10 }, () => 1),
        ),
      ],
      mapSpec(m, 'machine'),
    )
    expect(mapping.pieces.map((p) => [p.group, p.row, p.col])).toEqual([
      [0, 0, 0],
      [0, 2, 0],
      [0, 0, 1],
      [0, 2, 1],
      [1, 0, 0],
    ])
  })

  it('block-diagonal packing stores no row that holds structural zeros only, and counts none as sparsity', () => {
    const layer: Layer = {
      index: 0,
      name: 'dw',
      op: 'Conv',
      geometry: {
        kind: 'conv',
        groups: 8,
        groupIn: 1,
        groupOut: 1,
        kernel: [3, 3],
        strides: [1, 1],
        dilations: [1, 1],
        pads: [0, 0, 0, 0],
        autoPad: null,
      },
      weightShape: [8, 1, 3, 3],
      weights: { kind: 'float', values: Float32Array.from({ length: 72 }, (_, i) => (i % 9 === 0 ? 0 : 1)) },
      inputTensor: 'x',
      input: null,
      outputTensor: 'y',
      outputStep: null,
      bias: null,
    }
    const packed = quantiseWeights(
      layer,
      { encoding: 'differential', scale: 'per-tensor', rowOrder: 'channel-major' },
      'block-diagonal',
    )
    const m = machine({ ou: { rows: 16, cols: 4 }, strip: { ous: 2 } })
    const dense = mapLayer(
      packed.matrices,
      mapSpec(machine({ ou: { rows: 16, cols: 4 }, strip: { ous: 2 }, mapping: { compress: false } }), 'machine'),
    )
    // Two OU columns of 4 outputs: 4 groups × 9 rows each, not all 72.
    expect(dense.rowOf.length).toBe(2 * 36)
    const mapping = mapLayer(packed.matrices, mapSpec(m, 'machine'))
    expect(mapping.rowOf.length).toBe(2 * 32)
    expect(mapping.deletedWeights).toBe(8)
  })
})

describe('closed-form bound', () => {
  it('never exceeds the simulated cycles, and equals the busiest stage', () => {
    fc.assert(
      fc.property(caseArbitrary, (input) => {
        const { ctx, macros } = build(input)
        const { mapping, passes, codes, sliceMasks, coding } = ctx.work
        const bound = cycleBound(
          { mapping, polarities: coding.polarities, passes, codes, sliceMasks, rates: ctx.spec },
          macros,
        )
        const result = runEvent(ctx, macros, plainEvent)
        expect(bound).toBeLessThanOrEqual(result.cycles)
        expect(bound).toBe(Math.max(0, ...result.macros.flatMap((macro) => macro.stages.map((stage) => stage.busy))))
      }),
      runs(300),
    )
  })
})
