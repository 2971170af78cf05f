// Checksums of integer products: Σ over outputs of a vector's results = Σ over rows of (code − zero point) · Σ over outputs of e. They
// cost one output's work and hold results, however they were computed, against the weights as the network has them.
import { CheckFailure } from '../../models/base/errors.js'
import type { CodeForm } from '../../models/nn/types.js'
import type { MatrixSums } from '../../models/values/sums.js'
import type { Arena, Streams } from '../engines/fast/kernels/kernels.js'
import { weighRows } from '../engines/fast/kernels/plain.js'
import type { PlacedLayer } from './prepare.js'

export interface Checksums {
  /** Takes the activations of a matrix in passes first … first + block.passes − 1. */
  add(matrix: number, block: Streams, first: number): void
  /** @param sums Σ over outputs of the integer products of every vector; @throws CheckFailure when one is another */
  compare(sums: Float64Array): void
}

/** @param sums of the plain weights of every matrix */
export function openChecksums(
  { layer }: PlacedLayer,
  sums: readonly MatrixSums[],
  arena: Arena,
): (form: CodeForm, zeroPoint: number, passes: number) => Checksums {
  /** for the kernel: null where its sums might leave int32 */
  const weights = sums.map(({ rows }) =>
    rows.reduce((most, sum) => most + Math.abs(sum), 0) * 255 < 2 ** 31 ? Int32Array.from(rows) : null,
  )
  const total = sums.reduce((sum, { rows }) => sum + rows.reduce((a, b) => a + b, 0), 0)
  return (form, zeroPoint, passes) => {
    const perPass = new Float64Array(passes)
    const signed = form === 'twos-complement'
    return {
      add(m, block, first) {
        const own = perPass.subarray(first, first + block.passes)
        const narrow = weights[m]!
        if (narrow === null) weighRows(block, sums[m]!.rows, signed, own)
        else arena.weighRows(block, narrow, signed, own)
      },
      compare(vectors) {
        for (const [v, sum] of vectors.entries()) {
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
