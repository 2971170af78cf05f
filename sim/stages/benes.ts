// Benes: brings the outputs of a shuffled window back into their order (Wu et al., "per SW").
import type { Stage } from '../pipeline/stage.js'
import type { MacroContext } from './context.js'
import { passThrough } from './pass-through.js'

export const benes = {
  name: 'benes',
  doc: 'permutes the outputs of an item back into their logical order',
  build: (ctx: MacroContext): Stage => passThrough('benes', ctx.spec.timing.benes, ctx.spec.benesInterval, true),
}
