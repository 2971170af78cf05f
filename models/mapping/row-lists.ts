// How the row lists of OUs are stored: bits of every OU under each encoding (docs/timing.md, section 1, step 12).
import type { WeightMatrix } from '../nn/types.js'
import type { Mapping, RowLists } from './mapping.js'
import type { MapSpec } from './spec.js'

export const listEncodings = ['plain', 'delta', 'bitmap'] as const
export type ListEncoding = (typeof listEncodings)[number]

type Numbered = Pick<Mapping, 'matrices' | 'strips' | 'ous' | 'rowStart' | 'rowOf' | 'stripOf'>

/** Bits of every OU's row list under the encoding of the machine (`best`: the one with fewest bits in the layer). */
export function rowLists(mapping: Numbered, spec: Pick<MapSpec, 'tileRows' | 'options'>): RowLists {
  if (!spec.options.compress) {
    const none = { plain: 0, delta: 0, bitmap: 0 }
    return { encoding: 'plain', deltaBits: 0, bitsOf: new Int32Array(mapping.ous), totals: none }
  }
  const widths = mapping.matrices.map((matrix) => rowBits(matrix, spec.tileRows))
  const { deltaBits, bits: delta } = bestDelta(mapping, widths)
  const all = { plain: plain(mapping, widths), delta, bitmap: bitmap(mapping, widths) }
  const totals = { plain: sum(all.plain), delta: sum(all.delta), bitmap: sum(all.bitmap) }
  const { index } = spec.options
  const encoding = index === 'best' ? listEncodings.reduce((a, b) => (totals[b] < totals[a] ? b : a)) : index
  return { encoding, deltaBits, bitsOf: all[encoding], totals }
}

/** Bits of a row number inside a tile. */
export function rowBits(matrix: Pick<WeightMatrix, 'rows'>, tileRows: number | 'all'): number {
  const rows = tileRows === 'all' ? matrix.rows : Math.min(tileRows, matrix.rows)
  return Math.max(1, Math.ceil(Math.log2(rows)))
}

/** Every row by its number. */
function plain(mapping: Numbered, widths: readonly number[]): Int32Array {
  return bitsOf(mapping, widths, (first, end, width) => (end - first) * width)
}

/** The first row by its number, then a bit for each row up to the last. */
function bitmap(mapping: Numbered, widths: readonly number[]): Int32Array {
  const { rowOf } = mapping
  return bitsOf(mapping, widths, (first, end, width) => width + rowOf[end - 1]! - rowOf[first]!)
}

/**
 * The first row by its number, then gaps in codes of d bits; the highest code means as many rows skipped and another code to follow. The
 * layer has one d, the one with fewest bits.
 */
function bestDelta(
  mapping: Numbered,
  widths: readonly number[],
): { readonly deltaBits: number; readonly bits: Int32Array } {
  let best = { deltaBits: 2, bits: delta(mapping, widths, 2) }
  for (let d = 3; d <= Math.max(...widths); d++) {
    const bits = delta(mapping, widths, d)
    if (sum(bits) < sum(best.bits)) best = { deltaBits: d, bits }
  }
  return best
}

function delta(mapping: Numbered, widths: readonly number[], d: number): Int32Array {
  const { rowOf } = mapping
  const skip = 2 ** d - 1
  return bitsOf(mapping, widths, (first, end, width) => {
    let codes = 0
    for (let i = first + 1; i < end; i++) codes += Math.floor((rowOf[i]! - rowOf[i - 1]! - 1) / skip) + 1
    return width + codes * d
  })
}

function bitsOf(
  mapping: Numbered,
  widths: readonly number[],
  bits: (first: number, end: number, width: number) => number,
): Int32Array {
  return Int32Array.from({ length: mapping.ous }, (_, ou) => {
    const width = widths[mapping.strips[mapping.stripOf[ou]!]!.matrix]!
    return bits(mapping.rowStart[ou]!, mapping.rowStart[ou + 1]!, width)
  })
}

function sum(bits: Int32Array): number {
  return bits.reduce((total, b) => total + b, 0)
}

/** Row-list bits of the array group that holds most of them. */
export function largestGroupBits({ rowLists: lists, groups, windowStart }: Mapping): number {
  return Math.max(
    0,
    ...groups.map((group) =>
      sum(lists.bitsOf.subarray(windowStart[group.firstWindow]!, windowStart[group.endWindow]!)),
    ),
  )
}
