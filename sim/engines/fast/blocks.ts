// Activations row by row, a block of passes at a time.
import type { Streams } from './kernels/kernels.js'
import type { Workspace } from './workspace.js'

export interface ActivationStreams {
  /** Writes bytes of (row, pass first + i) of a matrix to into[row · stride + i] for i < passes. */
  fill(matrix: number, first: number, passes: number, into: Uint8Array, stride: number): void
  /** `fill` writes zeros behind the passes as well, up to a multiple of 64. */
  readonly pads: boolean
}

/** The activations of a matrix, in blocks that stay in a cache; what lies behind the last pass is zero. */
export function* blocksOf(
  { matrices, passes }: Workspace,
  m: number,
  streams: ActivationStreams,
): Generator<readonly [block: Streams, first: number]> {
  const { bytes, stride } = matrices[m]!
  for (let first = 0; first < passes; first += stride) {
    const count = Math.min(stride, passes - first)
    streams.fill(m, first, count, bytes, stride)
    if (!streams.pads && count % 64 !== 0)
      for (let at = count; at < bytes.length; at += stride) bytes.fill(0, at, at + 64 - (count % 64))
    yield [{ bytes, stride, passes: count }, first]
  }
}
