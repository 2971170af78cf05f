// The claims of docs/embedded.md, on the committed file.
import { readFileSync, statSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { classes, samples, side } from '../../../models/embedded/dataset.js'
import { toOnnx } from '../../../models/embedded/export.js'
import { ablations, linearAccuracy, reluZeros } from '../../../models/embedded/figures.js'
import { convs, predict, type Weights } from '../../../models/embedded/network.js'
import { train } from '../../../models/embedded/train.js'
import { loadNetwork } from '../../../models/nn/network.js'
import { embeddedFile } from '../../../sim/source.js'
import { openSession } from '../../../traces/record/session.js'
import { readTrace } from '../../../traces/store/trace-file.js'

const test = samples('test', 1000)
const bytes = readFileSync(embeddedFile('network.onnx'))
const network = loadNetwork(bytes, 'network.onnx')

/** The committed weights in the form that training uses. */
const weights: Weights = network.layers.map((layer) => ({
  weights: layer.weights.kind === 'float' ? layer.weights.values : new Float32Array(0),
  bias: Float32Array.from(layer.bias!),
}))

describe('the embedded network', () => {
  let predictions: number[] = []
  beforeAll(async () => {
    const session = await openSession(network, bytes, [])
    for (const sample of test) {
      const item = new Map([['image', { dtype: 'float32', shape: [1, 1, side, side], data: sample.pixels }]])
      const logits = Array.from((await session.run(item, ['logits'])).get('logits')!.data)
      predictions.push(logits.indexOf(Math.max(...logits)))
    }
    await session.release()
  })

  it('is right on more than 95 % of 1,000 inputs of another stream, in onnxruntime', () => {
    expect(predictions.filter((label, i) => label === test[i]!.label).length).toBeGreaterThan(950)
  })

  it('computes in onnxruntime what the training code computes', () => {
    expect(test.slice(0, 200).map((sample) => predict(weights, sample.pixels))).toEqual(predictions.slice(0, 200))
    predictions = []
  })

  it('is no task for a linear classifier: below 80 %', () => {
    const own = linearAccuracy(samples('train', 2000), samples('train', 2000), 1)
    const linear = linearAccuracy(samples('train', 2000), test, 60)
    expect(linear).toBeLessThan(0.8)
    // It does learn: better than guessing on its own training set.
    expect(linearAccuracy(samples('train', 400), samples('train', 400), 150)).toBeGreaterThan(
      Math.max(2 / classes.length, own),
    )
  })

  it('has 30 to 70 % zeros behind every ReLU', () => {
    for (const share of reluZeros(weights, test.slice(0, 100))) {
      expect(share).toBeGreaterThan(0.3)
      expect(share).toBeLessThan(0.7)
    }
  })

  it('loses at least 10 points without any one of its layers', () => {
    for (const accuracy of ablations(weights, test.slice(0, 200))) expect(accuracy).toBeLessThan(0.89)
  })

  it('has the parts and sizes it should', () => {
    const count = weights.reduce((sum, part) => sum + part.weights.length, 0)
    expect(count).toBeGreaterThan(50_000)
    expect(count).toBeLessThan(300_000)
    expect(statSync(embeddedFile('network.onnx')).size).toBeLessThan(1_000_000)
    expect(network.layers.map((layer) => layer.name)).toEqual([...convs.map((conv) => conv.name), 'gemm'])
  })

  it('draws balanced classes, and other pictures in every stream', () => {
    for (const [label] of classes.entries())
      expect(test.filter((sample) => sample.label === label).length).toBe(1000 / classes.length)
    expect(samples('train', 1)[0]!.pixels).not.toEqual(test[0]!.pixels)
    expect(samples('test', 3)[2]!.pixels).toEqual(test[2]!.pixels)
  })

  it('trains to the same bytes twice', () => {
    const build = () => toOnnx(train(samples('train', 16), { epochs: 2, batch: 8, rate: 0.01, onEpoch: () => {} }))
    expect(Buffer.compare(build(), build())).toBe(0)
  })

  it('ships a trace of 64 items of this very network', async () => {
    const { trace, labels } = await readTrace(embeddedFile('trace.npz'))
    expect(trace.modelSha256).toBe(network.sha256)
    expect(trace.items).toBe(64)
    expect(labels).toEqual(samples('shipped', 64).map((sample) => [sample.label]))
  })
})
