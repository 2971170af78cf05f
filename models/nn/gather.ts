// Where every im2col entry stands in the input tensor: one index = base of its row + offset of its vector at the row's tap. The same
// description serves vectors one after another (im2col) and rows one after another (streams of the fast engine).
import type { ConvGeometry, Layer, MatMulGeometry, ResolvedLayer, RowOrder } from './types.js'

export interface Gather {
  readonly rows: number
  readonly vectors: number
  /** per tap: offset of every vector, −1 = the value zero (padding, or a zero that ConvTranspose inserts) */
  readonly taps: readonly Int32Array[]
  /** per row: its tap, and the index that its offsets count from */
  readonly tapOf: Int32Array
  readonly baseOf: Int32Array
}

/** @param group the group, or 'all' for a block-diagonal packing: the rows of all groups one after another */
export function gatherOf(
  layer: Layer,
  resolved: ResolvedLayer,
  inputShape: readonly number[],
  group: number | 'all',
  order: RowOrder,
): Gather {
  const { geometry } = layer
  const groups = group === 'all' ? Array.from({ length: geometry.groups }, (_, g) => g) : [group]
  const parts = groups.map((g) =>
    geometry.kind === 'conv'
      ? convGather(geometry, resolved, g, order)
      : matMulGather(geometry, resolved, inputShape, g),
  )
  const rows = resolved.rows * groups.length
  const tapOf = new Int32Array(rows)
  const baseOf = new Int32Array(rows)
  const taps: Int32Array[] = []
  for (const [i, part] of parts.entries()) {
    // The taps of a convolution are the same for every group; those of a batched product are not.
    const shared = geometry.kind === 'conv' && i > 0
    const first = shared ? 0 : taps.length
    if (!shared) taps.push(...part.taps)
    tapOf.set(
      part.tapOf.map((tap) => first + tap),
      i * resolved.rows,
    )
    baseOf.set(part.baseOf, i * resolved.rows)
  }
  return { rows, vectors: resolved.vectors, taps, tapOf, baseOf }
}

/** One description per matrix of a layer; those of a convolution share their taps. */
export function gathersOf(
  layer: Layer,
  resolved: ResolvedLayer,
  inputShape: readonly number[],
  packed: boolean,
  order: RowOrder,
): Gather[] {
  const { geometry } = layer
  if (packed) return [gatherOf(layer, resolved, inputShape, 'all', order)]
  if (geometry.kind !== 'conv')
    return Array.from({ length: geometry.groups }, (_, g) => gatherOf(layer, resolved, inputShape, g, order))
  const first = gatherOf(layer, resolved, inputShape, 0, order)
  const step = geometry.groupIn * product(resolved.inSize)
  return Array.from({ length: geometry.groups }, (_, g) => ({
    ...first,
    baseOf: first.baseOf.map((base) => base + g * step),
  }))
}

type Part = Pick<Gather, 'taps' | 'tapOf' | 'baseOf'>

function convGather(g: ConvGeometry, resolved: ResolvedLayer, group: number, order: RowOrder): Part {
  const positions = product(g.kernel)
  const area = product(resolved.inSize)
  const taps = Array.from({ length: positions }, (_, p) => sourceOffsets(g, resolved, p))
  const tapOf = new Int32Array(resolved.rows)
  const baseOf = new Int32Array(resolved.rows)
  for (let p = 0; p < positions; p++) {
    for (let c = 0; c < g.groupIn; c++) {
      const row = order === 'channel-major' ? c * positions + p : p * g.groupIn + c
      tapOf[row] = p
      baseOf[row] = (group * g.groupIn + c) * area
    }
  }
  return { taps, tapOf, baseOf }
}

/** For one kernel position: where in a channel every vector reads; −1 in the padding and at zeros that ConvTranspose inserts. */
function sourceOffsets(g: ConvGeometry, resolved: ResolvedLayer, position: number): Int32Array {
  const rank = g.kernel.length
  const offsets = new Int32Array(resolved.vectors)
  const tap = new Array<number>(rank)
  for (let d = rank - 1, rest = position; d >= 0; d--) {
    tap[d] = rest % g.kernel[d]!
    rest = Math.floor(rest / g.kernel[d]!)
  }
  const along = tap.map((t, d) => sourcesAlong(g, resolved, d, t))
  const at = new Array<number>(rank).fill(0)
  for (let v = 0; v < resolved.vectors; v++) {
    let offset = 0
    for (let d = 0; d < rank && offset >= 0; d++) {
      const x = along[d]![at[d]!]!
      offset = x < 0 ? -1 : offset * resolved.inSize[d]! + x
    }
    offsets[v] = offset
    for (let d = rank - 1; d >= 0 && ++at[d]! === resolved.outSize[d]; d--) at[d] = 0
  }
  return offsets
}

/**
 * Input coordinate per output coordinate of one dimension, −1 for none. A convolution reads at o·stride − pad + tap·dilation; in
 * ConvTranspose input x reaches output x·stride − pad + tap·dilation (ONNX operator reference), so o reads the x that reaches it.
 */
function sourcesAlong(g: ConvGeometry, resolved: ResolvedLayer, d: number, tap: number): Int32Array {
  const stride = g.strides[d]!
  const shift = tap * g.dilations[d]!
  const begin = resolved.padBegin[d]!
  const size = resolved.inSize[d]!
  return Int32Array.from({ length: resolved.outSize[d]! }, (_, o) => {
    const x = g.transposed === undefined ? o * stride - begin + shift : (o + begin - shift) / stride
    return Number.isInteger(x) && x >= 0 && x < size ? x : -1
  })
}

function matMulGather(g: MatMulGeometry, resolved: ResolvedLayer, shape: readonly number[], group: number): Part {
  const { rows, vectors } = resolved
  const others = g.contract === 'last' ? (shape.at(-2) ?? 1) : shape.at(-1)!
  const batch = product(shape.slice(0, -2))
  const first = g.groups > 1 && batch > 1 ? group * others : 0
  const last = g.contract === 'last'
  const offsets = Int32Array.from({ length: vectors }, (_, v) => {
    const vector = first + v
    return last ? vector * rows : Math.floor(vector / others) * rows * others + (vector % others)
  })
  const baseOf = Int32Array.from({ length: rows }, (_, r) => (last ? r : r * others))
  return { taps: [offsets], tapOf: new Int32Array(rows), baseOf }
}

function product(list: readonly number[]): number {
  return list.reduce((a, b) => a * b, 1)
}
