// How much a run's figures differ from item to item: mean, spread and confidence of the mean. Items are taken as independent draws.
import type { LayerItem, RunResult } from './result.js'

export interface Statistics {
  readonly mean: number
  /** of the items, with n − 1 in the denominator; null for one item, as the next */
  readonly standardDeviation: number | null
  /** half the width of the 95 % confidence interval of the mean: t(0.975, n − 1) · standard deviation ÷ √n */
  readonly halfWidth95: number | null
  readonly min: number
  readonly max: number
}

/** Figures of one item over all simulated layers. */
export interface ItemTotals {
  readonly item: number
  readonly cycles: number
  readonly energyPj: number
  readonly denseBareCycles: number
  readonly planesFired: number
  readonly planesTotal: number
  /** null without values */
  readonly clipped: number | null
}

export interface RunStatistics {
  readonly items: number
  readonly cycles: Statistics
  readonly energyPj: Statistics
  /** of each item's own ratio; null where an item took no cycle, or fired of no plane */
  readonly speedUpVsDenseBare: Statistics | null
  readonly planesFiredShare: Statistics | null
  /** null without values */
  readonly clipped: Statistics | null
}

/** Sums over layers, item by item, in the order of the items. */
export function itemTotals({ layers }: RunResult): ItemTotals[] {
  const items = layers[0]?.items ?? []
  return items.map(({ item }, i) => {
    const own = layers.map((layer) => layer.items[i]!)
    const sum = (f: (entry: LayerItem) => number) => own.reduce((total, entry) => total + f(entry), 0)
    return {
      item,
      cycles: sum((entry) => entry.cycles),
      energyPj: sum((entry) => entry.energyPj),
      denseBareCycles: sum((entry) => entry.denseBareCycles),
      planesFired: sum((entry) => entry.planesFired),
      planesTotal: sum((entry) => entry.planesTotal),
      clipped: own.some(({ clipped }) => clipped === null) ? null : sum(({ clipped }) => clipped!),
    }
  })
}

/** @returns null when nothing was simulated */
export function statisticsOf(result: RunResult): RunStatistics | null {
  const items = itemTotals(result)
  if (items.length === 0) return null
  const over = (f: (item: ItemTotals) => number) => describe(items.map(f))
  const known = (f: (item: ItemTotals) => number | null) => {
    const values = items.map(f)
    return values.every((value) => value !== null) ? describe(values) : null
  }
  return {
    items: items.length,
    cycles: over((item) => item.cycles),
    energyPj: over((item) => item.energyPj),
    speedUpVsDenseBare: known((item) => ratio(item.denseBareCycles, item.cycles)),
    planesFiredShare: known((item) => ratio(item.planesFired, item.planesTotal)),
    clipped: known((item) => item.clipped),
  }
}

const ratio = (a: number, b: number) => (b === 0 ? null : a / b)

/** @param values one an item, at least one */
export function describe(values: readonly number[]): Statistics {
  const n = values.length
  // Distances from the first value: they are small where the spread is, and equal values give exactly 0.
  const first = values[0]!
  const shift = values.reduce((sum, value) => sum + (value - first), 0) / n
  const mean = first + shift
  const squares = values.reduce((sum, value) => sum + (value - first - shift) ** 2, 0)
  const standardDeviation = n < 2 ? null : Math.sqrt(squares / (n - 1))
  return {
    mean,
    standardDeviation,
    halfWidth95: standardDeviation === null ? null : (studentQuantile(0.975, n - 1) * standardDeviation) / Math.sqrt(n),
    min: values.reduce((a, b) => Math.min(a, b)),
    max: values.reduce((a, b) => Math.max(a, b)),
  }
}

/**
 * Student's t: the value that a variable of so many degrees of freedom stays below with probability p.
 * @param p 0.5 ≤ p < 1
 * @param degrees whole, ≥ 1
 */
export function studentQuantile(p: number, degrees: number): number {
  const inside = 2 * p - 1
  let low = 0
  let high = 1
  while (studentInside(high, degrees) < inside) {
    low = high
    high *= 2
  }
  // Until the two are neighbours: the probability grows with t, so nothing is missed.
  for (;;) {
    const middle = (low + high) / 2
    if (middle <= low || middle >= high) return high
    if (studentInside(middle, degrees) < inside) low = middle
    else high = middle
  }
}

/**
 * Probability that |T| ≤ t for ν degrees of freedom: finite sums of positive terms, θ = arctan(t ÷ √ν).
 * Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.3 (odd ν) and 26.7.4 (even ν).
 */
export function studentInside(t: number, degrees: number): number {
  const cos2 = degrees / (degrees + t * t)
  const sin = t / Math.sqrt(degrees + t * t)
  const odd = degrees % 2 === 1
  // Odd: cos θ + (2/3) cos³ θ + (2·4)/(3·5) cos⁵ θ + …, even: 1 + (1/2) cos² θ + (1·3)/(2·4) cos⁴ θ + …, up to cos^(ν−2) θ.
  let term = odd ? Math.sqrt(cos2) : 1
  let sum = 0
  for (let power = odd ? 1 : 0; power <= degrees - 2; power += 2) {
    sum += term
    term *= (cos2 * (power + 1)) / (power + 2)
  }
  return odd ? (2 / Math.PI) * (Math.atan(t / Math.sqrt(degrees)) + sin * sum) : sin * sum
}
