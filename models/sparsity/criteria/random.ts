// Masks that do not look at the weights, for studies: every choice of blocks is equally likely, and so is every mask inside a block.
import seedrandom from 'seedrandom'
import type { Criterion } from '../criterion.js'

export const random: Criterion = {
  name: 'random',
  doc: 'blocks and masks drawn at random; one seeded stream a layer',
  usesTarget: true,
  scorer(_norm, seed, layer) {
    const draw = seedrandom.alea(`prune ${seed} ${layer}`)
    return { element: draw, block: draw, mask: draw }
  },
}
