// Closed-form lower bound of the cycles of one macro: max over stages of work ÷ rate. Counted from mapping, activations and intervals
// alone; it knows no queue and no event. Every firing of a stage holds it for its interval, so the span cannot be shorter than the sum.
import type { Mapping } from '../mapping/mapping.js'
import type { Order } from '../mapping/spec.js'

/** What the bound needs of a machine. */
export interface Rates {
  readonly order: Order
  readonly parallelSlices: boolean
  readonly skipZeroPlanes: boolean
  readonly hasSkip: boolean
  readonly hasBenes: boolean
  readonly bitsPerStep: number
  readonly planes: number
  readonly cachePortBits: number
  readonly loadRowsPerCycle: number
  readonly skipInterval: number
  readonly cimInterval: number
  readonly adcs: number
  readonly cyclesPerConversion: number
  readonly benesInterval: number
  readonly shiftAddInterval: number
}

export interface BoundInput {
  readonly mapping: Mapping
  readonly polarities: number
  readonly passes: number
  readonly codes: readonly Uint8Array[]
  /** visited slices of every OU, as a bit mask */
  readonly sliceMasks: Int32Array
  readonly rates: Rates
}

/** Cycles of work per stage. */
interface Work {
  cache: number
  load: number
  skip: number
  cim: number
  adc: number
  tail: number
}

/** max over stages of Σ intervals, for the slowest of the macros; group g runs on macro g mod macros. */
export function cycleBound(input: BoundInput, macros: number): number {
  const totals: Work[] = []
  for (const [g, group] of input.mapping.groups.entries()) {
    const work = totals[g % macros] ?? { cache: 0, load: 0, skip: 0, cim: 0, adc: 0, tail: 0 }
    totals[g % macros] = work
    for (let w = group.firstWindow; w < group.endWindow; w++) addWindow(work, w, input)
  }
  return totals.reduce((most, work) => Math.max(most, ...Object.values(work)), 0)
}

function addWindow(work: Work, window: number, input: BoundInput): void {
  const { mapping, rates, passes } = input
  const first = mapping.windowStart[window]!
  const ous = mapping.windowStart[window + 1]! - first
  work.cache += passes * Math.max(1, Math.ceil((mapping.unionRows[window]! * 8) / rates.cachePortBits))
  for (let ou = first; ou < first + ous; ou++) {
    work.load += passes * Math.ceil((mapping.rowStart[ou + 1]! - mapping.rowStart[ou]!) / rates.loadRowsPerCycle)
  }
  const flags = new Uint8Array(ous)
  for (let pass = 0; pass < passes; pass++) {
    for (let k = 0; k < ous; k++) flags[k] = neededPlanes(first + k, pass, input)
    if (rates.order === 'ou-bit')
      for (let k = 0; k < ous; k++) addItem(work, first + k, flags.subarray(k, k + 1), input)
    else addItem(work, first, flags, input)
  }
}

/** Adds what Skip and the stages behind it do for one OU, or for the OUs of a window whose activations are merged. */
function addItem(work: Work, first: number, flags: Uint8Array, input: BoundInput): void {
  const { rates } = input
  let planes = 0
  for (let plane = 0; plane < rates.planes; plane++) {
    let slices = 0
    for (let k = 0; k < flags.length; k++) {
      if (((flags[k]! >> plane) & 1) === 0) continue
      slices |= rates.parallelSlices ? 1 : input.sliceMasks[first + k]!
      addActivations(work, first + k, input)
    }
    if (slices === 0) continue
    planes++
    work.tail += bits(slices) * Math.max(rates.hasBenes ? rates.benesInterval : 0, rates.shiftAddInterval)
  }
  if (rates.hasSkip) work.skip += Math.max(1, planes) * rates.skipInterval
}

function addActivations(work: Work, ou: number, { mapping, polarities, rates, sliceMasks }: BoundInput): void {
  const slices = bits(sliceMasks[ou]!)
  const outputs = mapping.colStart[ou + 1]! - mapping.colStart[ou]!
  const [activations, lines] = rates.parallelSlices ? [1, outputs * slices] : [slices, outputs]
  work.cim += activations * rates.cimInterval
  work.adc += activations * Math.ceil((lines * polarities) / rates.adcs) * rates.cyclesPerConversion
}

function neededPlanes(ou: number, pass: number, { mapping, codes, sliceMasks, rates }: BoundInput): number {
  if (sliceMasks[ou] === 0) return 0
  if (!rates.skipZeroPlanes) return 2 ** rates.planes - 1
  const { matrix } = mapping.strips[mapping.stripOf[ou]!]!
  const base = pass * mapping.matrices[matrix]!.rows
  let union = 0
  for (let i = mapping.rowStart[ou]!; i < mapping.rowStart[ou + 1]!; i++)
    union |= codes[matrix]![base + mapping.rowOf[i]!]!
  let needed = 0
  for (let plane = 0; plane < rates.planes; plane++) {
    if (((union >> (plane * rates.bitsPerStep)) & (2 ** rates.bitsPerStep - 1)) !== 0) needed |= 1 << plane
  }
  return needed
}

function bits(mask: number): number {
  let count = 0
  for (let rest = mask; rest !== 0; rest &= rest - 1) count++
  return count
}
