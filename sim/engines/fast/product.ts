// The integer product over the rows that OUs hold, in float64: for matrices whose sums may leave int32, which the kernels compute in.
import type { Mapping } from '../../../models/mapping/mapping.js'
import type { WeightMatrix } from '../../../models/nn/types.js'
import type { Streams } from './kernels/kernels.js'

/** Whether no result of the matrix can leave int32. */
export function productFits({ rows, cols, e }: WeightMatrix): boolean {
  for (let c = 0; c < cols; c++) {
    let sum = 0
    for (let r = 0; r < rows; r++) sum += Math.abs(e[r * cols + c]!)
    if (sum * 255 >= 2 ** 31) return false
  }
  return true
}

/** Adds Σ over the rows of an OU of activation × e to sums[column · stride + pass], for the OU's columns. */
export function addProduct(mapping: Mapping, ou: number, block: Streams, signed: boolean, sums: Float64Array): void {
  const { cols, e } = mapping.matrices[mapping.strips[mapping.stripOf[ou]!]!.matrix]!
  const { stride, passes } = block
  const codes = signed ? new Int8Array(block.bytes.buffer, block.bytes.byteOffset, block.bytes.length) : block.bytes
  for (let i = mapping.rowStart[ou]!; i < mapping.rowStart[ou + 1]!; i++) {
    const row = mapping.rowOf[i]!
    const from = row * stride
    for (let c = mapping.colStart[ou]!; c < mapping.colStart[ou + 1]!; c++) {
      const col = mapping.colOf[c]!
      const weight = e[row * cols + col]!
      if (weight === 0) continue
      const to = mapping.deliveredTo[c]! * stride
      for (let p = 0; p < passes; p++) sums[to + p] = sums[to + p]! + weight * codes[from + p]!
    }
  }
}
