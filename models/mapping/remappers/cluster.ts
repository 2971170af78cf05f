// Clustering of columns, one of the two earlier approaches that the slides of Wu et al. compare with: k-means over the zero patterns of the
// columns, so that whole crossbars become zero and need not be stored. The crossbar of this machine that can be left out is one OU:
// P_WL adjacent rows × one OU column, uncompressed. Clusters are OU columns, so they all have the same size.
import type { Remapper } from '../remapper.js'
import { identityPermutation, ouCount, type StripProblem } from '../strip.js'

const starts = 4
const rounds = 20

export const cluster: Remapper = {
  name: 'cluster',
  doc: 'k-means clustering of blocks that frees all-zero crossbars of P_WL rows × one OU column',
  objective: zeroCrossbars,
  remap(strip, { random }) {
    const patterns = zeroShares(strip)
    let best = identityPermutation(strip.blocks)
    let most = zeroCrossbars(strip, best)
    for (let start = 0; start < starts; start++) {
      let perm = assign(strip, patterns, seeds(patterns, ouCount(strip), random))
      for (let round = 0; round < rounds; round++) {
        const free = zeroCrossbars(strip, perm)
        if (free > most) [best, most] = [perm, free]
        const next = assign(strip, patterns, centres(strip, patterns, perm))
        if (next.every((q, p) => q === perm[p])) break
        perm = next
      }
    }
    return best
  },
}

/** Patterns to begin with, far ones more likely (k-means++, Arthur and Vassilvitskii, 2007). */
function seeds(patterns: readonly Float64Array[], count: number, random: () => number): Float64Array[] {
  const chosen = [patterns[Math.floor(random() * patterns.length)]!]
  while (chosen.length < count) {
    const far = patterns.map((pattern) => Math.min(...chosen.map((centre) => distance(pattern, centre))))
    let left = random() * far.reduce((sum, d) => sum + d, 0)
    let next = 0
    while (next < far.length - 1 && left >= far[next]!) left -= far[next++]!
    chosen.push(patterns[next]!)
  }
  return chosen
}

function distance(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += (a[i]! - b[i]!) ** 2
  return sum
}

/** Crossbars of P_WL rows (the last one of the tile may be lower) × one OU column that hold nothing but zeros. */
export function zeroCrossbars(strip: StripProblem, perm: ArrayLike<number>): number {
  const { blocks, perOu, rows, ouRows, words, zero } = strip
  let free = 0
  for (let first = 0; first < blocks; first += perOu) {
    for (let top = 0; top < rows; top += ouRows) {
      let all = true
      for (let r = top; all && r < Math.min(rows, top + ouRows); r++) {
        for (let p = first; all && p < Math.min(blocks, first + perOu); p++)
          all = ((zero[perm[p]! * words + (r >> 5)]! >>> (r & 31)) & 1) === 1
      }
      if (all) free++
    }
  }
  return free
}

/** blocks × crossbar rows: share of the rows of each that are zero in the block */
function zeroShares({ blocks, rows, ouRows, words, zero }: StripProblem): Float64Array[] {
  return Array.from({ length: blocks }, (_, q) =>
    Float64Array.from({ length: Math.ceil(rows / ouRows) }, (_, bar) => {
      const end = Math.min(rows, (bar + 1) * ouRows)
      let zeros = 0
      for (let r = bar * ouRows; r < end; r++) zeros += (zero[q * words + (r >> 5)]! >>> (r & 31)) & 1
      return zeros / (end - bar * ouRows)
    }),
  )
}

function centres({ perOu, blocks }: StripProblem, patterns: readonly Float64Array[], perm: Int32Array): Float64Array[] {
  const found: Float64Array[] = []
  for (let first = 0; first < blocks; first += perOu) {
    const members = Array.from(perm.subarray(first, Math.min(blocks, first + perOu)), (q) => patterns[q]!)
    found.push(members[0]!.map((_, i) => members.reduce((sum, pattern) => sum + pattern[i]!, 0) / members.length))
  }
  return found
}

/** Every block to the nearest centre that has room, nearest pairs first (ties: lowest block, then lowest centre). */
function assign(strip: StripProblem, patterns: readonly Float64Array[], middle: readonly Float64Array[]): Int32Array {
  const { blocks, perOu } = strip
  const pairs = patterns.flatMap((pattern, q) =>
    middle.map((centre, ou) => ({ q, ou, apart: distance(pattern, centre) })),
  )
  pairs.sort((a, b) => a.apart - b.apart || a.q - b.q || a.ou - b.ou)
  const members: number[][] = Array.from({ length: ouCount(strip) }, () => [])
  const placed = new Uint8Array(blocks)
  for (const { q, ou } of pairs) {
    if (placed[q] === 1 || members[ou]!.length >= Math.min(perOu, blocks - ou * perOu)) continue
    placed[q] = 1
    members[ou]!.push(q)
  }
  return Int32Array.from(members.flatMap((list) => list.sort((a, b) => a - b)))
}
