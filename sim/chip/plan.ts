// What a network asks of a machine before anything is simulated: mappings in numbers, arrays, MACs. Also what --dry-run prints.
import type { Mapping } from '../../models/mapping/mapping.js'
import { largestGroupBits } from '../../models/mapping/row-lists.js'
import type { CodeForm, Layer, RowOrder, WeightMatrix } from '../../models/nn/types.js'
import { prunableLayer } from '../../models/sparsity/layers.js'
import type { PrunableLayer } from '../../models/sparsity/types.js'
import type { MappingSummary } from '../../traces/results/result.js'
import type { LayerJob } from './job.js'
import type { PlacedLayer } from './prepare.js'

export interface LayerPlan extends LayerFigures {
  readonly layer: Layer
  /** its first weights, enough to see which pattern their zeros follow */
  readonly sample: PrunableLayer
}

/** A mapped layer in numbers. */
export interface LayerFigures {
  readonly summary: MappingSummary
  readonly dense: { readonly ous: number; readonly arrayGroups: number }
  readonly groups: number
  readonly macros: number
  /** vectors of one item */
  readonly vectors: number
  /** MACs of one item */
  readonly macs: number
  readonly rows: number
  /** OU activations of one item if every plane and slice fired */
  readonly fullActivations: number
  /** cells that are programmed */
  readonly cells: number
  /** row-list bits of the array group that holds most of them */
  readonly rowListBits: number
}

export interface NetworkPlan {
  readonly layers: readonly LayerPlan[]
}

/** Weights of a matrix that a sample holds. */
const sampleWeights = 2 ** 16

/** The first weights of a layer, in the row order of the machine. */
export function weightSample(layer: Layer, order: RowOrder): PrunableLayer {
  return prunableLayer(layer, order, sampleWeights)
}

/** @param form of the layer's activations */
export function planLayer({ placed, dense }: Pick<LayerJob, 'placed' | 'dense'>, form: CodeForm): LayerFigures {
  const { mapping, coding } = placed
  const passes = placed.resolved.vectors * (form === 'split' ? 2 : 1)
  return {
    summary: summarise(placed, dense.mapping),
    dense: { ous: dense.mapping.ous, arrayGroups: dense.mapping.groups.length },
    groups: mapping.groups.length,
    macros: placed.macros,
    vectors: placed.resolved.vectors,
    macs: placed.resolved.macs,
    rows: placed.resolved.rows,
    fullActivations: mapping.ous * passes * placed.spec.planes * coding.slices,
    cells: cellCount(mapping) * coding.slices * coding.polarities,
    rowListBits: largestGroupBits(mapping),
  }
}

function summarise(placed: PlacedLayer, dense: Mapping): MappingSummary {
  const { mapping, coding, resolved, weights } = placed
  const zeroWeights = mapping.matrices.reduce((sum, matrix) => sum + zerosOf(matrix), 0)
  return {
    rows: resolved.rows,
    cols: resolved.cols,
    matrices: placed.layer.geometry.groups,
    weights: weights.weightCount,
    zeroWeights,
    deletedWeights: mapping.deletedWeights,
    ous: mapping.ous,
    denseOus: dense.ous,
    arrayGroups: mapping.groups.length,
    slices: coding.slices,
    polarities: coding.polarities,
  }
}

/** Weights that are zero; zeros that only packing put there do not count. */
function zerosOf(matrix: WeightMatrix): number {
  const { rows, cols, e, diagonal } = matrix
  let zeros = 0
  if (diagonal === null) {
    for (let at = 0; at < e.length; at++) zeros += e[at] === 0 ? 1 : 0
    return zeros
  }
  for (let row = 0; row < rows; row++) {
    const left = Math.floor(row / diagonal.rows) * diagonal.cols
    for (let col = left; col < Math.min(left + diagonal.cols, cols); col++) if (e[row * cols + col] === 0) zeros++
  }
  return zeros
}

function cellCount(mapping: Mapping): number {
  let cells = 0
  for (let ou = 0; ou < mapping.ous; ou++) {
    cells += (mapping.rowStart[ou + 1]! - mapping.rowStart[ou]!) * (mapping.colStart[ou + 1]! - mapping.colStart[ou]!)
  }
  return cells
}
