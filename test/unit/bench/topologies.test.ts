import { describe, expect, it } from 'vitest'
import { calibrated, seed } from '../../../bench/topologies/build.js'
import { isWeighted, rowsOf, type Topology } from '../../../bench/topologies/graph.js'
import { image } from '../../../bench/topologies/images.js'
import { lenet, resnet18, resnet50, vgg16 } from '../../../bench/topologies/networks.js'
import { toOnnx } from '../../../bench/topologies/onnx.js'
import { columns, drawWeights } from '../../../bench/topologies/weights.js'
import { loadNetwork } from '../../../models/nn/network.js'
import { openSession } from '../../../traces/record/session.js'

function weightCount(topology: Topology): number {
  return topology.steps.filter(isWeighted).reduce((sum, step) => sum + rowsOf(step) * step.outputs, 0)
}

async function model(topology: Topology, pruned: number): Promise<Buffer> {
  return Buffer.concat(toOnnx(topology, await calibrated(topology, pruned), null))
}

describe('topologies', () => {
  // Published parameter counts without biases and without the scale and shift of batch normalisations: 11,689,512 − 9,600 − 1,000;
  // 25,557,032 − 53,120 − 1,000; 138,357,544 − 13,416.
  it.each([
    [resnet18, 11_678_912],
    [resnet50, 25_502_912],
    [vgg16, 138_344_128],
  ])('%# has the published number of weights', (topology, count) => {
    expect(weightCount(topology)).toBe(count)
  })

  it('prunes whole rows of 8 outputs, about as many as asked', () => {
    const numbers = drawWeights(lenet, 0.7, 'test')
    const step = lenet.steps.find((s) => s.name === 'gemm1')!
    if (!isWeighted(step)) throw new Error('gemm1 has weights')
    const rows = rowsOf(step)
    const { weights } = numbers.get('gemm1')!
    let zero = 0
    for (let first = 0; first < step.outputs; first += columns) {
      for (let row = 0; row < rows; row++) {
        const group = Array.from({ length: columns }, (_, i) => weights[(first + i) * rows + row])
        const zeros = group.filter((w) => w === 0).length
        expect([0, columns]).toContain(zeros)
        if (zeros > 0) zero++
      }
    }
    expect(zero / (rows * (step.outputs / columns))).toBeCloseTo(0.7, 1)
  })

  it('is the same bytes every time', async () => {
    expect((await model(lenet, 0.5)).equals(await model(lenet, 0.5))).toBe(true)
  })

  it('runs in onnxruntime with finite activations, about half of them zero behind ReLU', async () => {
    const bytes = await model(lenet, 0.7)
    const network = loadNetwork(bytes, 'lenet')
    expect(network.layers.map((layer) => layer.op)).toEqual(['Conv', 'Conv', 'Gemm', 'Gemm', 'Gemm'])
    const relus = lenet.steps.filter((step) => step.kind === 'relu').map((step) => step.name)
    const session = await openSession(network, bytes, relus)
    const fetched = await session.run(image(lenet, seed, 0), relus)
    await session.release()
    const values = relus.flatMap((name) => Array.from(fetched.get(name)!.data))
    expect(values.every(Number.isFinite)).toBe(true)
    const zeros = values.filter((value) => value === 0).length / values.length
    expect(zeros).toBeGreaterThan(0.4)
    expect(zeros).toBeLessThan(0.6)
  })
})

describe('images', () => {
  const side = 64
  const pixels = Array.from(image({ channels: 1, side }, 'test', 0).get('image')!.data as Float32Array)
  const distant = (by: number) => {
    const pairs = pixels.flatMap((value, i) => (i % side < side - by ? [value * pixels[i + by]!] : []))
    return pairs.reduce((a, b) => a + b, 0) / pairs.length
  }

  it('have mean 0 and deviation 1', () => {
    expect(pixels.reduce((a, b) => a + b, 0) / pixels.length).toBeCloseTo(0, 4)
    expect(pixels.reduce((a, b) => a + b * b, 0) / pixels.length).toBeCloseTo(1, 4)
  })

  it('are the more alike the closer two pixels lie', () => {
    expect(distant(1)).toBeGreaterThan(0.6)
    expect(distant(1)).toBeGreaterThan(distant(4))
    expect(distant(4)).toBeGreaterThan(distant(16))
  })

  it('differ by index, not by call', () => {
    const again = image({ channels: 1, side }, 'test', 0).get('image')!.data as Float32Array
    const other = image({ channels: 1, side }, 'test', 1).get('image')!.data as Float32Array
    expect(Array.from(again)).toEqual(pixels)
    expect(Array.from(other)).not.toEqual(pixels)
  })
})
