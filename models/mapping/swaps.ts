// A permutation under change: swaps of two blocks, judged by the two OU columns that they touch alone. For every position the AND of the
// *other* blocks of its OU column is kept, so a trial costs two ANDs and two population counts per 32 rows, whatever an OU column holds.
import { ones, ouCount, type StripProblem } from './strip.js'

export interface SwapState {
  readonly perm: Int32Array
  /** all-zero rows of every OU column */
  readonly scores: Int32Array
  total(): number
  /** takes over a permutation */
  load(perm: ArrayLike<number>): void
  /** change of the objective if the blocks at positions p and q changed places */
  delta(p: number, q: number): number
  swap(p: number, q: number): void
}

export function createSwapState(problem: StripProblem): SwapState {
  const { blocks, perOu, words, zero } = problem
  const perm = new Int32Array(blocks)
  const scores = new Int32Array(ouCount(problem))
  const others = new Int32Array(blocks * words)
  const tail = rowMask(problem)
  let total = 0

  function refresh(ou: number): void {
    const first = ou * perOu
    const end = Math.min(blocks, first + perOu)
    let score = 0
    for (let w = 0; w < words; w++) {
      let before = w === words - 1 ? tail : -1
      for (let p = first; p < end; p++) {
        others[p * words + w] = before
        before &= zero[perm[p]! * words + w]!
      }
      score += ones(before)
      let behind = -1
      for (let p = end - 1; p >= first; p--) {
        others[p * words + w]! &= behind
        behind &= zero[perm[p]! * words + w]!
      }
    }
    total += score - scores[ou]!
    scores[ou] = score
  }

  /** All-zero rows of the OU column of p if it held block q at p. */
  function scoreWith(p: number, block: number): number {
    let score = 0
    let a = p * words
    let b = block * words
    for (let w = 0; w < words; w++) score += ones(others[a++]! & zero[b++]!)
    return score
  }

  function ouOf(p: number): number {
    return Math.floor(p / perOu)
  }

  return {
    perm,
    scores,
    total: () => total,
    load(from) {
      for (let p = 0; p < blocks; p++) perm[p] = from[p]!
      for (let ou = 0; ou < scores.length; ou++) refresh(ou)
    },
    delta(p, q) {
      const a = ouOf(p)
      const b = ouOf(q)
      if (a === b) return 0
      return scoreWith(p, perm[q]!) + scoreWith(q, perm[p]!) - scores[a]! - scores[b]!
    },
    swap(p, q) {
      const block = perm[p]!
      perm[p] = perm[q]!
      perm[q] = block
      refresh(ouOf(p))
      refresh(ouOf(q))
    },
  }
}

/** A random position in another OU column than that of p; the strip must have two. */
export function swapPartner({ blocks, perOu }: StripProblem, p: number, random: () => number): number {
  const first = Math.floor(p / perOu) * perOu
  const own = Math.min(perOu, blocks - first)
  const q = Math.floor(random() * (blocks - own))
  return q < first ? q : q + own
}

/** Valid bits of the last word. */
function rowMask(problem: StripProblem): number {
  const used = problem.rows & 31
  return used === 0 ? -1 : 2 ** used - 1
}
