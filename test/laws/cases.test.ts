// What the random cases of the laws really are: every kind that a law should meet occurs in a sample, often enough to count on.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { remappers } from '../../models/mapping/remappers/index.js'
import { violations } from '../../sim/chip/rules.js'
import { fastTiming } from '../helpers/fast.js'
import { type Built, build, type Case, caseArbitrary } from '../helpers/work.js'

const sampled = 1500
/** of the sample, at least */
const share = 0.02

interface Seen {
  readonly input: Case
  readonly built: Built
  readonly timing: ReturnType<typeof fastTiming>
}

const nonZero = (list: ArrayLike<number>) => Array.from(list).filter((x) => x !== 0).length / list.length
const weights = ({ input }: Seen) => input.matrices.flatMap(({ e }) => Array.from(e))
const codes = ({ input }: Seen) => input.codes.flatMap((list) => Array.from(list))
const stages = ({ input: { machine: m } }: Seen) => [m.cache, m.load, m.skip, m.cim, m.adc, m.benes, m.shiftAdd]
const intervals = ({ input: { machine: m } }: Seen) => [
  ...[m.skip, m.cim, m.benes, m.shiftAdd].map(({ interval }) => interval),
  m.adc.cyclesPerConversion,
]
const sizes = (starts: Int32Array) => Array.from(starts.subarray(1), (end, i) => end - starts[i]!)
const mapping = ({ built }: Seen) => built.ctx.work.mapping
const moved = (seen: Seen) => mapping(seen).strips.some(({ perm }) => perm.some((block, at) => block !== at))

/** Busiest stage of the slowest macro. */
function limit({ timing }: Seen): string {
  const slowest = timing.macros.find(({ span }) => span === timing.cycles)
  return slowest?.stages.reduce((a, b) => (b.busy > a.busy ? b : a)).name ?? 'none'
}

const classes: Readonly<Record<string, (seen: Seen) => boolean>> = {
  'dense weights and dense codes': (seen) => nonZero(weights(seen)) > 0.9 && nonZero(codes(seen)) > 0.9,
  'sparse weights, rows deleted': (seen) => nonZero(weights(seen)) < 0.5 && mapping(seen).deletedWeights > 0,
  'sparse codes': (seen) => nonZero(codes(seen)) > 0 && nonZero(codes(seen)) < 0.1,
  'planes skipped': ({ timing }) => timing.planesFired > 0 && timing.planesFired < timing.planesTotal,
  'all weights zero': (seen) => nonZero(weights(seen)) === 0,
  'all codes zero': (seen) => nonZero(codes(seen)) === 0,
  'nothing mapped': (seen) => mapping(seen).ous === 0,
  'one weight row': ({ input }) => input.matrices[0]!.rows === 1,
  'one weight column': ({ input }) => input.matrices[0]!.cols === 1,
  'OUs of one row': ({ input }) => input.machine.ou.rows === 1,
  'a ragged lower edge': (seen) => sizes(mapping(seen).rowStart).some((rows) => rows < seen.input.machine.ou.rows),
  'a ragged right edge': (seen) => sizes(mapping(seen).colStart).some((cols) => cols < seen.input.machine.ou.cols),
  'several tiles': (seen) => mapping(seen).strips.some(({ tile }) => tile > 0),
  'several matrices': ({ input }) => input.matrices.length > 1,
  'several array groups on one macro': ({ timing }) => timing.macros.some(({ groups }) => groups.length > 1),
  'more macros than array groups': (seen) => seen.built.macros > Math.max(1, mapping(seen).groups.length),
  'bound by the front end': (seen) => ['cache', 'load', 'skip'].includes(limit(seen)),
  'bound by CIM': (seen) => limit(seen) === 'cim',
  'bound by the ADCs': (seen) => limit(seen) === 'adc',
  'bound by Benes or Shift&Add': (seen) => ['benes', 'shiftAdd'].includes(limit(seen)),
  'CIM blocked by the back end': ({ timing }) =>
    timing.macros.some(({ stages: list }) => list.some(({ name, blocked }) => name === 'cim' && blocked > 0)),
  'order ou-bit': ({ input }) => input.machine.order === 'ou-bit',
  'order window-bit': ({ input }) => input.machine.order === 'window-bit',
  'slices in parallel, more than one': ({ input, built }) =>
    input.machine.slices === 'parallel' && built.ctx.work.coding.slices > 1,
  'an interval beyond the timing wheel': (seen) => intervals(seen).some((cycles) => cycles > 256),
  'the longest interval': (seen) => intervals(seen).some((cycles) => cycles === 1_000_000),
  'a span of more than 31 bits': ({ timing }) => timing.cycles >= 2 ** 31,
  'a latency beyond the timing wheel': (seen) => stages(seen).some(({ latency }) => Number(latency) > 256),
  'a long queue': (seen) => stages(seen).some(({ queue }) => queue >= 63),
  'less depth than the latency needs': (seen) =>
    stages(seen).some(({ depth, latency }) => depth !== 'auto' && depth < Number(latency)),
  'streaming stages': (seen) => stages(seen).some(({ streaming }) => streaming),
  'blocks moved': moved,
  'blocks moved and compressed': (seen) => moved(seen) && mapping(seen).deletedWeights > 0,
  ...Object.fromEntries(
    remappers.all.map(({ name }) => [
      `remapper ${name}`,
      ({ input }: Seen) => input.machine.mapping.compress && input.machine.mapping.remapper === name,
    ]),
  ),
  ...Object.fromEntries(
    ['unsigned', 'twos-complement', 'split'].map((form) => [`codes ${form}`, ({ input }: Seen) => input.form === form]),
  ),
  ...Object.fromEntries(
    ['differential', 'offset', 'twos-complement'].map((name) => [
      `weights ${name}`,
      ({ input }: Seen) => input.machine.weights.encoding === name,
    ]),
  ),
  ...Object.fromEntries(
    ['lossless', 'clip', 'scaled'].map((mode) => [`ADC ${mode}`, ({ input }: Seen) => input.machine.adc.mode === mode]),
  ),
}

/** Kinds that are rare by nature: how many of the sample there must be. */
const rare: Readonly<Record<string, number>> = {
  'a span of more than 31 bits': 5,
  'remapper matching': 10,
  'blocks moved and compressed': 20,
}

const sample = fc.sample(caseArbitrary, { numRuns: sampled, seed: 1 }).map((input): Seen => {
  const built = build(input)
  return { input, built, timing: fastTiming(built) }
})

describe('random cases', () => {
  it.each(Object.entries(classes))('%s', (name, belongs) => {
    expect(sample.filter(belongs).length).toBeGreaterThanOrEqual(rare[name] ?? share * sampled)
  })

  it('are legal machines, all of them', () => {
    expect(sample.flatMap(({ input }) => violations(input.machine))).toEqual([])
  })
})
