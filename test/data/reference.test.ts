// Every network of the data folder, layer by layer, against reference numbers that another program computed.
import { describe, expect, it } from 'vitest'
import { modelBytes, networkNames, reference } from '../../bench/networks/data.js'
import { itemsOf } from '../../bench/networks/items.js'
import { resolveLayer } from '../../models/nn/lower.js'
import { loadNetwork } from '../../models/nn/network.js'
import { quantiseWeights } from '../../models/nn/quantise.js'
import { recordedTensors, recordTrace } from '../../traces/record/record.js'
import { openSession } from '../../traces/record/session.js'

/**
 * Where the reference is known to be wrong, and why. mnist_cnn, Times212: the graph reshapes the constant [16, 4, 4, 10] to [256, 10]
 * and multiplies a [1, 256] vector by it; the reference lists the constant before the reshape, with 4 rows and 40 MACs.
 */
const disagreements: Record<string, { ours: object; theirs: object }> = {
  'mnist_cnn_fp32/Times212': {
    ours: { weight_shape: [256, 10], im2col_rows: 256, im2col_cols: 10, vectors: 1, macs: 2560 },
    theirs: { weight_shape: [16, 4, 4, 10], im2col_rows: 4, im2col_cols: 10, vectors: 1, macs: 40 },
  },
}

describe.skipIf(networkNames().length === 0)('networks of the data folder', () => {
  it.each(networkNames())('%s: shapes, vectors, MACs and zeros of every layer agree', async (name) => {
    const bytes = modelBytes(name)
    const network = loadNetwork(bytes, name)
    const session = await openSession(network, bytes, recordedTensors(network))
    const spec = { bitsPerStep: 1, signed: 'offset', calibration: 'min-max', percentile: 99.9 } as const
    const trace = await recordTrace(network, session, itemsOf(name, 1), spec, () => {})
    await session.release()
    const expected = reference(name)
    const weighted = expected.layers.filter((layer) => layer.weight_shape !== undefined && layer.note === undefined)
    expect(network.layers.map((layer) => layer.name).sort()).toEqual(weighted.map((layer) => layer.node).sort())
    expect(trace.products.length).toBe(expected.layers.length - weighted.length)
    expect(trace.predictions[0]).toBe(expected.predicted[0])
    for (const layer of network.layers) {
      const theirs = weighted.find((entry) => entry.node === layer.name)!
      const resolved = resolveLayer(layer, trace.tensors.get(layer.inputTensor)!.shape)
      const weights = quantiseWeights(
        layer,
        { encoding: 'differential', scale: 'per-tensor', rowOrder: 'channel-major' },
        'separate',
      )
      const grouped = layer.geometry.groups
      const ours = {
        weight_shape: layer.weightShape,
        im2col_rows: resolved.rows,
        im2col_cols: resolved.cols * grouped,
        vectors: resolved.vectors,
        macs: resolved.macs,
      }
      const known = disagreements[`${name}/${layer.name}`]
      const { weight_shape, im2col_rows, im2col_cols, vectors, macs } = theirs
      expect({ layer: layer.name, ...ours }).toEqual({
        layer: layer.name,
        ...(known?.ours ?? { weight_shape, im2col_rows, im2col_cols, vectors, macs }),
      })
      if (known !== undefined) expect({ weight_shape, im2col_rows, im2col_cols, vectors, macs }).toEqual(known.theirs)
      expect(Number((weights.exactZeros / weights.weightCount).toFixed(4))).toBe(theirs.weight_zero_fraction_exact)
    }
  })
})

if (networkNames().length === 0) process.stdout.write('skipped: CIMULATOR_DATA not set\n')
