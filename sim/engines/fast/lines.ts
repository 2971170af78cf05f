// The sums of all bit lines of one OU in one pass and plane, one after another: for the few places where the ADC may alter them.
import type { Mapping } from '../../../models/mapping/mapping.js'
import type { WeightCoding } from '../../../models/values/encode.js'
import { tabulateLevels } from './certificate.js'
import type { ActivationBlock } from './flags.js'

export interface LineSums {
  /** Calls `line(index in colOf, slice, polarity, sum)` for every visited bit line. */
  each(
    ou: number,
    plane: number,
    block: ActivationBlock,
    at: number,
    line: (column: number, slice: number, polarity: number, sum: number) => void,
  ): void
}

export function createLineSums(
  mapping: Mapping,
  coding: WeightCoding,
  sliceMasks: Int32Array,
  bitsPerStep: number,
): LineSums {
  const levels = tabulateLevels(mapping, coding)
  const mask = 2 ** bitsPerStep - 1
  const driven: number[] = []
  const digits: number[] = []
  return {
    each(ou, plane, { bytes, stride }, at, line) {
      const { cols, e } = mapping.matrices[mapping.strips[mapping.stripOf[ou]!]!.matrix]!
      driven.length = 0
      digits.length = 0
      for (let i = mapping.rowStart[ou]!; i < mapping.rowStart[ou + 1]!; i++) {
        const row = mapping.rowOf[i]!
        const digit = (bytes[row * stride + at]! >> (bitsPerStep * plane)) & mask
        if (digit === 0) continue
        driven.push(row * cols)
        digits.push(digit)
      }
      for (let slice = 0; slice < coding.slices; slice++) {
        if (((sliceMasks[ou]! >>> slice) & 1) === 0) continue
        for (let polarity = 0; polarity < coding.polarities; polarity++) {
          const table = levels.table(slice, polarity)
          for (let c = mapping.colStart[ou]!; c < mapping.colStart[ou + 1]!; c++) {
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
