// Activations row by row, a block of passes at a time: where the fast engine gets its bytes from.
import type { LayerWork } from '../../stages/context.js'

export interface ActivationStreams {
  /** Writes bytes of (row, pass first + i) of a matrix to into[row · stride + i] for i < passes. */
  fill(matrix: number, first: number, passes: number, into: Uint8Array, stride: number): void
}

/** The same bytes that the event engine reads, transposed. */
export function streamsOf(work: Pick<LayerWork, 'codes' | 'mapping'>): ActivationStreams {
  return {
    fill(matrix, first, passes, into, stride) {
      const { rows } = work.mapping.matrices[matrix]!
      const codes = work.codes[matrix]!
      for (let i = 0; i < passes; i++) {
        const from = (first + i) * rows
        for (let row = 0, at = i; row < rows; row++, at += stride) into[at] = codes[from + row]!
      }
    },
  }
}
