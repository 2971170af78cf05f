// Load: gathers the activations of the kept rows of an OU and forms its zero flags (Wu et al.: "discard the activations of
// compressed rows, record the zero flag of each activation bit").
import type { Stage } from '../pipeline/stage.js'
import { type MacroContext, popcount, windowOf } from './context.js'
import { ouShift } from './item.js'

export const load = {
  name: 'load',
  doc: 'gathers the kept rows of an OU and forms its zero flags',
  build(ctx: MacroContext): Stage {
    const { mapping } = ctx.work
    const { visits, spec } = ctx
    const inspect = createInspector(ctx)
    const merges = spec.order === 'window-bit'
    let item = 0
    let firstOu = 0
    let ous = 0
    return {
      name: 'load',
      timing: spec.timing.load,
      behaviour: {
        begin(next) {
          item = next
          const window = windowOf(ctx, item)
          firstOu = mapping.windowStart[window]!
          ous = mapping.windowStart[window + 1]! - firstOu
          return ous
        },
        credit: (k) => !merges || k === 0,
        interval(k) {
          const rows = mapping.rowStart[firstOu + k + 1]! - mapping.rowStart[firstOu + k]!
          return Math.ceil(rows / spec.loadRowsPerCycle)
        },
        fire(k) {
          const visit = item >>> ctx.layout.visitShift
          visits.flags[visit * visits.stride + k] = inspect(firstOu + k, visits.passes[visit]!)
          if (!merges) return item | (k << ouShift)
          return k === ous - 1 ? item : -1
        },
      },
    }
  },
}

/** Looks at the activations of one OU in one pass: returns its planes to fire as a mask and counts the driven digits. */
function createInspector(ctx: MacroContext): (ou: number, pass: number) => number {
  const { mapping, codes, sliceMasks } = ctx.work
  const { spec, tally } = ctx
  const allPlanes = 2 ** spec.planes - 1
  const planeFlags = tabulateFlags(spec.bitsPerStep, spec.planes)
  const digitSums = tabulateDigitSums(spec.bitsPerStep, spec.planes)
  return (ou, pass) => {
    const strip = mapping.strips[mapping.stripOf[ou]!]!
    const bytes = codes[strip.matrix]!
    const base = pass * mapping.matrices[strip.matrix]!.rows
    tally.planesTotal += spec.planes
    if (sliceMasks[ou] === 0) return 0
    let union = 0
    const end = mapping.rowStart[ou + 1]!
    for (let i = mapping.rowStart[ou]!; i < end; i++) {
      const code = bytes[base + mapping.rowOf[i]!]!
      union |= code
      tally.rowPulses[i] = tally.rowPulses[i]! + digitSums[code]!
    }
    const flags = spec.skipZeroPlanes ? planeFlags[union]! : allPlanes
    tally.planesFired += popcount(flags)
    return flags
  }
}

/** Code byte → mask of the planes with a non-zero digit. The OR of bytes has a non-zero digit where any of them has. */
export function tabulateFlags(bitsPerStep: number, planes: number): Uint8Array {
  const digit = 2 ** bitsPerStep - 1
  return Uint8Array.from({ length: 256 }, (_, code) => {
    let mask = 0
    for (let plane = 0; plane < planes; plane++) if (((code >> (plane * bitsPerStep)) & digit) !== 0) mask |= 1 << plane
    return mask
  })
}

/** Code byte → sum of its digits. */
export function tabulateDigitSums(bitsPerStep: number, planes: number): Uint16Array {
  const digit = 2 ** bitsPerStep - 1
  return Uint16Array.from({ length: 256 }, (_, code) => {
    let sum = 0
    for (let plane = 0; plane < planes; plane++) sum += (code >> (plane * bitsPerStep)) & digit
    return sum
  })
}
