// A walk over permutations by swaps of two blocks: gains are taken, losses ever more rarely as it cools (Metropolis rule). Annealing is one
// long walk; the genetic remapper lets every child grow up with a short one.
import type { StripProblem } from './strip.js'
import { type SwapState, swapPartner } from './swaps.js'

/** temperature at the end, in rows: a loss of one row is taken once in e^10 trials */
export const coldest = 0.1

/** share of the mean |change| of a swap at which a walk from a random permutation begins; chosen on ResNet-20 with β = 1 */
const hotShare = 0.3
const probes = 32

/** @returns temperature for the beginning of a walk; leaves the state as it is */
export function startTemperature(state: SwapState, strip: StripProblem, random: () => number): number {
  let sum = 0
  for (let i = 0; i < probes; i++) {
    const p = Math.floor(random() * strip.blocks)
    sum += Math.abs(state.delta(p, swapPartner(strip, p, random)))
  }
  return Math.max(coldest, (hotShare * sum) / probes)
}

/**
 * Walks from the permutation that the state holds, cooling geometrically from `hot` to `coldest`.
 * @returns the best permutation met
 */
export function walk(
  state: SwapState,
  strip: StripProblem,
  trials: number,
  hot: number,
  random: () => number,
): { readonly perm: Int32Array; readonly total: number } {
  const perm = state.perm.slice()
  let total = state.total()
  const cooling = (coldest / hot) ** (1 / Math.max(1, trials))
  let temperature = hot
  for (let t = 0; t < trials; t++, temperature *= cooling) {
    const p = Math.floor(random() * strip.blocks)
    const q = swapPartner(strip, p, random)
    const gain = state.delta(p, q)
    if (gain < 0 && random() >= Math.exp(gain / temperature)) continue
    state.swap(p, q)
    if (state.total() <= total) continue
    total = state.total()
    perm.set(state.perm)
  }
  return { perm, total }
}
