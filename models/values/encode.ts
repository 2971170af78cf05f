// Signed integers e → cell levels: bits, slices and polarities of a layer (docs/values.md, section 2).
import type { Encoding } from '../mapping/spec.js'
import type { WeightMatrix } from '../nn/types.js'
import { bitLength } from './adc.js'

/** How the weights of one layer are spread over cells. */
export interface WeightCoding {
  readonly encoding: Encoding
  readonly cellBits: number
  /** bits n of the encoded number */
  readonly bits: number
  readonly slices: number
  readonly polarities: 1 | 2
  /** O of offset encoding, else 0 */
  readonly offset: number
  /** smallest and largest e, 0 included */
  readonly min: number
  readonly max: number
}

/** Bits, slices and offset of a layer, from the range of e over all its matrices. */
export function weightCoding(matrices: readonly WeightMatrix[], encoding: Encoding, cellBits: number): WeightCoding {
  let min = 0
  let max = 0
  for (const matrix of matrices) {
    const { e } = matrix
    for (let i = 0; i < e.length; i++) {
      const weight = e[i]!
      if (weight < min) min = weight
      if (weight > max) max = weight
    }
  }
  const offset = encoding === 'offset' ? -min : 0
  const bits = codingBits(encoding, min, max)
  return {
    encoding,
    cellBits,
    bits,
    min,
    max,
    slices: Math.max(1, Math.ceil(bits / cellBits)),
    polarities: encoding === 'differential' ? 2 : 1,
    offset,
  }
}

function codingBits(encoding: Encoding, min: number, max: number): number {
  if (encoding === 'differential') return Math.max(1, bitLength(Math.max(max, -min)))
  if (encoding === 'offset') return Math.max(1, bitLength(max - min))
  let bits = 1
  while (min < -(2 ** (bits - 1)) || max > 2 ** (bits - 1) - 1) bits++
  return bits
}

/** Level of the cell that holds slice `slice` of weight e on a polarity (0 positive, 1 negative). */
export function cellLevel(coding: WeightCoding, e: number, slice: number, polarity: number): number {
  const shift = coding.cellBits * slice
  const mask = 2 ** coding.cellBits - 1
  if (coding.encoding === 'differential') return (Math.max(polarity === 0 ? e : -e, 0) >> shift) & mask
  if (coding.encoding === 'offset') return ((e + coding.offset) >> shift) & mask
  return ((e & (2 ** coding.bits - 1)) >> shift) & mask
}

/** Sign and power of two of a slice in the result: the top slice of a two's-complement weight counts negatively. */
export function sliceWeight(coding: WeightCoding, slice: number): number {
  const weight = 2 ** (coding.cellBits * slice)
  return coding.encoding === 'twos-complement' && slice === coding.slices - 1 ? -weight : weight
}
