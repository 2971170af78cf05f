// The remapper that leaves every block where it is.
import type { Remapper } from './remapper.js'

export const identity: Remapper = {
  name: 'identity',
  doc: 'blocks stay where they are',
  remap: (strip) => Int32Array.from({ length: strip.blocks }, (_, p) => p),
}
