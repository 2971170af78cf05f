// The plain twin of ou-values.ts: one loop per row, cell and polarity, straight from docs/values.md. For tests.
import { firstOutput } from '../mapping/mapping.js'
import { cellLevel, sliceWeight } from './encode.js'
import type { OuValues, ValueInput } from './ou-values.js'

export function createNaiveValues(input: ValueInput): OuValues {
  const { mapping, coding, adc, bitsPerStep } = input
  const outputs = firstOutput(mapping.matrices, mapping.matrices.length)
  const acc = new Float64Array(input.vectors * outputs)
  const lossless = new Float64Array(input.vectors * outputs)
  const histogram = new Float64Array(adc.codes.reduce((a, b) => Math.max(a, b), 0) + 1)
  let clipped = 0

  function column(pass: number, ou: number, plane: number, slice: number, col: number, polarity: number): number {
    const m = mapping.strips[mapping.stripOf[ou]!]!.matrix
    const matrix = mapping.matrices[m]!
    let sum = 0
    for (let i = mapping.rowStart[ou]!; i < mapping.rowStart[ou + 1]!; i++) {
      const row = mapping.rowOf[i]!
      const digit = (input.codes[m]![pass * matrix.rows + row]! >> (plane * bitsPerStep)) & (2 ** bitsPerStep - 1)
      sum += digit * cellLevel(coding, matrix.e[row * matrix.cols + col]!, slice, polarity)
    }
    return sum
  }

  function activate(pass: number, ou: number, plane: number, slices: number): void {
    const m = mapping.strips[mapping.stripOf[ou]!]!.matrix
    const vector = input.form === 'split' ? Math.floor(pass / 2) : pass
    const negative = input.form === 'split' ? pass % 2 === 1 : input.form === 'twos-complement' && plane === 7
    for (let slice = 0; slice < coding.slices; slice++) {
      if (((slices >> slice) & 1) === 0) continue
      const weight = (negative ? -1 : 1) * sliceWeight(coding, slice) * 2 ** (plane * bitsPerStep)
      for (let c = mapping.colStart[ou]!; c < mapping.colStart[ou + 1]!; c++) {
        const at = vector * outputs + firstOutput(mapping.matrices, m) + mapping.colOf[c]!
        for (let polarity = 0; polarity < coding.polarities; polarity++) {
          const sum = column(pass, ou, plane, slice, mapping.colOf[c]!, polarity)
          const code = adc.codes[sum]!
          const sign = polarity === 0 ? 1 : -1
          histogram[code] = histogram[code]! + 1
          clipped += adc.clipped[sum]!
          acc[at] = acc[at]! + sign * weight * code * adc.lsb
          lossless[at] = lossless[at]! + sign * weight * sum
        }
      }
    }
  }

  return { activate, acc, lossless, histogram, clipped: () => clipped }
}
