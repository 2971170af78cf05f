// Networks that were pruned and trained elsewhere: the masks found in them are the ones that they were pruned with.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { dataFolder, modelBytes } from '../../bench/networks/data.js'
import { loadNetwork } from '../../models/nn/network.js'
import { findPattern } from '../../models/sparsity/detect.js'
import { defaultHardware, patternOf, pruneLayers } from '../../models/sparsity/index.js'
import { layerMask, prunableLayer } from '../../models/sparsity/layers.js'
import { patchNetwork } from '../../models/sparsity/onnx/patch.js'

interface BlockPruning {
  readonly block_pruning: { readonly layers: readonly { readonly node: string; readonly block_sparsity: number }[] }
}

describe.skipIf(dataFolder === null)('networks of the data folder', () => {
  it.each(['resnet20_cifar10_b4s60_fp32', 'resnet20_cifar10_b4s75_fp32', 'resnet20_cifar10_b4s85_fp32'])(
    '%s: the blocks found are those of the reference, layer by layer',
    (name) => {
      const network = loadNetwork(modelBytes(name), name)
      const layers = network.layers.map((layer) => prunableLayer(layer, 'channel-major'))
      const settings = { criterion: 'found', norm: 'l2', scope: 'layer', sparsity: null, seed: '' } as const
      const description = patternOf('block')
      const masks = pruneLayers(layers, { ...settings, description, hardware: defaultHardware })
      const share = new Map(
        layers.map((layer, l) => [
          layer.name,
          masks[l]![0]!.reduce((sum, kept) => sum + 1 - kept, 0) / masks[l]![0]!.length,
        ]),
      )
      const reference = JSON.parse(readFileSync(join(dataFolder!, 'reference', `${name}.json`), 'utf8')) as BlockPruning
      expect(reference.block_pruning.layers.length).toBeGreaterThan(0)
      for (const layer of reference.block_pruning.layers)
        expect(share.get(layer.node), layer.node).toBeCloseTo(layer.block_sparsity, 3)
      expect(findPattern(layers, defaultHardware)).toMatchObject({ name: 'block', verdict: 'conditional' })
    },
  )

  it.each(['mnist_cnn_fp32', 'dscnn_kws_int8', 'kwt1_speechcommands_fp32', 'mobilenetv2_imagenet_uint8qat'])(
    '%s: every layer can be pruned in place',
    (name) => {
      const bytes = modelBytes(name)
      const network = loadNetwork(bytes, name)
      const masks = network.layers.map((layer) => {
        const matrices = prunableLayer(layer, 'channel-major').matrices
        const halves = matrices.map(({ values }) => Uint8Array.from(values, (_, i) => i & 1))
        return [layer, layerMask(layer, halves, 'channel-major')] as const
      })
      // patchNetwork itself reads the new bytes again and compares every weight.
      expect(patchNetwork(bytes, network, new Map(masks)).length).toBe(bytes.length)
    },
  )
})
