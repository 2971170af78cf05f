// Shift&Add: weighs the codes of an item by plane and slice and adds them to the partial sums; the end of the pipeline.
import type { Stage } from '../pipeline/stage.js'
import type { MacroContext } from './context.js'
import { passThrough } from './pass-through.js'

export const shiftAdd = {
  name: 'shiftAdd',
  doc: 'shifts and adds the codes of an item to the partial sums',
  build: (ctx: MacroContext): Stage =>
    passThrough('shiftAdd', ctx.spec.timing.shiftAdd, ctx.spec.shiftAddInterval, false),
}
