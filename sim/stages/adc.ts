// ADC: converts the bit lines of an activation; in window-bit order it merges the activations of one (window, plane, slice).
import type { Stage } from '../pipeline/stage.js'
import { type MacroContext, passOf, popcount } from './context.js'
import { ouShift, planeOf, sliceOf } from './item.js'

export const adc = {
  name: 'adc',
  doc: 'converts the used columns of an activation; merges the activations of a window in window-bit order',
  build(ctx: MacroContext): Stage {
    const { spec, work, tally, values } = ctx
    const { sliceMasks } = work
    const intervals = conversionIntervals(ctx)
    const { windowStart, colStart } = work.mapping
    const { visitShift, ouMask } = ctx.layout
    const { windows } = ctx.visits
    const single = !spec.parallelSlices
    const merges = spec.order === 'window-bit'
    let item = 0
    let ou = 0
    let outputs = 0
    let slices = 1
    let unionSlices = 0
    return {
      name: 'adc',
      timing: spec.timing.adc,
      constants: merges ? {} : { credit: true },
      behaviour: {
        begin(next) {
          item = next
          ou = windowStart[windows[next >>> visitShift]!]! + ((next >> ouShift) & ouMask)
          outputs = colStart[ou + 1]! - colStart[ou]!
          if (!single) slices = popcount(sliceMasks[ou]!)
          return 1
        },
        credit: () => !merges || (item & 2) !== 0,
        interval: () => intervals[ou]!,
        fire() {
          const mask = single ? 1 << sliceOf(item) : sliceMasks[ou]!
          tally.activations += slices
          tally.outputs += outputs
          tally.outputSlices += outputs * slices
          if (values !== null) values.activate(passOf(ctx, item), ou, planeOf(item), mask)
          unionSlices = merges && (item & 2) === 0 ? unionSlices | mask : mask
          if (merges && (item & 1) === 0) return -1
          tally.benesItemSlices += single ? 1 : popcount(unionSlices)
          return item
        },
      },
    }
  },
}

/** Interval of a firing on every OU (docs/timing.md, section 3). */
function conversionIntervals(ctx: MacroContext): Int32Array {
  const { spec, work } = ctx
  const { coding } = work
  return Int32Array.from({ length: work.mapping.ous }, (_, ou) => {
    const outputs = work.mapping.colStart[ou + 1]! - work.mapping.colStart[ou]!
    const slices = spec.parallelSlices ? popcount(work.sliceMasks[ou]!) : 1
    return Math.ceil((outputs * coding.polarities * slices) / spec.adcs) * spec.cyclesPerConversion
  })
}
