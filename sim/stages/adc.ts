// ADC: converts the bit lines of an activation; in window-bit order it merges the activations of one (window, plane, slice).
import type { Stage } from '../pipeline/stage.js'
import { type MacroContext, ouOf, passOf, popcount } from './context.js'
import { planeOf, sliceOf } from './item.js'

export const adc = {
  name: 'adc',
  doc: 'converts the used columns of an activation; merges the activations of a window in window-bit order',
  build(ctx: MacroContext): Stage {
    const { spec, work, tally, values } = ctx
    const { mapping, sliceMasks, coding } = work
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
          ou = ouOf(ctx, next)
          outputs = mapping.colStart[ou + 1]! - mapping.colStart[ou]!
          slices = spec.parallelSlices ? popcount(sliceMasks[ou]!) : 1
          return 1
        },
        credit: () => !merges || (item & 2) !== 0,
        interval: () => Math.ceil((outputs * coding.polarities * slices) / spec.adcs) * spec.cyclesPerConversion,
        fire() {
          const mask = spec.parallelSlices ? sliceMasks[ou]! : 1 << sliceOf(item)
          tally.activations += slices
          tally.outputs += outputs
          tally.outputSlices += outputs * slices
          if (values !== null) values.activate(passOf(ctx, item), ou, planeOf(item), mask)
          unionSlices = merges && (item & 2) === 0 ? unionSlices | mask : mask
          if (merges && (item & 1) === 0) return -1
          tally.benesItemSlices += popcount(unionSlices)
          return item
        },
      },
    }
  },
}
