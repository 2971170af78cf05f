// Convolutions in space: sizes of the output and pads at the beginning, as the ONNX operator reference gives them.
import { ModelError } from '../base/errors.js'
import type { ConvGeometry } from './types.js'

/** Sizes per spatial dimension. */
export interface ConvSizes {
  readonly outSize: readonly number[]
  /** pads at the beginning */
  readonly padBegin: readonly number[]
}

/** Output positions times kernel positions beyond which a layer is refused: its index tables alone would fill gibibytes. */
const largest = 2 ** 27

/** @throws ModelError starting with `where` when no output is left or sizes are out of all proportion */
export function convSizes(g: ConvGeometry, inSize: readonly number[], where: string): ConvSizes {
  const sizes = inSize.map((size, d) => (g.transposed === undefined ? direct(g, size, d) : transposed(g, size, d)))
  const outSize = sizes.map(([out]) => out)
  if (outSize.some((n) => n < 1)) throw new ModelError(`${where}: input of size [${inSize}] is smaller than the kernel`)
  const entries = [...outSize, ...g.kernel].reduce((a, b) => a * b, 1)
  if (!(entries <= largest)) {
    throw new ModelError(
      `${where}: output of size [${outSize}] for a kernel of [${g.kernel}]; expected at most 2^27 output positions times kernel positions`,
    )
  }
  return { outSize, padBegin: sizes.map(([, begin]) => begin) }
}

/** [output size, pad at the beginning] */
type Sizes = readonly [number, number]

function reachOf(g: ConvGeometry, d: number): number {
  return (g.kernel[d]! - 1) * g.dilations[d]! + 1
}

function direct(g: ConvGeometry, size: number, d: number): Sizes {
  const stride = g.strides[d]!
  // ONNX auto_pad SAME: output size = ceil(input / stride).
  const total =
    g.autoPad === null
      ? g.pads[d]! + g.pads[d + g.kernel.length]!
      : Math.max(0, (Math.ceil(size / stride) - 1) * stride + reachOf(g, d) - size)
  const begin =
    g.autoPad === null ? g.pads[d]! : g.autoPad === 'SAME_UPPER' ? Math.floor(total / 2) : Math.ceil(total / 2)
  return [Math.floor((size + total - reachOf(g, d)) / stride) + 1, begin]
}

/** ONNX ConvTranspose: a given output size, or auto_pad SAME with output = input · stride, decides the pads. */
function transposed(g: ConvGeometry, size: number, d: number): Sizes {
  const { outputPadding, outputShape } = g.transposed!
  const stride = g.strides[d]!
  const full = stride * (size - 1) + outputPadding[d]! + reachOf(g, d)
  const wanted = outputShape?.[d] ?? (g.autoPad === null ? null : size * stride)
  if (wanted === null) return [full - g.pads[d]! - g.pads[d + g.kernel.length]!, g.pads[d]!]
  const total = Math.max(0, full - wanted)
  return [wanted, g.autoPad === 'SAME_UPPER' ? Math.floor(total / 2) : Math.ceil(total / 2)]
}
