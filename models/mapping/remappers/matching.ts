// Two blocks in an OU: dealing blocks to OU columns is pairing them, and the best pairing is a maximum-weight perfect matching.
import { SpecError } from '../../base/errors.js'
import { perfectMatching } from '../blossom.js'
import type { Remapper } from '../remapper.js'
import { ones, type StripProblem } from '../strip.js'

export const matching: Remapper = {
  name: 'matching',
  doc: 'exact optimum where an OU holds two blocks (maximum-weight perfect matching)',
  remap(strip) {
    if (strip.perOu !== 2)
      throw new SpecError(
        `mapping.remapper matching needs OUs that hold two blocks (ou.cols = 2 · block); here an OU holds ${strip.perOu}; use auto or genetic`,
      )
    return bestPairs(strip)
  },
}

/** A permutation with the largest number of all-zero rows. An odd block out stands alone in the short OU column: a dummy is its partner. */
export function bestPairs(strip: StripProblem): Int32Array {
  const { blocks } = strip
  const vertices = blocks + (blocks % 2)
  const mate = perfectMatching(vertices, jointZeros(strip, vertices))
  const pairs: number[] = []
  let alone = -1
  for (let q = 0; q < blocks; q++) {
    if (mate[q] === blocks) alone = q
    else if (mate[q]! > q) pairs.push(q, mate[q]!)
  }
  return Int32Array.from(alone < 0 ? pairs : [...pairs, alone])
}

/** Rows in which both blocks are all zero; with the dummy (the last vertex of an odd number of blocks): the block alone. */
function jointZeros({ blocks, words, zero }: StripProblem, vertices: number): Int32Array {
  const weights = new Int32Array(vertices * vertices)
  for (let a = 0; a < blocks; a++) {
    for (let b = a + 1; b < vertices; b++) {
      let rows = 0
      for (let w = 0; w < words; w++)
        rows += ones(b < blocks ? zero[a * words + w]! & zero[b * words + w]! : zero[a * words + w]!)
      weights[a * vertices + b] = weights[b * vertices + a] = rows
    }
  }
  return weights
}
