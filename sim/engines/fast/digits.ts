// Digit sums: what driving the rows costs follows from how often each bit of their codes is set.
import type { Arena, Streams } from './kernels/kernels.js'

/** Adds to sums[row] the digits of the row's codes: driving digit j of weight 2^j costs 2^j unit pulses, so Σ over bits of 2^(bit mod d). */
export function addDigitSums(arena: Arena, block: Streams, sums: Float64Array, bitsPerStep: number): void {
  for (let weight = 0; weight < bitsPerStep; weight++) {
    let mask = 0
    for (let bit = weight; bit < 8; bit += bitsPerStep) mask |= 1 << bit
    for (let row = 0; row < sums.length; row++) sums[row]! += arena.countBits(block, row, mask) * 2 ** weight
  }
}
