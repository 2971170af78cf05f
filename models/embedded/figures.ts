// What makes the embedded network more than a toy, measured: accuracy, a linear classifier beside it, zeros, and what each layer is worth.
import { classes, type Sample, side } from './dataset.js'
import { convs, forward, type Weights } from './network.js'
import { accuracy } from './train.js'

/** Share of zeros after the ReLU behind every convolution, over the samples. */
export function reluZeros(weights: Weights, data: readonly Sample[]): number[] {
  const zeros = convs.map(() => 0)
  const totals = convs.map(() => 0)
  for (const sample of data) {
    for (const [i, act] of forward(weights, sample.pixels).acts.entries()) {
      totals[i] = totals[i]! + act.length
      for (const value of act) if (value === 0) zeros[i] = zeros[i]! + 1
    }
  }
  return zeros.map((count, i) => count / totals[i]!)
}

/** Accuracy with the weights of one layer set to zero, for every layer. */
export function ablations(weights: Weights, data: readonly Sample[]): number[] {
  return weights.map((part, layer) => {
    const without = weights.map((p, i) =>
      i === layer ? { weights: new Float32Array(part.weights.length), bias: p.bias } : p,
    )
    return accuracy(without, data)
  })
}

/** Multinomial logistic regression on the pixels: full-batch gradient descent with momentum. @returns accuracy on the test samples */
export function linearAccuracy(train: readonly Sample[], test: readonly Sample[], steps: number): number {
  const inputs = side * side + 1
  const w = new Float64Array(classes.length * inputs)
  const m = new Float64Array(w.length)
  const rate = 0.5
  for (let step = 0; step < steps; step++) {
    const g = new Float64Array(w.length)
    for (const sample of train) {
      const p = softmax(scores(w, sample.pixels))
      for (let o = 0; o < classes.length; o++) {
        const d = (p[o]! - (o === sample.label ? 1 : 0)) / train.length
        for (let k = 0; k < side * side; k++) g[o * inputs + k] = g[o * inputs + k]! + d * sample.pixels[k]!
        g[o * inputs + inputs - 1] = g[o * inputs + inputs - 1]! + d
      }
    }
    for (let k = 0; k < w.length; k++) {
      m[k] = 0.9 * m[k]! + g[k]!
      w[k] = w[k]! - rate * m[k]!
    }
  }
  const right = test.filter((sample) => {
    const s = scores(w, sample.pixels)
    return s.indexOf(Math.max(...s)) === sample.label
  })
  return right.length / test.length
}

function scores(w: Float64Array, pixels: Float32Array): number[] {
  const inputs = side * side + 1
  return classes.map((_, o) => {
    let sum = w[o * inputs + inputs - 1]!
    for (let k = 0; k < side * side; k++) sum += w[o * inputs + k]! * pixels[k]!
    return sum
  })
}

function softmax(s: readonly number[]): number[] {
  const top = Math.max(...s)
  const e = s.map((z) => Math.exp(z - top))
  const sum = e.reduce((a, b) => a + b)
  return e.map((x) => x / sum)
}
