// Cache: fetches the activations that the OUs of a window need from the activation buffer (Wu et al.: "per OU row").
import type { Stage } from '../pipeline/stage.js'
import { type MacroContext, windowOf } from './context.js'

export const cache = {
  name: 'cache',
  doc: 'reads the union of the row lists of a window from the activation buffer',
  build(ctx: MacroContext): Stage {
    const { unionRows } = ctx.work.mapping
    const { windowVisits } = ctx.tally
    const portBits = ctx.spec.cachePortBits
    let item = 0
    return {
      name: 'cache',
      timing: ctx.spec.timing.cache,
      constants: { credit: true },
      behaviour: {
        begin(next) {
          item = next
          return 1
        },
        credit: () => true,
        interval: () => Math.max(1, Math.ceil((unionRows[windowOf(ctx, item)]! * 8) / portBits)),
        fire() {
          const window = windowOf(ctx, item)
          windowVisits[window] = windowVisits[window]! + 1
          return item
        },
      },
    }
  },
}
