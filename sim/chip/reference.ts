// Comparison of the lossless result of a layer with what ONNX Runtime computed for it.
import { outputIndex } from '../../models/nn/lower.js'
import { realResults, representable } from '../../models/nn/results.js'
import type { CodedTensor } from '../../models/nn/types.js'
import type { ReferenceCheck } from '../../traces/results/result.js'
import type { PlacedLayer } from './prepare.js'

/** Output tensor of the layer for one item, as numbers. */
export interface ReferenceTensor {
  readonly data: ArrayLike<number>
  /** shape of the layer's input for the item */
  readonly inputShape: readonly number[]
}

export interface ReferenceTotals {
  readonly quantised: boolean
  items: number
  maxSteps: number
  signal: number
  noise: number
}

export function createReferenceTotals(placed: PlacedLayer): ReferenceTotals {
  const quantised = placed.layer.input !== null && placed.layer.weights.kind === 'integer'
  return { quantised, items: 0, maxSteps: 0, signal: 0, noise: 0 }
}

/** @param exact integer products of the chosen vectors, vectors × outputs over all groups */
export function addReference(
  totals: ReferenceTotals,
  placed: PlacedLayer,
  tensor: CodedTensor,
  chosen: Int32Array,
  exact: Float64Array,
  theirs: ReferenceTensor,
): void {
  const { layer, resolved, weights } = placed
  const { groups } = layer.geometry
  const { cols } = resolved
  const at = outputIndex(layer, resolved, theirs.inputShape)
  const real = realResults(layer, theirs.data)
  totals.items++
  for (const [i, vector] of chosen.entries()) {
    for (let g = 0; g < groups; g++) {
      for (let c = 0; c < cols; c++) {
        const o = g * cols + c
        const unit = tensor.scale * weights.scale[o]!
        const ours = representable(layer, unit * exact[i * groups * cols + o]! + (layer.bias?.[o] ?? 0))
        const reference = real[at(g, vector, c)]!
        const error = ours - reference
        totals.signal += reference * reference
        totals.noise += error * error
        totals.maxSteps = Math.max(totals.maxSteps, Math.abs(error) / (layer.outputStep ?? unit))
      }
    }
  }
}

export function finishReference(totals: ReferenceTotals): ReferenceCheck | null {
  if (totals.items === 0) return null
  const sqnrDb = totals.noise === 0 ? null : 10 * Math.log10(totals.signal / totals.noise)
  return { kind: totals.quantised ? 'quantised' : 'float', maxSteps: totals.quantised ? totals.maxSteps : null, sqnrDb }
}
