// The integer product of a layer with its plain weights, without a mapping: what comparisons with onnxruntime are made of.
import { gathersOf } from '../../models/nn/gather.js'
import { im2col, integerProduct, zeroPointOf } from '../../models/nn/lower.js'
import type { CodedTensor, Layer, ResolvedLayer, RowOrder, WeightMatrix } from '../../models/nn/types.js'
import { weightSums } from '../../models/values/finish.js'
import { allotProgram, noRoom, pack, programBytes, smallRoom } from '../engines/fast/factors.js'
import { chooseKernels } from '../engines/fast/kernels/index.js'
import { sizeOf } from '../engines/fast/kernels/kernels.js'
import { productFits } from '../engines/fast/product.js'
import { tensorStreams } from '../engines/fast/streams.js'

/** Passes of a block. */
const blockPasses = 256

/**
 * Calls `visit` with the results Σ (a − z)·e of every matrix: result of (vector, column) at vector · columns + column.
 * @param matrices one a group
 * @param tensor of one item
 */
export function eachProduct(
  layer: Layer,
  resolved: ResolvedLayer,
  matrices: readonly WeightMatrix[],
  tensor: CodedTensor,
  order: RowOrder,
  visit: (matrix: number, exact: Float64Array) => void,
): void {
  // Split codes come in two passes a vector; sums beyond int32 need float64: the plain product does both.
  if (tensor.form === 'split' || !matrices.every(productFits)) {
    for (const [g, matrix] of matrices.entries())
      visit(g, integerProduct(matrix, im2col(layer, resolved, tensor, 0, g, order)))
    return
  }
  const { vectors } = resolved
  const { rows, cols } = matrices[0]!
  const stride = Math.min(blockPasses, Math.ceil(vectors / 64) * 64)
  const arena = chooseKernels('auto').arena(sizeOf(rows * stride) + programBytes(smallRoom) + sizeOf(4 * cols * stride))
  const bytes = arena.bytes(rows * stride)
  const program = allotProgram(arena, smallRoom)
  const sums = arena.ints(cols * stride)
  const all = (length: number) => Int32Array.from({ length }, (_, i) => i)
  const columns = all(cols)
  const piece = { rows: all(rows), columns, targets: columns, begins: true }
  const streams = tensorStreams(gathersOf(layer, resolved, tensor.shape, false, order), tensor, 0)
  const zeroPoint = zeroPointOf(tensor, 0)
  for (const [g, matrix] of matrices.entries()) {
    const zeroSums = weightSums({ matrices: [matrix] }).map((sum) => zeroPoint * sum)
    const exact = new Float64Array(vectors * cols)
    for (let first = 0; first < vectors; first += stride) {
      const passes = Math.min(stride, vectors - first)
      streams.fill(g, first, passes, bytes, stride)
      const used = { ...noRoom }
      for (const end of pack([piece], matrix, stride, program, used))
        arena.multiply({ bytes, stride, passes }, program, 0, end, tensor.form === 'twos-complement', true, sums)
      for (let p = 0; p < passes; p++)
        for (let c = 0; c < cols; c++) exact[(first + p) * cols + c] = sums[c * stride + p]! - zeroSums[c]!
    }
    visit(g, exact)
  }
}
