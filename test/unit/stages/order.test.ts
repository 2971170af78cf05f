// Items as numbers, the order of execution, and the parameters of the stages.
import { describe, expect, it } from 'vitest'
import type { z } from 'zod'
import { SpecError } from '../../../models/base/errors.js'
import { stages } from '../../../sim/stages/index.js'
import { itemLayout, maxPlanes, maxSlices, planeOf, sliceOf } from '../../../sim/stages/item.js'
import { tabulateDigitSums, tabulateFlags } from '../../../sim/stages/load.js'
import {
  adcParams,
  benesParams,
  cacheParams,
  cimParams,
  loadParams,
  shiftAddParams,
  skipParams,
} from '../../../sim/stages/params.js'
import { createSource } from '../../../sim/stages/visits.js'
import { expectFields, type Row } from '../../helpers/fields.js'
import { build, type Case, machine, matrix } from '../../helpers/work.js'

describe('items', () => {
  it.each([
    // OUs in a window, windows under way → mask of the OU, where the visit begins, length of a ring
    [1, 1, 0, 10, 2],
    [2, 2, 1, 11, 2],
    [3, 3, 3, 12, 4],
    [8, 16, 7, 13, 16],
    [9, 17, 15, 14, 32],
  ])('%i OUs and %i windows under way', (ous, underWay, ouMask, visitShift, ring) => {
    expect(itemLayout(ous, underWay, '')).toEqual({ ouMask, visitShift, ring })
  })

  it('must fit 31 bits', () => {
    // 10 + 12 bits in front of 9: a ring of 256 and one bit for the two of them.
    expect(itemLayout(4096, 256, '')).toEqual({ ouMask: 4095, visitShift: 22, ring: 256 })
    expect(() => itemLayout(4096, 257, 'use a smaller cim.depth')).toThrow(SpecError)
    expect(() => itemLayout(4096, 257, 'use a smaller cim.depth')).toThrow(
      'strip.ous and what the stages hold are too large together: 4096 OUs in a window and 257 windows under way need 32 bits of an item, 31 are there; use a smaller cim.depth',
    )
  })

  it('carry plane and slice', () => {
    const item = (5 << 7) | (19 << 2) | 3 | (1 << 10)
    expect([planeOf(item), sliceOf(item)]).toEqual([5, 19])
    expect([maxPlanes, maxSlices]).toEqual([8, 32])
  })
})

describe('digits of a code', () => {
  it.each([
    // bits a step, planes, code → planes with a digit, sum of the digits
    [1, 8, 0b1010_0001, 0b1010_0001, 3],
    [2, 4, 0b1100_0001, 0b1001, 4],
    [3, 3, 0b11_000_101, 0b101, 8],
    [8, 1, 200, 1, 200],
    [4, 2, 0, 0, 0],
  ])('%i bits a step, %i planes, code %i', (bitsPerStep, planes, code, mask, sum) => {
    expect(tabulateFlags(bitsPerStep, planes)[code]).toBe(mask)
    expect(tabulateDigitSums(bitsPerStep, planes)[code]).toBe(sum)
    expect(tabulateFlags(bitsPerStep, planes).length).toBe(256)
    expect(tabulateDigitSums(bitsPerStep, planes).length).toBe(256)
  })
})

// One OU a window, groups of two OU rows: windows 0, 1 | 2 of the only strip.
function column(vectors: number, change: Record<string, unknown> = {}): Case {
  const m = machine({ ou: { rows: 1, cols: 1 }, block: 1, strip: { ous: 1 }, array: { rows: 2, cols: 1 }, ...change })
  const codes = [new Uint8Array(3 * vectors).fill(1)]
  return { machine: m, matrices: [matrix(3, 1, [1, 1, 1])], form: 'unsigned', zeroPoint: 0, vectors, codes }
}

describe('the order of execution', () => {
  function visits(vectors: number, hook: ((group: number, pass: number, left: number, now: number) => number) | null) {
    const { ctx } = build(column(vectors))
    const source = createSource(ctx.work, ctx.spec, ctx.work.mapping.groups, hook)
    const seen: string[] = []
    for (let item = source.next(7); item !== -1 && seen.length < 50; item = source.next(7)) {
      const visit = item >>> source.layout.visitShift
      expect(item).toBe(visit << source.layout.visitShift)
      seen.push(`${source.visits.windows[visit]}.${source.visits.passes[visit]}`)
    }
    expect(source.next(8)).toBe(-1)
    return seen
  }

  it('groups, then passes, then windows', () => {
    expect(visits(2, null)).toEqual(['0.0', '1.0', '0.1', '1.1', '2.0', '2.1'])
  })

  it('ends at once without vectors and without groups', () => {
    expect(visits(0, null)).toEqual([])
    const { ctx } = build(column(1))
    expect(createSource(ctx.work, ctx.spec, [], null).next(0)).toBe(-1)
  })

  it('asks the hook at the first window of every pass, and leaves out the passes that it says', () => {
    const asked: number[][] = []
    const seen = visits(5, (...args) => {
      asked.push(args)
      return args[0] === 0 && args[1] === 1 ? 2 : 0
    })
    // Group 0 runs passes 0, 3 and 4 in full: at pass 1 two are left out.
    expect(seen).toEqual(['0.0', '1.0', '0.3', '1.3', '0.4', '1.4', '2.0', '2.1', '2.2', '2.3', '2.4'])
    expect(asked).toEqual([
      [0, 0, 5, 7],
      [0, 1, 4, 7],
      [0, 4, 1, 7],
      ...[0, 1, 2, 3, 4].map((pass) => [1, pass, 5 - pass, 7]),
    ])
  })

  it('gives every visit under way a place of its own', () => {
    // Seven stages hold at most Σ (queue + depth) = 14 + 3 × 9 windows, and one is in hand: a ring of 64 at 43 of them.
    const slow = { cache: { queue: 10 }, load: { queue: 10 }, adc: { queue: 10 } }
    const { ctx } = build(column(40, slow))
    const { layout } = createSource(ctx.work, ctx.spec, ctx.work.mapping.groups, null)
    expect(layout.ring).toBe(64)
    const plain = build(column(40))
    expect(createSource(plain.ctx.work, plain.ctx.spec, plain.ctx.work.mapping.groups, null).layout.ring).toBe(16)
  })
})

describe('parameters', () => {
  // Field, range, unit: what a user is told and what is accepted.
  const interval: Row = ['interval', 'a whole number 1 … 1000000', 'cycle']
  const timing: Row[] = [
    ['latency', 'a whole number 1 … 1000000', 'cycle'],
    ['depth', 'a whole number 1 … 1000000 or "auto"', 'item'],
    ['queue', 'a whole number 1 … 1000000', 'item'],
    ['streaming', 'true or false', ''],
  ]
  const network = 'a whole number 1 … 1000000 or "combinational", "registered"'
  it.each<[string, z.ZodType, Row[]]>([
    ['cache', cacheParams, [['portBits', 'a whole number 1 … 1048576', 'bit'], ...timing]],
    ['load', loadParams, [['rowsPerCycle', 'a whole number 1 … 65536', 'row'], ...timing]],
    ['skip', skipParams, [interval, ...timing]],
    ['cim', cimParams, [interval, ...timing]],
    ['adc', adcParams, [['cyclesPerConversion', 'a whole number 1 … 1000000', 'cycle'], ...timing]],
    ['benes', benesParams, [interval, ['latency', network, 'cycle'], ...timing.slice(1)]],
    ['shiftAdd', shiftAddParams, [interval, ...timing]],
  ])('%s: fields, ranges and units; every field says what it is, unknown ones are refused', (_, schema, rows) => {
    expectFields(schema, rows)
  })

  it('the latency of Benes may be a word, and is one at first', () => {
    const parse = (latency: unknown) => benesParams.safeParse({ interval: 1, latency }).data?.latency
    expect(benesParams.parse({ interval: 1 }).latency).toBe('combinational')
    expect(['registered', 7, 0, 1_000_001, 1.5, 'other'].map(parse)).toEqual([
      'registered',
      7,
      ...Array(4).fill(undefined),
    ])
  })

  it('every stage says what it does', () => {
    expect(stages.all.map(({ name }) => name)).toEqual(['cache', 'load', 'skip', 'cim', 'adc', 'benes', 'shiftAdd'])
    expect(() => stages.get('lode')).toThrow(/unknown stage "lode"/)
    for (const { doc } of stages.all) expect(doc).toMatch(/^\w+ .* \w+/)
  })
})
