// Small weights go first. CIMinus ranks candidate blocks and candidate masks by the L1 or L2 norm of what they would remove; Wu et al. rank
// their blocks of β weights by the L2 norm.
import type { Criterion } from '../criterion.js'

/**
 * L1: Σ|w| / count; L2: √(Σw² / count). Dividing by the number of weights changes nothing among blocks of one size; blocks that the edge
 * cuts, and blocks of different layers under a global threshold, are compared by weight instead of by size.
 */
export const magnitude: Criterion = {
  name: 'magnitude',
  doc: 'smallest L1 or L2 norm of a block or of the weights that a mask removes',
  usesTarget: true,
  scorer: (norm) =>
    norm === 'l1'
      ? { element: Math.abs, block: (sum, count) => sum / count, mask: (sum) => sum }
      : { element: (w) => w * w, block: (sum, count) => Math.sqrt(sum / count), mask: (sum) => sum },
}
