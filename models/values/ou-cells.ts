// What an OU stores, slice by slice: which slices hold anything, and how often each cell level stands in each row.
import type { Mapping } from '../mapping/mapping.js'
import { cellLevel, type WeightCoding } from './encode.js'

/** Calls `visit(row index in rowOf, column index in colOf, e)` for every cell position of an OU. */
export function forEachWeight(
  mapping: Mapping,
  ou: number,
  visit: (row: number, col: number, e: number) => void,
): void {
  const matrix = mapping.matrices[mapping.strips[mapping.stripOf[ou]!]!.matrix]!
  for (let r = mapping.rowStart[ou]!; r < mapping.rowStart[ou + 1]!; r++) {
    const base = mapping.rowOf[r]! * matrix.cols
    for (let c = mapping.colStart[ou]!; c < mapping.colStart[ou + 1]!; c++)
      visit(r, c, matrix.e[base + mapping.colOf[c]!]!)
  }
}

/** Visited slices of every OU as a bit mask: all, or (skipZeroSlices) those with a level other than 0 in some cell. */
export function sliceMasks(mapping: Mapping, coding: WeightCoding, skipZeroSlices: boolean): Int32Array {
  const all = 2 ** coding.slices - 1
  const masks = new Int32Array(mapping.ous).fill(all)
  if (!skipZeroSlices) return masks
  const ofWeight = slicesOfWeight(coding)
  for (let ou = 0; ou < mapping.ous; ou++) {
    let mask = 0
    forEachWeight(mapping, ou, (_row, _col, e) => {
      mask |= ofWeight(e)
    })
    masks[ou] = mask
  }
  return masks
}

function slicesOfWeight(coding: WeightCoding): (e: number) => number {
  return (e) => {
    let mask = 0
    for (let slice = 0; slice < coding.slices; slice++) {
      for (let polarity = 0; polarity < coding.polarities; polarity++) {
        if (cellLevel(coding, e, slice, polarity) !== 0) mask |= 1 << slice
      }
    }
    return mask
  }
}

/**
 * Cell reads by stored level: Σ over OU rows of the pulses that drove the row × cells of that level in it (visited slices only).
 * @param rowPulses pulses of every row of every OU, in `rowOf` order
 */
export function cellReads(
  mapping: Mapping,
  coding: WeightCoding,
  masks: Int32Array,
  rowPulses: Float64Array,
): Float64Array {
  const reads = new Float64Array(2 ** coding.cellBits)
  for (let ou = 0; ou < mapping.ous; ou++) {
    const mask = masks[ou]!
    forEachWeight(mapping, ou, (row, _col, e) => {
      const pulses = rowPulses[row]!
      if (pulses === 0) return
      for (let slice = 0; slice < coding.slices; slice++) {
        if (((mask >> slice) & 1) === 0) continue
        for (let polarity = 0; polarity < coding.polarities; polarity++) {
          const level = cellLevel(coding, e, slice, polarity)
          reads[level] = reads[level]! + pulses
        }
      }
    })
  }
  return reads
}
