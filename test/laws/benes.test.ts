// The reordering network: every permutation can be set, and what the switches do is what the machine computes.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SimFault } from '../../models/base/errors.js'
import { benesSettings, switchCount, throughBenes } from '../../models/mapping/benes.js'
import { mapLayer } from '../../models/mapping/build.js'
import { checkMapping } from '../../models/mapping/check.js'
import { benesShape, type Mapping } from '../../models/mapping/mapping.js'
import { deliveries, portMap, toggles } from '../../models/mapping/reorder.js'
import type { MapSpec } from '../../models/mapping/spec.js'
import { correct } from '../../models/values/finish.js'
import { createOuValues } from '../../models/values/ou-values.js'
import { mapSpec } from '../../sim/chip/parts.js'
import { plainEvent, runEvent } from '../../sim/engines/event.js'
import { fastValues } from '../helpers/fast.js'
import { type Built, build, type Case, caseArbitrary, machine, matrix, product, stream } from '../helpers/work.js'

function shuffled(n: number, random: () => number): Int32Array {
  const list = Int32Array.from({ length: n }, (_, i) => i)
  for (let i = n - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    const entry = list[i]!
    list[i] = list[j]!
    list[j] = entry
  }
  return list
}

/** Every permutation of 0 … n − 1, by Heap's method. */
function* permutations(n: number): Generator<Int32Array> {
  const list = Int32Array.from({ length: n }, (_, i) => i)
  const count = new Int32Array(n)
  yield list
  for (let i = 0; i < n; ) {
    if (count[i]! >= i) {
      count[i++] = 0
      continue
    }
    const j = i % 2 === 0 ? 0 : count[i]!
    const entry = list[i]!
    list[i] = list[j]!
    list[j] = entry
    yield list
    count[i]!++
    i = 0
  }
}

/** A third program for the same network: recursive, on lists. */
function send<T>(inputs: readonly T[], settings: readonly (readonly number[])[]): T[] {
  const n = inputs.length
  const cross = (pair: readonly T[], bit: number) => (bit === 0 ? pair : [pair[1]!, pair[0]!])
  const pairs = Array.from({ length: n / 2 }, (_, i) => cross(inputs.slice(2 * i, 2 * i + 2), settings[0]![i]!))
  if (n === 2) return [...pairs[0]!]
  const inner = settings.slice(1, -1)
  const half = n / 4
  const upper = send(
    pairs.map((pair) => pair[0]!),
    inner.map((column) => column.slice(0, half)),
  )
  const lower = send(
    pairs.map((pair) => pair[1]!),
    inner.map((column) => column.slice(half)),
  )
  return upper.flatMap((top, i) => cross([top, lower[i]!], settings.at(-1)![i]!))
}

function columns(settings: Uint8Array, ports: number): number[][] {
  const half = ports / 2
  return Array.from({ length: settings.length / half }, (_, s) => [...settings.subarray(s * half, (s + 1) * half)])
}

describe('Benes network', () => {
  it('has (N/2)(2·log2 N − 1) switches: 1, 6, 20, 56, 144, 352', () => {
    expect([1, 2, 4, 8, 16, 32, 64].map(switchCount)).toEqual([0, 1, 6, 20, 56, 144, 352])
    for (const ous of [1, 2, 3, 5, 8]) {
      const shape = benesShape(ous, 8, 4)
      expect(shape.switches).toBe(switchCount(shape.padded))
    }
  })

  it.each([1, 2, 4, 8])('N = %d: the settings realise every permutation', (ports) => {
    let count = 0
    for (const to of permutations(ports)) {
      const settings = benesSettings(to)
      const through = throughBenes(settings, ports)
      for (let i = 0; i < ports; i++) if (through[i] !== to[i]) expect(Array.from(through)).toEqual(Array.from(to))
      count++
    }
    expect(count).toBe([1, 1, 2, 6, 24, 120, 720, 5040, 40320][ports])
  })

  it.each([16, 32, 64])('N = %d: the settings realise sampled permutations', (ports) => {
    const random = stream(ports)
    for (let i = 0; i < 500; i++) {
      const to = shuffled(ports, random)
      const settings = benesSettings(to)
      expect(throughBenes(settings, ports)).toEqual(to)
      const inputs = Array.from(to, (_, port) => port)
      const out = send(inputs, columns(settings, ports))
      expect(inputs.map((port) => out.indexOf(port))).toEqual(Array.from(to))
    }
  })

  it('by hand: exchanging 0 and 1 of four ports; straight through', () => {
    // upper network: input 0 first; its partner by the last column is output 0's neighbour, input 0 … worked out on paper
    expect(Array.from(benesSettings([0, 1, 2, 3]))).toEqual([0, 0, 0, 0, 0, 0])
    expect(Array.from(benesSettings([1, 0, 2, 3]))).toEqual([0, 0, 0, 0, 1, 0])
    expect(Array.from(benesSettings([2, 3, 0, 1]))).toEqual([0, 0, 1, 1, 0, 0])
  })

  it('refuses what is no permutation, a number of ports that is no power of two, too few settings', () => {
    expect(() => benesSettings([0, 0])).toThrow(SimFault)
    expect(() => benesSettings([0, 2, 1])).toThrow(/power of two/)
    expect(() => throughBenes(new Uint8Array(5), 4)).toThrow(SimFault)
  })
})

/** A case whose strips hold random permutations. */
const shuffledCase = fc.tuple(caseArbitrary, fc.integer())

function withPerms(
  input: Case,
  seed: number,
): { readonly mapping: Mapping; readonly spec: MapSpec; readonly built: Built } {
  const random = stream(seed)
  const built = build(input)
  const perms = built.ctx.work.mapping.strips.map((strip) => shuffled(strip.perm.length, random))
  const spec = mapSpec(input.machine, 'machine')
  return { mapping: mapLayer(input.matrices, spec, perms), spec, built: build(input, 'machine', perms) }
}

function eventLossless(input: Case, { ctx, macros, adc }: Built): Float64Array {
  const { form, zeroPoint, codes, vectors } = input
  const { mapping, coding } = ctx.work
  const base = { mapping, coding, form, zeroPoint, codes, vectors, adc, bitsPerStep: ctx.spec.bitsPerStep }
  const sink = createOuValues(base)
  runEvent(ctx, macros, { ...plainEvent, values: sink })
  correct(sink.lossless, base)
  return sink.lossless
}

describe('reordering of a mapping', () => {
  it('delivers every output of random permutations to its place, and the product is right in both engines', () => {
    fc.assert(
      fc.property(shuffledCase, ([input, seed]) => {
        const { mapping, spec, built } = withPerms(input, seed)
        checkMapping(mapping, spec)
        const exact = product(input)
        expect(eventLossless(input, built)).toEqual(exact)
        expect(fastValues(input, built).exact).toEqual(exact)
      }),
      { numRuns: 300 },
    )
  })

  it('a wrong setting gives a wrong output, in both engines, and checkMapping sees it', () => {
    const m = machine({
      ...{ ou: { rows: 2, cols: 2 }, block: 1, strip: { ous: 2 }, array: { rows: 8, cols: 8 } },
      adc: { mode: 'lossless' },
    })
    const w = matrix(
      2,
      4,
      Array.from({ length: 8 }, (_, i) => i + 1),
    )
    const input: Case = {
      machine: m,
      matrices: [w],
      form: 'unsigned',
      zeroPoint: 0,
      vectors: 1,
      codes: [Uint8Array.of(1, 2)],
    }
    const spec = mapSpec(m, 'machine')
    const right = build(input, 'machine', [Int32Array.of(2, 0, 3, 1)])
    expect(Array.from(eventLossless(input, right))).toEqual([11, 14, 17, 20])
    const { mapping } = right.ctx.work
    for (let bit = 0; bit < mapping.reordering.settings.length; bit++) {
      const settings = mapping.reordering.settings.slice()
      settings[bit]! ^= 1
      const changed = { ...mapping, reordering: { ...mapping.reordering, settings } }
      const wrong = { ...changed, deliveredTo: deliveries(mapping, changed.reordering, spec) }
      expect(() => checkMapping(wrong, spec)).toThrow(/is delivered to/)
      const broken = { ...right, ctx: { ...right.ctx, work: { ...right.ctx.work, mapping: wrong } } }
      const values = eventLossless(input, broken)
      expect(Array.from(values)).not.toEqual([11, 14, 17, 20])
      expect(fastValues(input, broken).exact).toEqual(values)
    }
  })

  it('what reaches a dummy port or a missing output is lost', () => {
    // three outputs of four: crossing the last switch sends output 2 to the port that has none
    const m = machine({ ou: { rows: 1, cols: 1 }, block: 1, strip: { ous: 4 }, array: { rows: 8, cols: 8 } })
    const spec = mapSpec(m, 'machine')
    const mapping = mapLayer([matrix(1, 3, [1, 1, 1])], spec)
    const settings = mapping.reordering.settings.slice()
    settings[5]! ^= 1
    const delivered = deliveries(mapping, { ...mapping.reordering, settings }, spec)
    expect(Array.from(delivered).map((col) => (col < 0 ? 'lost' : col))).toEqual([0, 1, 'lost'])
  })

  it('by hand: ports of a permuted strip with a short last block in its middle', () => {
    // five outputs in blocks of two: block 2 holds output 4 alone and lies first; OUs of two columns
    const m = machine({ ou: { rows: 1, cols: 4 }, block: 2, strip: { ous: 2 }, array: { rows: 8, cols: 8 } })
    const spec = mapSpec(m, 'machine')
    const mapping = mapLayer([matrix(1, 5, [1, 1, 1, 1, 1])], spec, [Int32Array.of(2, 0, 1)])
    expect(Array.from(mapping.colOf)).toEqual([4, 0, 1, 2, 3])
    expect(Array.from(portMap(mapping, spec, [0, 1]))).toEqual([2, 0, 1, -1])
  })

  it('toggles: a window alone sets its switches once; two windows change them back and forth', () => {
    const m = machine({
      ou: { rows: 1, cols: 1 },
      block: 1,
      strip: { ous: 2 },
      array: { rows: 4, cols: 4 },
      tile: { rows: 1 },
    })
    const spec = mapSpec(m, 'machine')
    const ones = (rows: number) =>
      matrix(
        rows,
        2,
        Array.from({ length: 2 * rows }, () => 1),
      )
    const crossed = Int32Array.of(1, 0)
    const straight = Int32Array.of(0, 1)
    expect(toggles(mapLayer([ones(1)], spec, [crossed]), 10)).toBe(1)
    expect(toggles(mapLayer([ones(2)], spec, [crossed, straight]), 10)).toBe(1 + 10 + 9)
    expect(toggles(mapLayer([ones(2)], spec, [straight, straight]), 10)).toBe(0)
    expect(toggles(mapLayer([ones(2)], spec, [crossed, straight]), 0)).toBe(0)
  })
})
