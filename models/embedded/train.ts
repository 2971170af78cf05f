// Training of the embedded network: Adam (Kingma & Ba 2015, default moments) on cross entropy, seeded, one thread. The same Node
// version gives the same bytes.
import seedrandom from 'seedrandom'
import type { Sample } from './dataset.js'
import { backward, forward, initialWeights, predict, type Weights, zeros } from './network.js'

export interface TrainingPlan {
  readonly epochs: number
  readonly batch: number
  readonly rate: number
  readonly onEpoch: (epoch: number, loss: number) => void
}

export function train(data: readonly Sample[], plan: TrainingPlan): Weights {
  const weights = initialWeights('cimulator embedded weights')
  const [first, second] = [zeros(weights), zeros(weights)]
  const random = seedrandom.alea('cimulator embedded order')
  const total = plan.epochs * Math.ceil(data.length / plan.batch)
  let step = 0
  for (let epoch = 0; epoch < plan.epochs; epoch++) {
    const order = shuffled(data.length, random)
    let loss = 0
    for (let at = 0; at < order.length; at += plan.batch) {
      const batch = order.slice(at, at + plan.batch)
      const grads = zeros(weights)
      for (const i of batch) loss += backward(weights, grads, forward(weights, data[i]!.pixels), data[i]!.label)
      step++
      const rate = plan.rate * (1 - (0.95 * step) / total)
      adam(weights, grads, first, second, step, rate, 1 / batch.length)
    }
    plan.onEpoch(epoch, loss / data.length)
  }
  return weights
}

function shuffled(count: number, random: () => number): number[] {
  const order = Array.from({ length: count }, (_, i) => i)
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    ;[order[i], order[j]] = [order[j]!, order[i]!]
  }
  return order
}

function adam(
  weights: Weights,
  grads: Weights,
  first: Weights,
  second: Weights,
  step: number,
  rate: number,
  scale: number,
): void {
  const [b1, b2] = [0.9, 0.999]
  const correction = Math.sqrt(1 - b2 ** step) / (1 - b1 ** step)
  for (const [i, part] of weights.entries()) {
    for (const key of ['weights', 'bias'] as const) {
      const [w, g, m, v] = [part[key], grads[i]![key], first[i]![key], second[i]![key]]
      for (let k = 0; k < w.length; k++) {
        const d = g[k]! * scale + (key === 'weights' ? 1e-4 * w[k]! : 0)
        m[k] = b1 * m[k]! + (1 - b1) * d
        v[k] = b2 * v[k]! + (1 - b2) * d * d
        w[k] = w[k]! - (rate * correction * m[k]!) / (Math.sqrt(v[k]!) + 1e-8)
      }
    }
  }
}

/** Share of samples that the network gets right. */
export function accuracy(weights: Weights, data: readonly Sample[]): number {
  return data.filter((sample) => predict(weights, sample.pixels) === sample.label).length / data.length
}
