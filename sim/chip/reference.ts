// Comparison of the lossless result of a layer with what ONNX Runtime computed for it: of the plain integer product, which every engine's
// results are held against.
import { ModelError } from '../../models/base/errors.js'
import { firstOutput } from '../../models/mapping/mapping.js'
import { outputIndex, resolveLayer } from '../../models/nn/lower.js'
import { quantiseWeights } from '../../models/nn/quantise.js'
import { realResults, representable } from '../../models/nn/results.js'
import type { CodedTensor, Layer } from '../../models/nn/types.js'
import type { ReferenceCheck } from '../../traces/results/result.js'
import { eachProduct } from './product.js'
import type { Machine } from './spec.js'

export interface ReferenceTotals {
  readonly quantised: boolean
  maxSteps: number
  signal: number
  noise: number
}

export function createReferenceTotals(layer: Layer): ReferenceTotals {
  const quantised = layer.input !== null && layer.weights.kind === 'integer'
  return { quantised, maxSteps: 0, signal: 0, noise: 0 }
}

/**
 * @param tensor of one item
 * @param theirs onnxruntime's result of the layer for the item
 */
export function addReference(
  totals: ReferenceTotals,
  layer: Layer,
  machine: Machine,
  tensor: CodedTensor,
  theirs: ArrayLike<number>,
): void {
  const resolved = resolveLayer(layer, tensor.shape)
  const { matrices, scale } = quantiseWeights(layer, machine.weights, 'separate')
  const real = realResults(layer, theirs)
  const at = outputIndex(layer, resolved, tensor.shape)
  eachProduct(layer, resolved, matrices, tensor, machine.weights.rowOrder, (g, exact) => {
    const { cols } = matrices[g]!
    const first = firstOutput(matrices, g)
    for (let vector = 0; vector < resolved.vectors; vector++) {
      for (let c = 0; c < cols; c++) {
        const unit = tensor.scale * scale[first + c]!
        const ours = representable(layer, unit * exact[vector * cols + c]! + (layer.bias?.[first + c] ?? 0))
        const reference = real[at(g, vector, c)]!
        if (!Number.isFinite(reference))
          throw new ModelError(
            `${layer.name}: onnxruntime's result ${at(g, vector, c)} is ${reference}; check weights and inputs`,
          )
        const error = ours - reference
        totals.signal += reference * reference
        totals.noise += error * error
        totals.maxSteps = Math.max(totals.maxSteps, Math.abs(error) / (layer.outputStep ?? unit))
      }
    }
  })
}

export function finishReference(totals: ReferenceTotals): ReferenceCheck {
  const sqnrDb = totals.noise === 0 ? null : 10 * Math.log10(totals.signal / totals.noise)
  return { kind: totals.quantised ? 'quantised' : 'float', maxSteps: totals.quantised ? totals.maxSteps : null, sqnrDb }
}
