// The plain heuristic: blocks with about the same number of zero rows come into one OU column, dense ones first.
import type { Remapper } from '../remapper.js'
import { identityPermutation, zeroRowsOfBlock } from '../strip.js'

export const sort: Remapper = {
  name: 'sort',
  doc: 'blocks by their number of zero rows, fewest first',
  remap(strip) {
    const zeros = Array.from({ length: strip.blocks }, (_, q) => zeroRowsOfBlock(strip, q))
    return identityPermutation(strip.blocks).sort((a, b) => zeros[a]! - zeros[b]! || a - b)
  },
}
