// Simulated annealing: one long walk over swaps (Kirkpatrick, Gelatt and Vecchi, 1983), with as many evaluations as the genetic remapper.
import type { Remapper } from '../remapper.js'
import { evaluations } from '../spec.js'
import { canHelp, identityPermutation } from '../strip.js'
import { createSwapState } from '../swaps.js'
import { startTemperature, walk } from '../walk.js'

export const annealing: Remapper = {
  name: 'annealing',
  doc: 'simulated annealing over swaps of two blocks, as many evaluations as genetic',
  remap(strip, { search, random }) {
    const start = identityPermutation(strip.blocks)
    if (!canHelp(strip)) return start
    const state = createSwapState(strip)
    state.load(start)
    const hot = startTemperature(state, strip, random)
    return walk(state, strip, evaluations(search, strip.blocks), hot, random).perm
  },
}
