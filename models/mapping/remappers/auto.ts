// The best that there is for the machine: the exact optimum where an OU holds two blocks, a genetic search elsewhere.
import type { Remapper } from '../remapper.js'
import { genetic } from './genetic.js'
import { matching } from './matching.js'

export const auto: Remapper = {
  name: 'auto',
  doc: 'matching where an OU holds two blocks, else genetic',
  remap: (strip, context) => (strip.perOu === 2 ? matching : genetic).remap(strip, context),
}
