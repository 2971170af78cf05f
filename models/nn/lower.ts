// From a tensor of codes to vectors: shapes, im2col, and where results stand in the output tensor.
import { ModelError } from '../base/errors.js'
import { gatherOf } from './gather.js'
import { convSizes } from './sizes.js'
import type {
  CodedTensor,
  ConvGeometry,
  Layer,
  MatMulGeometry,
  ResolvedLayer,
  RowOrder,
  VectorCodes,
  WeightMatrix,
} from './types.js'

export type { ResolvedLayer } from './types.js'

/** @param inputShape shape of the layer's input for one item, batch axis included; @throws ModelError when it does not fit the layer */
export function resolveLayer(layer: Layer, inputShape: readonly number[]): ResolvedLayer {
  return layer.geometry.kind === 'conv'
    ? resolveConv(layer, layer.geometry, inputShape)
    : resolveMatMul(layer, layer.geometry, inputShape)
}

function resolveConv(layer: Layer, g: ConvGeometry, shape: readonly number[]): ResolvedLayer {
  const rank = g.kernel.length
  if (shape.length !== rank + 2 || shape[0] !== 1 || shape[1] !== g.groups * g.groupIn) {
    throw new ModelError(
      `${layer.name} (${layer.op}): input of shape [${shape}]; expected [1, ${g.groups * g.groupIn}, ${'size, '.repeat(rank).slice(0, -2)}]`,
    )
  }
  const inSize = shape.slice(2)
  const { outSize, padBegin } = convSizes(g, inSize, `${layer.name} (${layer.op})`)
  const rows = g.groupIn * product(g.kernel)
  const vectors = product(outSize)
  return { vectors, rows, cols: g.groupOut, macs: vectors * rows * g.groupOut * g.groups, inSize, outSize, padBegin }
}

function resolveMatMul(layer: Layer, g: MatMulGeometry, shape: readonly number[]): ResolvedLayer {
  const full = shape.length === 1 ? [1, shape[0]!] : shape
  const inner = g.contract === 'last' ? full[full.length - 1] : full[full.length - 2]
  const others = g.contract === 'last' ? full[full.length - 2]! : full[full.length - 1]!
  if (inner !== g.groupIn)
    throw new ModelError(
      `${layer.name} (${layer.op}): input of shape [${shape}]; expected ${g.groupIn} entries along the ${g.contract} axis`,
    )
  const batch = product(full.slice(0, -2))
  // Batch axes that only partly broadcast would pair vectors with matrices crosswise.
  if (g.groups > 1 && batch !== 1 && thick(full.slice(0, -2)).join() !== thick(g.batch).join()) {
    throw new ModelError(
      `${layer.name} (${layer.op}): batch of the input [${shape}] does not fit the constant matrices [${g.batch}]; expected the same batch, or 1`,
    )
  }
  const vectors = g.groups > 1 ? others : batch * others
  return {
    vectors,
    rows: g.groupIn,
    cols: g.groupOut,
    macs: vectors * g.groupIn * g.groupOut * g.groups,
    inSize: [],
    outSize: [],
    padBegin: [],
  }
}

/** Batch axes without leading ones, which broadcasting ignores. */
function thick(batch: readonly number[]): readonly number[] {
  const first = batch.findIndex((dim) => dim !== 1)
  return first < 0 ? [] : batch.slice(first)
}

function product(list: readonly number[]): number {
  return list.reduce((a, b) => a * b, 1)
}

/**
 * im2col of one item: the activation byte of every (vector, row), vectors in output order.
 * @param group the group, or 'all' for a block-diagonal packing: the rows of all groups one after another
 */
export function im2col(
  layer: Layer,
  resolved: ResolvedLayer,
  tensor: CodedTensor,
  item: number,
  group: number | 'all',
  order: RowOrder,
): VectorCodes {
  const gather = gatherOf(layer, resolved, tensor.shape, group, order)
  const zeroPoint = zeroPointOf(tensor, item)
  const { rows, vectors } = gather
  const values = new Int16Array(vectors * rows)
  const size = product(tensor.shape)
  const codes = tensor.codes.subarray(item * size, (item + 1) * size)
  for (let row = 0; row < rows; row++) {
    const offsets = gather.taps[gather.tapOf[row]!]!
    const base = gather.baseOf[row]!
    for (let v = 0, at = row; v < vectors; v++, at += rows)
      values[at] = offsets[v]! < 0 ? zeroPoint : codes[base + offsets[v]!]!
  }
  return { vectors, rows, passes: toPasses(values, tensor), form: tensor.form, zeroPoint }
}

/** Zero point of the codes of one item. */
export function zeroPointOf(tensor: CodedTensor, item: number): number {
  return tensor.zeroPoints?.[item] ?? tensor.zeroPoint
}

/** Bytes that drive the word lines: one pass, or the positive and the negative parts. */
function toPasses(values: Int16Array, tensor: CodedTensor): Uint8Array[] {
  const first = new Uint8Array(values.length)
  if (tensor.form !== 'split') {
    for (let i = 0; i < values.length; i++) first[i] = values[i]!
    return [first]
  }
  const second = new Uint8Array(values.length)
  for (let i = 0; i < values.length; i++) {
    first[i] = Math.max(values[i]!, 0)
    second[i] = Math.max(-values[i]!, 0)
  }
  return [first, second]
}

/** Index in the layer's output tensor (one item) of (group, vector, output of the group). */
export function outputIndex(
  layer: Layer,
  resolved: ResolvedLayer,
  inputShape: readonly number[],
): (group: number, vector: number, output: number) => number {
  const { geometry } = layer
  const { vectors, cols } = resolved
  if (geometry.kind === 'conv') return (group, vector, output) => (group * cols + output) * vectors + vector
  if (geometry.outputAxis === 'last') return (group, vector, output) => (group * vectors + vector) * cols + output
  const others = geometry.contract === 'last' ? (inputShape.at(-2) ?? 1) : inputShape.at(-1)!
  return (group, vector, output) => {
    const all = group * vectors + vector
    return (Math.floor(all / others) * cols + output) * others + (all % others)
  }
}

/** Σ (a − z)·e for every vector and output: the plain integer product that the machine must reproduce. */
export function integerProduct(matrix: WeightMatrix, codes: VectorCodes): Float64Array {
  const { rows, cols, e } = matrix
  const result = new Float64Array(codes.vectors * cols)
  const signed = codes.form === 'twos-complement'
  const [positive, negative] = codes.passes
  for (let v = 0; v < codes.vectors; v++) {
    const out = v * cols
    for (let r = 0; r < rows; r++) {
      const byte = positive![v * rows + r]!
      const code = negative === undefined ? (signed && byte > 127 ? byte - 256 : byte) : byte - negative[v * rows + r]!
      const a = code - codes.zeroPoint
      if (a === 0) continue
      const base = r * cols
      for (let c = 0; c < cols; c++) result[out + c] = result[out + c]! + a * e[base + c]!
    }
  }
  return result
}
