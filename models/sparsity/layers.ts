// Layers of a network ↔ matrices of pruning; and which layers are spared.
import type { Layer, RowOrder } from '../nn/types.js'
import type { Mask, PrunableLayer, SparsityMatrix } from './types.js'

/** Channels that stay together in a part of a matrix: blocks of all usual heights end with them. */
const channelsTogether = 16

/** Outputs that are written side by side: whole cache lines of the matrix. */
const columnsAtOnce = 32

/**
 * The weights of a layer in real numbers, as the machine multiplies by them (a BatchNormalization behind a convolution is folded in), one
 * matrix a group, rows in the row order of the machine.
 * @param mostWeights of a matrix; beyond it only its first rows are given, whole channels of them
 */
export function prunableLayer(
  layer: Layer,
  order: RowOrder,
  mostWeights: number = Number.POSITIVE_INFINITY,
): PrunableLayer {
  const { groups, groupOut: cols, groupIn } = layer.geometry
  const value = weightValue(layer)
  const allRows = weightCount(layer) / (groups * cols)
  const channelRows = allRows / groupIn
  const step = channelRows * channelsTogether
  const rows = allRows * cols <= mostWeights ? allRows : Math.min(allRows, Math.ceil(mostWeights / cols / step) * step)
  const source = sourceRows(layer, allRows, order)
  const matrices = Array.from({ length: groups }, (_, g): SparsityMatrix => {
    const values = new Float32Array(rows * cols)
    for (let first = 0; first < cols; first += columnsAtOnce) {
      const end = Math.min(cols, first + columnsAtOnce)
      for (let r = 0; r < rows; r++) {
        let from = (g * cols + first) * allRows + source[r]!
        for (let at = r * cols + first; at < r * cols + end; at++, from += allRows) values[at] = value(from)
      }
    }
    return { rows, cols, channelRows, values }
  })
  return { name: layer.name, matrices }
}

/** Masks of the matrices → one entry a weight, in the order [group][output][row in channel-major order] of `Layer.weights`. */
export function layerMask(layer: Layer, masks: readonly Mask[], order: RowOrder): Mask {
  const { groups, groupOut: cols } = layer.geometry
  const rows = weightCount(layer) / (groups * cols)
  const source = sourceRows(layer, rows, order)
  const mask = new Uint8Array(weightCount(layer))
  for (const [g, own] of masks.entries())
    for (let r = 0; r < rows; r++)
      for (let c = 0; c < cols; c++) mask[(g * cols + c) * rows + source[r]!] = own[r * cols + c]!
  return mask
}

export function weightCount(layer: Layer): number {
  return layer.weights.kind === 'float' ? layer.weights.values.length : layer.weights.codes.length
}

/** Real value of weight i of a layer; exactly 0 where the code is the zero point. */
export function weightValue(layer: Layer): (i: number) => number {
  const { weights } = layer
  if (weights.kind === 'float') {
    const { values } = weights
    return (i) => values[i]!
  }
  const { codes, scale, zeroPoint } = weights
  const rows = codes.length / (layer.geometry.groups * layer.geometry.groupOut)
  return (i) => {
    const o = Math.floor(i / rows)
    return scale[scale.length === 1 ? 0 : o]! * (codes[i]! - zeroPoint[zeroPoint.length === 1 ? 0 : o]!)
  }
}

/** Row r of the machine's matrix → row in channel-major order. */
function sourceRows(layer: Layer, rows: number, order: RowOrder): Int32Array {
  if (layer.geometry.kind === 'matmul' || order === 'channel-major')
    return Int32Array.from({ length: rows }, (_, r) => r)
  const { groupIn } = layer.geometry
  const positions = rows / groupIn
  return Int32Array.from({ length: rows }, (_, r) => (r % groupIn) * positions + Math.floor(r / groupIn))
}

/**
 * Why a layer is left alone unless the user names it: pruning the first layer, depth-wise layers and the classifier costs accuracy for few
 * weights. Null for the others.
 */
export function sparedByDefault(layer: Layer, layers: number): string | null {
  if (layer.index === 0) return 'first layer'
  if (layer.index === layers - 1) return 'last layer (classifier)'
  const { kind, groups, groupIn } = layer.geometry
  return kind === 'conv' && groups > 1 && groupIn === 1 ? 'depth-wise' : null
}
