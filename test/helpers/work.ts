// Small layers on small machines, made by hand or at random, for the tests of mapping, timing and values.
import fc from 'fast-check'
import { mapLayer } from '../../models/mapping/build.js'
import { benesShape } from '../../models/mapping/mapping.js'
import { remappers } from '../../models/mapping/remappers/index.js'
import type { CodeForm, WeightMatrix } from '../../models/nn/types.js'
import { type AdcTables, adcTables, maxSum } from '../../models/values/adc.js'
import { weightCoding } from '../../models/values/encode.js'
import type { Correction } from '../../models/values/finish.js'
import { sliceMasks } from '../../models/values/ou-cells.js'
import { macroSpec, mapSpec, type Variant } from '../../sim/chip/parts.js'
import { type Machine, machineSchema } from '../../sim/chip/spec.js'
import type { TallyContext } from '../../sim/stages/tally.js'
import './cases.js'

/** A machine from a few words: every stage with interval, latency and queue 1, differential 2-bit cells, OU 16 × 8. */
export function machine(change: Record<string, unknown> = {}): Machine {
  const base = {
    name: 'test',
    ou: { rows: 16, cols: 8 },
    block: 4,
    tile: { rows: 'all' },
    strip: { ous: 8 },
    array: { rows: 128, cols: 128 },
    macros: 'all',
    cell: { bits: 2, rOnOhm: 1e5, rOffOhm: 1e6, readV: 0.5, readNs: 10, writePj: 1 },
    input: { bitsPerStep: 1, signed: 'offset', calibration: 'min-max' },
    weights: { encoding: 'differential', scale: 'per-channel', rowOrder: 'channel-major' },
    mapping: { remapper: 'identity', compress: true, planarise: true, groups: 'separate' },
    order: 'ou-bit',
    slices: 'serial',
    skipZeroPlanes: true,
    skipZeroSlices: false,
    adcs: 16,
    cache: { portBits: 1024 },
    load: { rowsPerCycle: 16 },
    skip: { interval: 1 },
    cim: { interval: 1 },
    adc: { bits: 5, mode: 'clip', cyclesPerConversion: 1 },
    benes: { interval: 1 },
    shiftAdd: { interval: 1 },
    clock: { periodNs: 10 },
    technology: { nodeNm: 28, supplyV: 0.9 },
    cost: { prices: 'cmos28', adcModel: 'zigzag-imc', powerGating: false },
  }
  return machineSchema.parse(merge(base, change))
}

function merge(base: Record<string, unknown>, change: Record<string, unknown>): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...base }
  for (const [key, value] of Object.entries(change)) {
    const old = merged[key]
    const nested = isRecord(old) && isRecord(value)
    merged[key] = nested ? merge(old, value) : value
  }
  return merged
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function matrix(rows: number, cols: number, e: ArrayLike<number>): WeightMatrix {
  return { rows, cols, e: Int16Array.from(e), diagonal: null }
}

export interface Case {
  readonly machine: Machine
  readonly matrices: readonly WeightMatrix[]
  readonly form: CodeForm
  readonly zeroPoint: number
  readonly vectors: number
  /** per matrix: passes × rows bytes */
  readonly codes: readonly Uint8Array[]
}

export interface Built {
  readonly ctx: TallyContext
  readonly adc: AdcTables
  readonly macros: number
}

/** Everything that the engines take, for one variant of the machine. */
export function build(input: Case, variant: Variant = 'machine', perms?: readonly Int32Array[]): Built {
  const { machine: m } = input
  const map = mapSpec(m, variant)
  const mapping = mapLayer(input.matrices, map, perms)
  const coding = weightCoding(input.matrices, m.weights.encoding, m.cell.bits)
  const spec = macroSpec(m, variant, coding.polarities)
  const adc = adcTables(m.adc, maxSum(m.ou.rows, m.input.bitsPerStep, m.cell.bits))
  const passes = input.vectors * (input.form === 'split' ? 2 : 1)
  const work = {
    mapping,
    coding,
    passes,
    codes: input.codes,
    sliceMasks: sliceMasks(mapping, coding, spec.skipZeroSlices),
  }
  const benes = benesShape(m.strip.ous, m.ou.cols, m.block)
  const ctx = { work, spec, map, benes, codeBits: adc.bits, vectors: input.vectors, adcCodes: new Float64Array(0) }
  const macros = m.macros === 'all' ? Math.max(1, mapping.groups.length) : m.macros
  return { ctx, adc, macros }
}

/** What turns sums of OUs into results, of a case and what was built of it. */
export function correctionOf(input: Case, { ctx }: Built): Correction {
  const { mapping, coding } = ctx.work
  const { form, zeroPoint, codes, vectors } = input
  return { mapping, coding, form, zeroPoint, codes, vectors }
}

/** Numbers of a stage that are mostly small; `far` ones come on machines of extremes only. */
interface Reach {
  number(most: number, far: readonly number[]): fc.Arbitrary<number>
}

const near: Reach = {
  number: (most) => fc.oneof({ weight: 3, arbitrary: fc.constant(1) }, fc.integer({ min: 1, max: most })),
}

/** Beyond the slots of the timing wheel, at the bounds of the fields, and sums of cycles beyond 32 bits. */
const extreme: Reach = {
  number: (most, far) =>
    fc.oneof({ weight: 2, arbitrary: near.number(most, far) }, { weight: 1, arbitrary: fc.constantFrom(...far) }),
}

const farIntervals = [255, 256, 257, 65_537, 1_000_000]

const stageArbitrary = (
  reach: Reach,
  extra: Record<string, fc.Arbitrary<unknown>>,
): fc.Arbitrary<Record<string, unknown>> =>
  fc.record({
    latency: reach.number(12, [64, 256, 300, 5000]),
    depth: fc.oneof({ weight: 2, arbitrary: fc.constant('auto' as const) }, reach.number(5, [40, 1000])),
    queue: reach.number(6, [16, 63, 1000]),
    streaming: fc.boolean(),
    ...extra,
  })

/** Whatever a searching remapper may spend: little, so that a case stays quick. */
const searchArbitrary = fc
  .nat({ max: 99 })
  .map((seed) => ({ seed, population: 2, generations: 1, patience: 1, trials: 2 }))

const reachedMachine = (reach: Reach): fc.Arbitrary<Machine> =>
  fc
    .record({
      ouRows: fc.constantFrom(1, 2, 3, 4, 8, 17),
      ouCols: fc.constantFrom(1, 2, 4, 8),
      blockFactor: fc.constantFrom(1, 2, 4),
      wideBlock: fc.boolean(),
      tileFactor: fc.oneof(fc.constant('all' as const), fc.integer({ min: 1, max: 3 })),
      stripOus: fc.constantFrom(1, 2, 4, 8),
      groupRows: fc.integer({ min: 1, max: 4 }),
      extraCols: fc.integer({ min: 0, max: 6 }),
      macros: fc.constantFrom('all' as const, 1, 2, 3),
      encoding: fc.constantFrom('differential' as const, 'offset' as const, 'twos-complement' as const),
      cellBits: fc.integer({ min: 1, max: 3 }),
      signed: fc.constantFrom('offset' as const, 'twos-complement' as const, 'split' as const),
      bitsPerStep: fc.constantFrom(1, 1, 2, 3, 4, 8),
      flags: fc.record({
        compress: fc.boolean(),
        planarise: fc.boolean(),
        planes: fc.boolean(),
        slices: fc.boolean(),
      }),
      remapper: fc.oneof(
        { weight: 1, arbitrary: fc.constant('identity') },
        { weight: 1, arbitrary: fc.constantFrom(...remappers.all.map(({ name }) => name)) },
      ),
      search: searchArbitrary,
      index: fc.constantFrom('plain' as const, 'delta' as const, 'bitmap' as const, 'best' as const),
      order: fc.constantFrom('ou-bit' as const, 'window-bit' as const),
      slices: fc.constantFrom('serial' as const, 'parallel' as const),
      adcs: fc.constantFrom(1, 2, 3, 16),
      adc: stageArbitrary(reach, {
        bits: fc.integer({ min: 1, max: 7 }),
        mode: fc.constantFrom('lossless' as const, 'clip' as const, 'scaled' as const),
        cyclesPerConversion: reach.number(9, farIntervals),
      }),
      lsb: fc.integer({ min: 1, max: 4 }),
      cache: stageArbitrary(reach, { portBits: fc.constantFrom(1, 8, 24, 64, 1024) }),
      load: stageArbitrary(reach, { rowsPerCycle: fc.constantFrom(1, 3, 16) }),
      skip: stageArbitrary(reach, { interval: reach.number(9, farIntervals) }),
      cim: stageArbitrary(reach, { interval: reach.number(9, farIntervals) }),
      benes: stageArbitrary(reach, { interval: reach.number(9, farIntervals) }),
      shiftAdd: stageArbitrary(reach, { interval: reach.number(9, farIntervals) }),
    })
    .map((m) => {
      const twos = m.signed === 'twos-complement'
      // A remapper has something to find where an OU holds several blocks and zero rows are deleted.
      const searched = m.remapper !== 'identity'
      const wide = m.wideBlock && m.stripOus % m.blockFactor === 0 && !searched
      const block = wide ? m.ouCols * m.blockFactor : Math.max(1, Math.floor(m.ouCols / m.blockFactor))
      const pairs = block >= m.ouCols || m.ouCols === 2 * block
      const remapper = m.remapper === 'matching' && !pairs ? 'auto' : m.remapper
      const { planarise, planes, slices } = m.flags
      const compress = m.flags.compress || searched
      return machine({
        ou: { rows: m.ouRows, cols: m.ouCols },
        block,
        tile: { rows: m.tileFactor === 'all' ? 'all' : m.tileFactor * m.ouRows },
        strip: { ous: m.stripOus },
        array: { rows: m.groupRows * m.ouRows, cols: (m.stripOus + m.extraCols) * m.ouCols },
        macros: m.macros,
        cell: { bits: m.encoding === 'twos-complement' ? 1 : m.cellBits },
        input: { bitsPerStep: twos ? 1 : m.bitsPerStep, signed: m.signed },
        weights: { encoding: m.encoding },
        mapping: { compress, planarise, remapper, search: m.search, index: m.index },
        order: m.order,
        slices: m.slices,
        skipZeroPlanes: planes,
        skipZeroSlices: slices,
        adcs: m.adcs,
        adc: { ...m.adc, lsb: m.adc['mode'] === 'scaled' ? m.lsb : 1 },
        cache: m.cache,
        load: m.load,
        skip: m.skip,
        cim: m.cim,
        benes: m.benes,
        shiftAdd: m.shiftAdd,
      })
    })

/** Random machines, always legal: the cross-field rules hold by construction. One in four has extreme intervals, latencies and queues. */
export const machineArbitrary: fc.Arbitrary<Machine> = fc.oneof(
  { weight: 3, arbitrary: reachedMachine(near) },
  { weight: 1, arbitrary: reachedMachine(extreme) },
)

/** A random machine with a random small layer: dense, sparse, all-zero, ragged, of one row. test/laws/cases.test.ts counts what occurs. */
export const caseArbitrary: fc.Arbitrary<Case> = machineArbitrary.chain((m) =>
  fc
    .record({
      rows: fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 1, max: 24 }) }, fc.constant(1)),
      cols: fc.oneof({ weight: 19, arbitrary: fc.integer({ min: 1, max: 20 }) }, fc.constant(1)),
      matrices: fc.integer({ min: 1, max: 3 }),
      vectors: fc.integer({ min: 1, max: 4 }),
      zeroPoint: fc.constantFrom(0, 0, 7, 128),
      weightDensity: fc.constantFrom(0, 0.1, 0.4, 1),
      /** zeros come in whole blocks, which is what remappers bring together */
      zeroBlocks: fc.boolean(),
      codeDensity: fc.constantFrom(0, 0.05, 0.3, 1),
      codeTop: fc.constantFrom(1, 16, 255),
      seed: fc.integer(),
    })
    .map((p) => {
      const random = stream(p.seed)
      const form: CodeForm = m.input.signed === 'offset' ? 'unsigned' : m.input.signed
      const passes = p.vectors * (form === 'split' ? 2 : 1)
      const run = p.zeroBlocks ? m.block : 1
      const weights = () => {
        let kept = false
        return Array.from({ length: p.rows * p.cols }, (_, i) => {
          if ((i % p.cols) % run === 0) kept = random() < p.weightDensity
          return kept ? Math.floor(random() * 255) - 127 : 0
        })
      }
      const code = () => (random() < p.codeDensity ? Math.floor(random() * (p.codeTop + 1)) : 0)
      const matrices = Array.from({ length: p.matrices }, () => matrix(p.rows, p.cols, weights()))
      const codes = matrices.map(() => Uint8Array.from({ length: passes * p.rows }, code))
      return {
        machine: m,
        matrices,
        form,
        zeroPoint: form === 'split' ? 0 : p.zeroPoint & (form === 'twos-complement' ? 63 : 255),
        vectors: p.vectors,
        codes,
      }
    }),
)

/** A small seeded generator (mulberry32), so that a case prints as a short record. */
export function stream(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

/** Signed value of an activation byte, and the signed contribution of pass p of a vector. */
export function activation(input: Case, m: number, vector: number, row: number): number {
  const rows = input.matrices[m]!.rows
  const at = (pass: number) => input.codes[m]![pass * rows + row]!
  if (input.form === 'split') return at(2 * vector) - at(2 * vector + 1)
  const byte = at(vector)
  return input.form === 'twos-complement' && byte > 127 ? byte - 256 : byte
}

/** Σ (a − z)·e, one number per vector and output over all matrices. */
export function product(input: Case): Float64Array {
  const outputs = input.matrices.reduce((sum, w) => sum + w.cols, 0)
  const result = new Float64Array(input.vectors * outputs)
  for (let v = 0; v < input.vectors; v++) {
    let base = 0
    for (const [m, w] of input.matrices.entries()) {
      for (let c = 0; c < w.cols; c++) {
        for (let r = 0; r < w.rows; r++)
          result[v * outputs + base + c]! += (activation(input, m, v, r) - input.zeroPoint) * w.e[r * w.cols + c]!
      }
      base += w.cols
    }
  }
  return result
}
