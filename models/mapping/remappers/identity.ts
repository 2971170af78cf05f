// The remapper that leaves every block where it is.
import type { Remapper } from '../remapper.js'
import { identityPermutation } from '../strip.js'

export const identity: Remapper = {
  name: 'identity',
  doc: 'blocks stay where they are',
  remap: (strip) => identityPermutation(strip.blocks),
}
