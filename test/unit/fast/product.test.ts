// The product by kernels equals the plain one, on random layers of every form of codes.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { im2col, integerProduct, resolveLayer } from '../../../models/nn/lower.js'
import { quantiseWeights } from '../../../models/nn/quantise.js'
import { eachProduct } from '../../../sim/chip/product.js'
import { layerOf, tensorOf } from '../../helpers/layer.js'
import { caseArbitrary } from '../../helpers/work.js'

it('equals Σ (a − z)·e', () => {
  fc.assert(
    fc.property(caseArbitrary, (input) => {
      const layer = layerOf(input)
      const tensor = tensorOf(input)
      const resolved = resolveLayer(layer, tensor.shape)
      const { matrices } = quantiseWeights(layer, input.machine.weights, 'separate')
      const order = input.machine.weights.rowOrder
      const found: number[][] = []
      eachProduct(layer, resolved, matrices, tensor, order, (_, exact) => found.push(Array.from(exact)))
      const plain = matrices.map((matrix, g) =>
        Array.from(integerProduct(matrix, im2col(layer, resolved, tensor, 0, g, order))),
      )
      expect(found).toEqual(plain)
    }),
    { numRuns: 500 },
  )
})
