// Checksums of integer products: Σ over outputs of a vector's results = Σ over rows of (code − zero point) · Σ over outputs of e. They
// cost one output's work and hold results, however they were computed, against the weights as the network has them.
import { CheckFailure } from '../../models/base/errors.js'
import type { CodeForm } from '../../models/nn/types.js'
import type { Arena, Streams } from '../engines/fast/kernels/kernels.js'
import { weighRows } from '../engines/fast/kernels/plain.js'
import type { PlacedLayer } from './prepare.js'

export interface Checksums {
  /** Takes the activations of a matrix in passes first … first + block.passes − 1. */
  add(matrix: number, block: Streams, first: number): void
  /** @param sums Σ over outputs of the integer products of every vector; @throws CheckFailure when one is another */
  compare(sums: Float64Array): void
}

export function openChecksums(
  { layer, mapping }: PlacedLayer,
  arena: Arena,
): (form: CodeForm, zeroPoint: number, passes: number) => Checksums {
  const rowSums = mapping.matrices.map(({ rows, cols, e }) => {
    const sums = new Float64Array(rows)
    for (let row = 0; row < rows; row++)
      for (let at = row * cols; at < (row + 1) * cols; at++) sums[row] = sums[row]! + e[at]!
    return sums
  })
  /** for the kernel: null where its sums might leave int32 */
  const weights = rowSums.map((sums) =>
    sums.reduce((most, sum) => most + Math.abs(sum), 0) * 255 < 2 ** 31 ? Int32Array.from(sums) : null,
  )
  const total = rowSums.reduce((sum, rows) => sum + rows.reduce((a, b) => a + b, 0), 0)
  return (form, zeroPoint, passes) => {
    const perPass = new Float64Array(passes)
    const signed = form === 'twos-complement'
    return {
      add(m, block, first) {
        const sums = perPass.subarray(first, first + block.passes)
        const own = weights[m]!
        if (own === null) weighRows(block, rowSums[m]!, signed, sums)
        else arena.weighRows(block, own, signed, sums)
      },
      compare(sums) {
        for (const [v, sum] of sums.entries()) {
          const driven = form === 'split' ? perPass[2 * v]! - perPass[2 * v + 1]! : perPass[v]!
          if (sum !== driven - zeroPoint * total)
            throw new CheckFailure(
              `${layer.name}: the results of vector ${v} add up to ${sum}, with the plain weights to ${driven - zeroPoint * total}`,
            )
        }
      },
    }
  }
}
