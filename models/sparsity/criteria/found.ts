// Masks that the weights already have: a block is dropped, and a mask inside a block accepted, where it removes nothing but zeros.
import type { Criterion } from '../criterion.js'

export const found: Criterion = {
  name: 'found',
  doc: 'the mask of a network that is pruned already: removes zeros alone, and reports how well the pattern fits',
  usesTarget: false,
  scorer: () => ({ element: Math.abs, block: (sum) => sum, mask: (sum) => sum }),
}
