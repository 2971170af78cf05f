// What pruning did to a layer, in numbers.
import type { Layer } from '../../models/nn/types.js'
import { fitOf } from '../../models/sparsity/fit.js'
import { layerMask, prunableLayer, weightCount, weightValue } from '../../models/sparsity/layers.js'
import { noOverhead, overheadOf, sumOverheads } from '../../models/sparsity/overhead.js'
import type { Mask, PatternDescription, PatternHardware } from '../../models/sparsity/types.js'
import type { LayerReport } from './options.js'

export function countZeros(layer: Layer, mask: Mask | null): number {
  const value = weightValue(layer)
  let zeros = 0
  for (let i = 0; i < weightCount(layer); i++) if (mask?.[i] === 0 || value(i) === 0) zeros++
  return zeros
}

export function reportOf(
  layer: Layer,
  masks: readonly Mask[] | undefined,
  spared: string | null,
  description: PatternDescription,
  hardware: PatternHardware,
): LayerReport {
  const { matrices } = prunableLayer(layer, hardware.rowOrder)
  const whole = masks === undefined ? null : layerMask(layer, masks, hardware.rowOrder)
  const overheads = masks?.map((mask, m) => overheadOf(description, mask, matrices[m]!, hardware)) ?? []
  const fits = masks?.map((mask, m) => fitOf(matrices[m]!.values, mask)) ?? []
  return {
    index: layer.index,
    name: layer.name,
    op: layer.op,
    rows: matrices[0]!.rows,
    cols: matrices[0]!.cols,
    matrices: matrices.length,
    weights: weightCount(layer),
    zerosBefore: countZeros(layer, null),
    zerosAfter: countZeros(layer, whole),
    masked: fits.reduce((sum, fit) => sum + fit.explained, 0),
    spared,
    overhead: overheads.reduce(sumOverheads, noOverhead),
  }
}
