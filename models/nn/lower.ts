// From a tensor of codes to vectors: shapes, im2col, and where results stand in the output tensor.
import { ModelError } from '../base/errors.js'
import type { CodedTensor, ConvGeometry, Layer, MatMulGeometry, RowOrder, VectorCodes, WeightMatrix } from './types.js'

export interface ResolvedLayer {
  /** vectors of one item, per group */
  readonly vectors: number
  /** im2col rows and outputs of one group */
  readonly rows: number
  readonly cols: number
  /** multiply-accumulates of one item, zeros counted */
  readonly macs: number
  /** spatial sizes of input and output (conv), else empty */
  readonly inSize: readonly number[]
  readonly outSize: readonly number[]
  /** pads at the beginning of every spatial dimension */
  readonly padBegin: readonly number[]
}

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
      `${layer.name} (Conv): input of shape [${shape}]; expected [1, ${g.groups * g.groupIn}, ${'size, '.repeat(rank).slice(0, -2)}]`,
    )
  }
  const inSize = shape.slice(2)
  const reach = g.kernel.map((k, d) => (k - 1) * g.dilations[d]! + 1)
  const total = inSize.map((n, d) =>
    g.autoPad === null ? g.pads[d]! + g.pads[d + rank]! : samePads(n, g.strides[d]!, reach[d]!),
  )
  const padBegin = total.map((p, d) => {
    if (g.autoPad === null) return g.pads[d]!
    return g.autoPad === 'SAME_UPPER' ? Math.floor(p / 2) : Math.ceil(p / 2)
  })
  const outSize = inSize.map((n, d) => Math.floor((n + total[d]! - reach[d]!) / g.strides[d]!) + 1)
  if (outSize.some((n) => n < 1))
    throw new ModelError(`${layer.name} (Conv): input of shape [${shape}] is smaller than the kernel`)
  const rows = g.groupIn * product(g.kernel)
  const vectors = product(outSize)
  return { vectors, rows, cols: g.groupOut, macs: vectors * rows * g.groupOut * g.groups, inSize, outSize, padBegin }
}

/** ONNX auto_pad SAME: output size = ceil(input / stride). */
function samePads(size: number, stride: number, reach: number): number {
  return Math.max(0, (Math.ceil(size / stride) - 1) * stride + reach - size)
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
  const groups = group === 'all' ? Array.from({ length: layer.geometry.groups }, (_, g) => g) : [group]
  const rows = resolved.rows * groups.length
  const values = new Int16Array(resolved.vectors * rows)
  const size = product(tensor.shape)
  const codes = tensor.codes.subarray(item * size, (item + 1) * size)
  for (const [i, g] of groups.entries()) {
    const target = { values, stride: rows, offset: i * resolved.rows }
    if (layer.geometry.kind === 'conv') convVectors(layer.geometry, resolved, codes, g, order, tensor.zeroPoint, target)
    else matMulVectors(layer.geometry, resolved, tensor.shape, codes, g, target)
  }
  return {
    vectors: resolved.vectors,
    rows,
    passes: toPasses(values, tensor),
    form: tensor.form,
    zeroPoint: tensor.zeroPoint,
  }
}

interface Target {
  readonly values: Int16Array
  readonly stride: number
  readonly offset: number
}

type Codes = CodedTensor['codes']

function convVectors(
  g: ConvGeometry,
  resolved: ResolvedLayer,
  codes: Codes,
  group: number,
  order: RowOrder,
  pad: number,
  target: Target,
): void {
  const positions = product(g.kernel)
  const area = product(resolved.inSize)
  for (let p = 0; p < positions; p++) {
    const source = sourceOffsets(g, resolved, p)
    for (let c = 0; c < g.groupIn; c++) {
      const row = target.offset + (order === 'channel-major' ? c * positions + p : p * g.groupIn + c)
      const base = (group * g.groupIn + c) * area
      for (let v = 0, at = row; v < resolved.vectors; v++, at += target.stride)
        target.values[at] = source[v]! < 0 ? pad : codes[base + source[v]!]!
    }
  }
}

/** For one kernel position: where in a channel every vector reads, −1 in the padding. */
function sourceOffsets(g: ConvGeometry, resolved: ResolvedLayer, position: number): Int32Array {
  const rank = g.kernel.length
  const offsets = new Int32Array(resolved.vectors)
  const tap = new Array<number>(rank)
  for (let d = rank - 1, rest = position; d >= 0; d--) {
    tap[d] = rest % g.kernel[d]!
    rest = Math.floor(rest / g.kernel[d]!)
  }
  const at = new Array<number>(rank).fill(0)
  for (let v = 0; v < resolved.vectors; v++) {
    let offset = 0
    for (let d = 0; d < rank && offset >= 0; d++) {
      const x = at[d]! * g.strides[d]! - resolved.padBegin[d]! + tap[d]! * g.dilations[d]!
      offset = x < 0 || x >= resolved.inSize[d]! ? -1 : offset * resolved.inSize[d]! + x
    }
    offsets[v] = offset
    for (let d = rank - 1; d >= 0 && ++at[d]! === resolved.outSize[d]; d--) at[d] = 0
  }
  return offsets
}

function matMulVectors(
  g: MatMulGeometry,
  resolved: ResolvedLayer,
  shape: readonly number[],
  codes: Codes,
  group: number,
  target: Target,
): void {
  const others = g.contract === 'last' ? (shape.at(-2) ?? 1) : shape.at(-1)!
  const batch = product(shape.slice(0, -2))
  const first = g.groups > 1 && batch > 1 ? group * others : 0
  for (let v = 0; v < resolved.vectors; v++) {
    const vector = first + v
    const b = Math.floor(vector / others)
    const n = vector % others
    for (let r = 0; r < resolved.rows; r++) {
      const at = g.contract === 'last' ? vector * resolved.rows + r : (b * resolved.rows + r) * others + n
      target.values[v * target.stride + target.offset + r] = codes[at]!
    }
  }
}

/** Bytes that drive the word lines: one pass, or the positive and the negative parts. */
function toPasses(values: Int16Array, tensor: CodedTensor): Uint8Array[] {
  if (tensor.form !== 'split') return [Uint8Array.from(values, (value) => value & 255)]
  return [
    Uint8Array.from(values, (value) => Math.max(value, 0)),
    Uint8Array.from(values, (value) => Math.max(-value, 0)),
  ]
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
