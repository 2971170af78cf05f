// The integer product over the rows that OUs hold: by a kernel in int32, or in float64 where sums may leave int32.
import type { Mapping } from '../../../models/mapping/mapping.js'
import type { WeightMatrix } from '../../../models/nn/types.js'
import { sumMatrix } from '../../../models/values/sums.js'
import { bundle, noRoom, pack, piecesOf } from './factors.js'
import type { Streams } from './kernels/kernels.js'
import type { FastPlan } from './plan.js'
import type { Workspace } from './workspace.js'

/** Whether no result of the matrix can leave int32. */
export function productFits(matrix: WeightMatrix): boolean {
  return sumMatrix(matrix).bound * 255 < 2 ** 31
}

export interface LayerProduct {
  /**
   * Adds Σ over the rows of the OUs of matrix m of activation × e to sums[column · stride + pass], in int32, or (fresh) sets sums to them,
   * and to 0 behind the last pass, up to a multiple of 8.
   */
  add(m: number, block: Streams, signed: boolean, fresh: boolean, sums: Int32Array): void
}

/** Weights are packed when a matrix is met for the first time, and stay where all of them fit into the workspace. */
export function openProduct(plan: FastPlan, ofMatrix: readonly Int32Array[], space: Workspace): LayerProduct {
  const { mapping } = plan
  const { arena, program, packing, keepsProgram } = space
  const { used, kept, bundles } = packing
  return {
    add(m, block, signed, fresh, sums) {
      const { stride, passes } = block
      bundles[m] ??= bundle(plan, ofMatrix[m]!, mapping.matrices[m]!.cols)
      if (fresh) for (const c of bundles[m].unbegun) sums.fill(0, c * stride, c * stride + Math.ceil(passes / 8) * 8)
      const known = kept[m]
      if (known !== undefined) {
        arena.multiply(block, program, known.from, known.to, signed, fresh, sums)
        return
      }
      if (!keepsProgram) Object.assign(used, noRoom)
      const from = used.steps
      for (const to of pack(piecesOf(mapping, bundles[m]), mapping.matrices[m]!, stride, program, used)) {
        arena.multiply(block, program, from, to, signed, fresh, sums)
        if (keepsProgram) kept[m] = { from, to }
      }
    },
  }
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
