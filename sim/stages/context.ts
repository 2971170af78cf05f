// What the behaviours of one macro share: the layer's work, the visits under way, the counters, and the value path.
import type { Mapping } from '../../models/mapping/mapping.js'
import type { Order } from '../../models/mapping/spec.js'
import type { WeightCoding } from '../../models/values/encode.js'
import type { StageTiming } from '../pipeline/stage.js'
import type { ItemLayout } from './item.js'

/** The part of a machine that decides how a macro works, resolved to integers. */
export interface MacroSpec {
  readonly order: Order
  readonly parallelSlices: boolean
  readonly skipZeroPlanes: boolean
  readonly skipZeroSlices: boolean
  /** zero flags and a Skip stage; without it CIM itself steps through the planes */
  readonly hasSkip: boolean
  /** a reordering network */
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
  readonly timing: Readonly<Record<StageName, StageTiming>>
}

export type StageName = 'cache' | 'load' | 'skip' | 'cim' | 'adc' | 'benes' | 'shiftAdd'

/** One layer, ready to run: integers only. */
export interface LayerWork {
  readonly mapping: Mapping
  readonly coding: WeightCoding
  /** vectors × (2 for split inputs) */
  readonly passes: number
  /** activation byte of (matrix, pass, row): codes[matrix][pass · rows + row] */
  readonly codes: readonly Uint8Array[]
  /** visited slices of every OU, as a bit mask */
  readonly sliceMasks: Int32Array
}

/**
 * The window visits under way, in two rings: 0 … ring − 1 in front of Skip, where visits end in the order in which they began, and
 * ring … 2·ring − 1 behind it. One ring would not do: an absorbed visit ends while older ones are still on their way.
 */
export interface Visits {
  readonly windows: Int32Array
  readonly passes: Int32Array
  /** zero flags of (visit, OU of the window): flags[visit · stride + k] */
  readonly flags: Uint8Array
  readonly stride: number
}

/** Counters of events; everything else follows from them and from static sizes (tally.ts). */
export interface Tally {
  /** per window: visits */
  readonly windowVisits: Float64Array
  /** per row of every OU (in `rowOf` order): Σ digits driven, over passes */
  readonly rowPulses: Float64Array
  planesFired: number
  planesTotal: number
  /** Σ over activations of outputs, and of outputs × slices, and of slices */
  outputs: number
  outputSlices: number
  activations: number
  /** Σ over Benes items of different slices */
  benesItemSlices: number
}

/** Receives every OU activation in the order of the ADC: the value path. */
export interface ValueSink {
  /** @param slices bit mask of the slices of the activation */
  activate(pass: number, ou: number, plane: number, slices: number): void
}

export interface MacroContext {
  readonly spec: MacroSpec
  readonly work: LayerWork
  readonly layout: ItemLayout
  readonly visits: Visits
  readonly tally: Tally
  readonly values: ValueSink | null
}

/** Window of an item. */
export function windowOf(ctx: MacroContext, item: number): number {
  return ctx.visits.windows[item >>> ctx.layout.visitShift]!
}

/** Layer-wide number of an item's OU. */
export function ouOf(ctx: MacroContext, item: number): number {
  return ctx.work.mapping.windowStart[windowOf(ctx, item)]! + ((item >> 10) & ctx.layout.ouMask)
}

export function passOf(ctx: MacroContext, item: number): number {
  return ctx.visits.passes[item >>> ctx.layout.visitShift]!
}

/** Number of set bits of a small mask. */
export function popcount(mask: number): number {
  let count = 0
  for (let rest = mask; rest !== 0; rest &= rest - 1) count++
  return count
}
