// The embedded network: conv1 3×3 → conv2 3×3/2 → dw 3×3 depth-wise → conv3 3×3/2 → conv4 3×3 with a residual add → gemm; ReLU behind all but the last.
import seedrandom from 'seedrandom'
import { classes, side } from './dataset.js'
import {
  type ConvShape,
  columns,
  convBackward,
  convForward,
  outSize,
  type Parameters,
  relu,
  reluBackward,
  weightCount,
} from './layers.js'

export const convs: readonly ConvShape[] = [
  { name: 'conv1', inputs: 1, outputs: 16, size: side, stride: 1, depthwise: false },
  { name: 'conv2', inputs: 16, outputs: 32, size: side, stride: 2, depthwise: false },
  { name: 'dw', inputs: 32, outputs: 32, size: side / 2, stride: 1, depthwise: true },
  { name: 'conv3', inputs: 32, outputs: 64, size: side / 2, stride: 2, depthwise: false },
  { name: 'conv4', inputs: 64, outputs: 64, size: side / 4, stride: 1, depthwise: false },
]
export const features = 64 * (side / 4) ** 2

/** One entry per convolution, then the gemm (weights [classes × features]). */
export type Weights = readonly Parameters[]

/** He initialisation with uniform numbers of a named stream. */
export function initialWeights(stream: string): Weights {
  const random = seedrandom.alea(stream)
  const make = (count: number, fanIn: number, outputs: number): Parameters => {
    const limit = Math.sqrt(6 / fanIn)
    return {
      weights: Float32Array.from({ length: count }, () => (random() * 2 - 1) * limit),
      bias: new Float32Array(outputs),
    }
  }
  const list = convs.map((shape) => make(weightCount(shape), weightCount(shape) / shape.outputs, shape.outputs))
  return [...list, make(classes.length * features, features, classes.length)]
}

export function zeros(like: Weights): Weights {
  return like.map(({ weights, bias }) => ({
    weights: new Float32Array(weights.length),
    bias: new Float32Array(bias.length),
  }))
}

export interface Forward {
  /** input columns of every convolution */
  readonly cols: readonly Float32Array[]
  /** results after ReLU (of conv4: after the residual add) */
  readonly acts: readonly Float32Array[]
  readonly logits: Float32Array
}

export function forward(weights: Weights, pixels: Float32Array): Forward {
  const cols: Float32Array[] = []
  const acts: Float32Array[] = []
  let x = pixels
  for (const [i, shape] of convs.entries()) {
    const col = columns(shape, x)
    const y = convForward(shape, weights[i]!, col)
    if (shape.name === 'conv4') for (let k = 0; k < y.length; k++) y[k] = y[k]! + x[k]!
    x = relu(y)
    cols.push(col)
    acts.push(x)
  }
  const gemm = weights[convs.length]!
  const logits = gemm.bias.map((b, o) => {
    let sum = b
    for (let k = 0; k < features; k++) sum += gemm.weights[o * features + k]! * x[k]!
    return sum
  })
  return { cols, acts, logits }
}

/** Adds the gradients of the cross entropy of one sample; returns the loss. */
export function backward(weights: Weights, grads: Weights, f: Forward, label: number): number {
  const top = f.logits.reduce((a, b) => Math.max(a, b))
  const exps = f.logits.map((z) => Math.exp(z - top))
  const sum = exps.reduce((a, b) => a + b)
  const dLogits = exps.map((e, o) => e / sum - (o === label ? 1 : 0))
  const gemm = weights[convs.length]!
  const gemmGrad = grads[convs.length]!
  const last = f.acts.at(-1)!
  let d: Float32Array = new Float32Array(features)
  for (let o = 0; o < dLogits.length; o++) {
    gemmGrad.bias[o] = gemmGrad.bias[o]! + dLogits[o]!
    for (let k = 0; k < features; k++) {
      const at = o * features + k
      gemmGrad.weights[at] = gemmGrad.weights[at]! + dLogits[o]! * last[k]!
      d[k] = d[k]! + dLogits[o]! * gemm.weights[at]!
    }
  }
  for (let i = convs.length - 1; i >= 0; i--) {
    const dSum = reluBackward(f.acts[i]!, d)
    d = convBackward(convs[i]!, weights[i]!, grads[i]!, f.cols[i]!, dSum)
    if (convs[i]!.name === 'conv4') for (let k = 0; k < d.length; k++) d[k] = d[k]! + dSum[k]!
  }
  return Math.log(sum) + top - f.logits[label]!
}

export function predict(weights: Weights, pixels: Float32Array): number {
  const { logits } = forward(weights, pixels)
  return logits.indexOf(logits.reduce((a, b) => Math.max(a, b)))
}

export { outSize }
