// The sums of the bit lines of one OU in one pass and plane, one after another: for the few places where the ADC may alter them.
import type { Mapping } from '../../../models/mapping/mapping.js'
import type { WeightCoding } from '../../../models/values/encode.js'
import { tabulateLevels } from './certificate.js'
import type { Streams } from './kernels/kernels.js'

export interface LineSums {
  /** Chooses rows, a pass and a plane for the calls of `each` that follow: OUs with just these rows; how many rows are driven. */
  drive(rows: Int32Array, cols: number, plane: number, block: Streams, at: number): number
  /** Calls `line(index in colOf, slice, polarity, sum)` for every visited bit line that may be altered. */
  each(ou: number, line: (column: number, slice: number, polarity: number, sum: number) => void): void
}

/** @param limits `Certificates.ofLine`: lines with a limit that the driven rows do not pass are left out; empty: all are told */
export function createLineSums(
  mapping: Mapping,
  coding: WeightCoding,
  sliceMasks: Int32Array,
  bitsPerStep: number,
  limits: Uint16Array,
): LineSums {
  const levels = tabulateLevels(coding)
  const mask = 2 ** bitsPerStep - 1
  const lines = coding.slices * coding.polarities
  const driven: number[] = []
  const digits: number[] = []
  return {
    drive(rows, cols, plane, { bytes, stride }, at) {
      driven.length = 0
      digits.length = 0
      for (let i = 0; i < rows.length; i++) {
        const row = rows[i]!
        const digit = (bytes[row * stride + at]! >> (bitsPerStep * plane)) & mask
        if (digit === 0) continue
        driven.push(row * cols)
        digits.push(digit)
      }
      return driven.length
    },
    each(ou, line) {
      const { e } = mapping.matrices[mapping.strips[mapping.stripOf[ou]!]!.matrix]!
      const first = mapping.colStart[ou]!
      const end = mapping.colStart[ou + 1]!
      let index = first * lines
      for (let slice = 0; slice < coding.slices; slice++) {
        if (((sliceMasks[ou]! >>> slice) & 1) === 0) {
          index += coding.polarities * (end - first)
          continue
        }
        for (let polarity = 0; polarity < coding.polarities; polarity++) {
          const table = levels.table(slice, polarity)
          for (let c = first; c < end; c++, index++) {
            if (limits.length > 0 && driven.length <= limits[index]!) continue
            let sum = 0
            for (let i = 0; i < driven.length; i++)
              sum += digits[i]! * table[e[driven[i]! + mapping.colOf[c]!]! - levels.min]!
            line(c, slice, polarity, sum)
          }
        }
      }
    },
  }
}
