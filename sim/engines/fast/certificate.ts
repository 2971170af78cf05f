// How many driven rows an OU can have before any of its bit lines can reach a sum that the ADC does not hand on unchanged.
import type { Mapping } from '../../../models/mapping/mapping.js'
import type { AdcTables } from '../../../models/values/adc.js'
import { cellLevel, type WeightCoding } from '../../../models/values/encode.js'

/**
 * Per OU: with at most so many driven rows every conversion is exact; −1 = not even a sum of 0 is, as many as its rows = always.
 * A driven row adds at most (2^d − 1) · level, so the worst choice of k rows of a line is its k largest levels.
 */
export function certificates(
  mapping: Mapping,
  coding: WeightCoding,
  sliceMasks: Int32Array,
  adc: AdcTables,
  bitsPerStep: number,
): Int32Array {
  const top = exactUpTo(adc)
  const digit = 2 ** bitsPerStep - 1
  const levels = 2 ** coding.cellBits
  const counts = new Int32Array(levels)
  const levelOf = tabulateLevels(mapping, coding)
  return Int32Array.from({ length: mapping.ous }, (_, ou) => {
    if (top < 0) return -1
    const { cols, e } = mapping.matrices[mapping.strips[mapping.stripOf[ou]!]!.matrix]!
    const rows = mapping.rowStart[ou + 1]! - mapping.rowStart[ou]!
    // No line of any weights can get there: nothing to look at.
    let limit = Math.min(rows, Math.floor(top / (digit * (levels - 1))))
    if (limit === rows) return rows
    limit = rows
    for (let slice = 0; slice < coding.slices; slice++) {
      if (((sliceMasks[ou]! >>> slice) & 1) === 0) continue
      for (let polarity = 0; polarity < coding.polarities; polarity++) {
        const table = levelOf.table(slice, polarity)
        for (let c = mapping.colStart[ou]!; c < mapping.colStart[ou + 1]!; c++) {
          counts.fill(0)
          for (let i = mapping.rowStart[ou]!; i < mapping.rowStart[ou + 1]!; i++)
            counts[table[e[mapping.rowOf[i]! * cols + mapping.colOf[c]!]! - levelOf.min]!]! += 1
          limit = Math.min(limit, mostRows(counts, rows, digit, top))
        }
      }
    }
    return limit
  })
}

/** Largest sum up to which every code stands for its sum; −1: none. */
function exactUpTo(adc: AdcTables): number {
  const wrong = adc.codes.findIndex((code, sum) => code * adc.lsb !== sum)
  return wrong < 0 ? adc.codes.length - 1 : wrong - 1
}

/** Rows that can be driven without the largest levels passing `top`. */
function mostRows(counts: Int32Array, rows: number, digit: number, top: number): number {
  let left = top
  let driven = 0
  for (let level = counts.length - 1; level > 0; level--) {
    const fit = Math.min(counts[level]!, Math.floor(left / (digit * level)))
    driven += fit
    left -= fit * digit * level
    if (fit < counts[level]!) return driven
  }
  return rows
}

/** Level of every weight that occurs, by slice and polarity. */
export function tabulateLevels(mapping: Mapping, coding: WeightCoding) {
  let min = 0
  let max = 0
  for (const { e } of mapping.matrices) {
    for (let i = 0; i < e.length; i++) {
      if (e[i]! < min) min = e[i]!
      if (e[i]! > max) max = e[i]!
    }
  }
  const tables = Array.from({ length: coding.slices * coding.polarities }, (_, at) =>
    Uint16Array.from({ length: max - min + 1 }, (_, i) =>
      cellLevel(coding, min + i, Math.floor(at / coding.polarities), at % coding.polarities),
    ),
  )
  return { min, table: (slice: number, polarity: number) => tables[slice * coding.polarities + polarity]! }
}
