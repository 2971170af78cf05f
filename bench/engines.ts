// The fast engine against the event engine on a whole ResNet-18, timing and energy counters of one image. Every counter of every stage of
// every macro must be equal. The event engine starts from vectors that are there, the fast one from the recorded tensor.
import { isDeepStrictEqual } from 'node:util'
import type { Order } from '../models/mapping/spec.js'
import type { TimingResult } from '../traces/results/result.js'
import { type Benchmark, type Report, timed } from './harness.js'
import { eventContext, eventTiming, fastTiming, placeScene, type SceneLayer, topologyScene } from './scene.js'
import { resnet18 } from './topologies/networks.js'

const pruned = 0.7
const fastRuns = 8
const eventRuns = 2
/** Demands: event ÷ fast, and the event engine's own time. */
const minRatio = 60
const maxEventNs = 250

export function enginesBenchmark(order: Order): Benchmark {
  return { name: `engines ${order}`, run: () => measure(order) }
}

/** Seconds of every layer in one run over the network, and what it found. */
interface Run {
  readonly seconds: readonly number[]
  readonly results: readonly TimingResult[]
}

async function measure(order: Order): Promise<Report> {
  const scene = await topologyScene(resnet18, pruned)
  const layers = placeScene(scene, [`order=${order}`])
  const cold = runAll(layers, (layer) => () => fastTiming(layer))
  const fast: Run[] = []
  const event: Run[] = []
  for (let i = 0; i < eventRuns; i++) {
    for (let j = 0; j < fastRuns / eventRuns; j++) fast.push(runAll(layers, (layer) => () => fastTiming(layer)))
    event.push(runAll(layers, prepareEvent))
  }
  return reportOf(order, layers, cold, fast, event)
}

function prepareEvent(layer: SceneLayer): () => TimingResult {
  const ctx = eventContext(layer)
  return () => eventTiming(layer, ctx)
}

/** @param prepare what is not timed */
function runAll(layers: readonly SceneLayer[], prepare: (layer: SceneLayer) => () => TimingResult): Run {
  const seconds: number[] = []
  const results = layers.map((layer) => {
    const work = prepare(layer)
    let result: TimingResult | null = null
    seconds.push(
      timed(() => {
        result = work()
      }),
    )
    return result!
  })
  return { seconds, results }
}

function reportOf(
  order: Order,
  layers: readonly SceneLayer[],
  cold: Run,
  fast: readonly Run[],
  event: readonly Run[],
): Report {
  const failures = layers
    .filter((_, i) => event.some((run) => !isDeepStrictEqual(run.results[i], fast[0]!.results[i])))
    .map((layer) => `${layer.placed.layer.name}: the engines differ`)
  const activations = fast[0]!.results.map((result) => result.ouActivations)
  const rows = layers.map((layer, i) =>
    row(layer.placed.layer.name, activations[i]!, least(event, i), least(fast, i), fast[0]!.results[i]!.cycles),
  )
  const all = sum(activations)
  const best = { event: Math.min(...event.map(total)), fast: Math.min(...fast.map(total)) }
  const cycles = sum(fast[0]!.results.map((result) => result.cycles))
  rows.push(row('**whole network**', all, best.event, best.fast, cycles))
  const eventNs = (best.event / all) * 1e9
  if (best.event / best.fast < minRatio)
    failures.push(`fast is ${(best.event / best.fast).toFixed(0)}× the event engine, wanted ${minRatio}×`)
  if (eventNs > maxEventNs) failures.push(`event: ${eventNs.toFixed(0)} ns per activation, wanted ≤ ${maxEventNs}`)
  const text = [
    `ResNet-18 at 224 × 224, ${pruned * 100} % of the rows of every OU column pruned, one image, machine wu2024 with order ${order}: timing and energy counters, no values, one thread. ` +
      `Least of ${eventRuns} runs (event) and ${fastRuns} (fast), which took turns; the whole network is the least whole run. ` +
      `The fast engine's first run, before anything is compiled: ${(total(cold) * 1e3).toFixed(0)} ms.`,
  ]
  const head = ['layer', 'activations', 'cycles', 'event s', 'fast ms', 'event ns/act.', 'fast ns/act.', 'event ÷ fast']
  return { title: `Engines, ${order}`, text, head, rows, failures }
}

function row(name: string, activations: number, event: number, fast: number, cycles: number): string[] {
  const ns = (seconds: number) => (seconds / activations) * 1e9
  return [
    name,
    `${activations}`,
    `${cycles}`,
    event.toFixed(2),
    (fast * 1e3).toFixed(1),
    ns(event).toFixed(0),
    ns(fast).toFixed(2),
    `${(event / fast).toFixed(0)}×`,
  ]
}

function least(runs: readonly Run[], layer: number): number {
  return Math.min(...runs.map((run) => run.seconds[layer]!))
}

function total(run: Run): number {
  return sum(run.seconds)
}

function sum(list: readonly number[]): number {
  return list.reduce((a, b) => a + b, 0)
}
