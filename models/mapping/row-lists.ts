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
  const sizes = sizesOf(mapping, widths)
  const deltaBits = bestDelta(sizes, Math.max(...widths))
  const totals = {
    plain: sizes.plain,
    delta: sizes.firstRows + gapBits(sizes, deltaBits),
    bitmap: sizes.firstRows + sizes.spans,
  }
  const { index } = spec.options
  const encoding = index === 'best' ? listEncodings.reduce((a, b) => (totals[b] < totals[a] ? b : a)) : index
  return { encoding, deltaBits, bitsOf: bitsOf(mapping, widths, encoding, deltaBits), totals }
}

/** What totals follow from. */
interface Sizes {
  readonly plain: number
  /** bits of the first rows of all OUs */
  readonly firstRows: number
  /** Σ over OUs of last row − first row */
  readonly spans: number
  /** gaps[g] = rows that follow the one before with g rows between them */
  readonly gaps: Float64Array
}

function sizesOf(mapping: Numbered, widths: readonly number[]): Sizes {
  const { rowStart, rowOf, strips, stripOf, matrices } = mapping
  const gaps = new Float64Array(matrices.reduce((most, matrix) => Math.max(most, matrix.rows), 1))
  let [plain, firstRows, spans] = [0, 0, 0]
  for (let ou = 0; ou < mapping.ous; ou++) {
    const width = widths[strips[stripOf[ou]!]!.matrix]!
    const first = rowStart[ou]!
    const end = rowStart[ou + 1]!
    plain += (end - first) * width
    firstRows += width
    spans += rowOf[end - 1]! - rowOf[first]!
    for (let i = first + 1; i < end; i++) gaps[rowOf[i]! - rowOf[i - 1]! - 1]! += 1
  }
  return { plain, firstRows, spans, gaps }
}

/** Codes of d bits for a gap: the highest code means as many rows skipped and another code to follow. */
function codesOf(gap: number, d: number): number {
  return Math.floor(gap / (2 ** d - 1)) + 1
}

function gapBits({ gaps }: Sizes, d: number): number {
  return gaps.reduce((bits, count, gap) => (count === 0 ? bits : bits + count * codesOf(gap, d) * d), 0)
}

/** The code width of 2 … max(2, widest) with fewest bits; of equals the smallest. */
function bestDelta(sizes: Sizes, widest: number): number {
  let best = 2
  for (let d = 3; d <= widest; d++) if (gapBits(sizes, d) < gapBits(sizes, best)) best = d
  return best
}

function bitsOf(mapping: Numbered, widths: readonly number[], encoding: ListEncoding, d: number): Int32Array {
  const { rowStart, rowOf, strips, stripOf } = mapping
  const bits = new Int32Array(mapping.ous)
  for (let ou = 0; ou < bits.length; ou++) {
    const width = widths[strips[stripOf[ou]!]!.matrix]!
    const first = rowStart[ou]!
    const end = rowStart[ou + 1]!
    if (encoding === 'plain') bits[ou] = (end - first) * width
    else if (encoding === 'bitmap') bits[ou] = width + rowOf[end - 1]! - rowOf[first]!
    else {
      let codes = 0
      for (let i = first + 1; i < end; i++) codes += codesOf(rowOf[i]! - rowOf[i - 1]! - 1, d)
      bits[ou] = width + codes * d
    }
  }
  return bits
}

/** Bits of a row number inside a tile. */
export function rowBits(matrix: Pick<WeightMatrix, 'rows'>, tileRows: number | 'all'): number {
  const rows = tileRows === 'all' ? matrix.rows : Math.min(tileRows, matrix.rows)
  return Math.max(1, Math.ceil(Math.log2(rows)))
}

function sum(bits: Int32Array): number {
  let total = 0
  for (let i = 0; i < bits.length; i++) total += bits[i]!
  return total
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
