// What can come out of Load, as a small alphabet. Two items that drive the same number of planes through OUs of the same sizes are one
// symbol: the timing behind Load sees no difference, and what they add to the counters is a property of the symbol.
import { type MacroSpec, popcount } from '../../stages/context.js'
import type { BackItem } from './back.js'

/** An OU as the back end sees it. */
export interface OuShape {
  /** visited slices, as a mask */
  readonly slices: number
  readonly outputs: number
}

/** An item with what it adds to the counters of the run. */
export interface ItemSymbol extends BackItem {
  /** (OU, plane) pairs that fire */
  readonly planesFired: number
  /** OU activations: one per OU, plane and slice */
  readonly activations: number
  /** Σ over activations of outputs, and of outputs × slices */
  readonly outputs: number
  readonly outputSlices: number
  /** Σ over Benes items of different slices */
  readonly benesItemSlices: number
}

/** Interval of ADC for one activation of an OU (docs/timing.md, section 3). */
function adcInterval(spec: MacroSpec, polarities: number, shape: OuShape): number {
  const slices = spec.parallelSlices ? popcount(shape.slices) : 1
  return Math.ceil((shape.outputs * polarities * slices) / spec.adcs) * spec.cyclesPerConversion
}

/** `ou-bit`: one OU with `planes` planes to fire. */
export function ouSymbol(spec: MacroSpec, polarities: number, shape: OuShape, planes: number): ItemSymbol {
  const fired = shape.slices === 0 ? 0 : planes
  const slices = popcount(shape.slices)
  const perPlane = spec.parallelSlices ? 1 : slices
  const perItem = spec.hasSkip ? perPlane : perPlane * fired
  const all = new Uint8Array(perItem).fill(1)
  return {
    items: spec.hasSkip ? fired : Math.min(1, fired),
    intervals: new Int32Array(perItem).fill(adcInterval(spec, polarities, shape)),
    first: all,
    last: all,
    planesFired: fired,
    activations: fired * slices,
    outputs: fired * shape.outputs * perPlane,
    outputSlices: fired * shape.outputs * slices,
    benesItemSlices: fired * slices,
  }
}

/**
 * `window-bit`: the OUs of a window that fire, plane by plane; behind a Skip stage one plane is one symbol, without it all planes are.
 * @param planes the OUs that fire, one list per plane
 */
export function windowSymbol(spec: MacroSpec, polarities: number, planes: readonly (readonly OuShape[])[]): ItemSymbol {
  const intervals: number[] = []
  const first: number[] = []
  const last: number[] = []
  let outputs = 0
  let outputSlices = 0
  let activations = 0
  let benesItemSlices = 0
  for (const shapes of planes) {
    for (const members of mergedGroups(spec, shapes)) {
      for (const [i, shape] of members.entries()) {
        intervals.push(adcInterval(spec, polarities, shape))
        first.push(i === 0 ? 1 : 0)
        last.push(i === members.length - 1 ? 1 : 0)
        const slices = spec.parallelSlices ? popcount(shape.slices) : 1
        activations += slices
        outputs += shape.outputs
        outputSlices += shape.outputs * slices
      }
      benesItemSlices += spec.parallelSlices ? popcount(members.reduce((mask, { slices }) => mask | slices, 0)) : 1
    }
  }
  return {
    items: Math.min(1, intervals.length),
    intervals: Int32Array.from(intervals),
    first: Uint8Array.from(first),
    last: Uint8Array.from(last),
    planesFired: planes.reduce((sum, shapes) => sum + shapes.length, 0),
    activations,
    outputs,
    outputSlices,
    benesItemSlices,
  }
}

/** The activations of one plane that ADC merges: per slice those that visit it, or all at once with parallel slices. */
function mergedGroups(spec: MacroSpec, shapes: readonly OuShape[]): OuShape[][] {
  if (spec.parallelSlices) return shapes.length === 0 ? [] : [[...shapes]]
  const groups: OuShape[][] = []
  for (let slice = 0; slice < 32; slice++) {
    const members = shapes.filter(({ slices }) => ((slices >>> slice) & 1) === 1)
    if (members.length > 0) groups.push(members)
  }
  return groups
}

/** Two symbols with the same key behave alike in everything. */
export function symbolKey(symbol: ItemSymbol): string {
  const { items, intervals, first, last, planesFired, activations, outputs, outputSlices, benesItemSlices } = symbol
  return `${items}|${intervals}|${first}|${last}|${planesFired},${activations},${outputs},${outputSlices},${benesItemSlices}`
}
