// Checksums of integer products: Σ over outputs of a vector's results = Σ over rows of (code − zero point) · Σ over outputs of e. They
// cost one output's work and hold results, however they were computed, against the weights as the network has them.
import { CheckFailure } from '../../models/base/errors.js'
import type { CodeForm } from '../../models/nn/types.js'
import type { Streams } from '../engines/fast/kernels/kernels.js'
import type { PlacedLayer } from './prepare.js'

export interface Checksums {
  /** Takes the activations of a matrix in passes first … first + block.passes − 1. */
  add(matrix: number, block: Streams, first: number): void
  /** @param exact integer products, vectors × outputs; @throws CheckFailure when a vector's do not add up */
  compare(exact: Float64Array): void
}

export function openChecksums({
  layer,
  mapping,
}: PlacedLayer): (form: CodeForm, zeroPoint: number, passes: number) => Checksums {
  const rowSums = mapping.matrices.map(({ rows, cols, e }) => {
    const sums = new Float64Array(rows)
    for (let row = 0; row < rows; row++)
      for (let at = row * cols; at < (row + 1) * cols; at++) sums[row] = sums[row]! + e[at]!
    return sums
  })
  const total = rowSums.reduce((sum, rows) => sum + rows.reduce((a, b) => a + b, 0), 0)
  return (form, zeroPoint, passes) => {
    const perPass = new Float64Array(passes)
    return {
      add(m, { bytes, stride, passes: count }, first) {
        const codes = form === 'twos-complement' ? new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length) : bytes
        const sums = perPass.subarray(first, first + count)
        for (const [row, weight] of rowSums[m]!.entries()) {
          if (weight === 0) continue
          const from = row * stride
          for (let p = 0; p < count; p++) sums[p] = sums[p]! + weight * codes[from + p]!
        }
      },
      compare(exact) {
        const split = form === 'split'
        const vectors = split ? passes / 2 : passes
        const outputs = exact.length / Math.max(1, vectors)
        for (let v = 0; v < vectors; v++) {
          const driven = split ? perPass[2 * v]! - perPass[2 * v + 1]! : perPass[v]!
          let sum = 0
          for (let at = v * outputs; at < (v + 1) * outputs; at++) sum += exact[at]!
          if (sum !== driven - zeroPoint * total)
            throw new CheckFailure(
              `${layer.name}: the results of vector ${v} add up to ${sum}, with the plain weights to ${driven - zeroPoint * total}`,
            )
        }
      },
    }
  }
}
