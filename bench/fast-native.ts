// The fast engine's timing against the same algorithm in C++ (bench/native/fast.cpp) on a whole ResNet-18, from the recorded tensor to
// every counter. Both must report the same numbers.
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { actionId } from '../models/cost/actions.js'
import type { Order } from '../models/mapping/spec.js'
import { stages } from '../sim/stages/index.js'
import type { TimingResult } from '../traces/results/result.js'
import { type Benchmark, type Report, timed } from './harness.js'
import { build, linesOf } from './native.js'
import { fastTiming, placeScene, type SceneLayer, topologyScene } from './scene.js'
import { resnet18 } from './topologies/networks.js'

const pruned = 0.7
const repetitions = 15
const orders: readonly Order[] = ['ou-bit', 'window-bit']
/** Demand: time of TypeScript ÷ time of C++. */
const maxRatio = 1.3

export const fastNativeBenchmark: Benchmark = { name: 'fast native', run: compare }

async function compare(): Promise<Report> {
  const head = ['order', 'activations', 'TypeScript ms', 'C++ ms', 'TypeScript ÷ C++']
  const title = 'Fast engine against C++'
  const text = [
    `ResNet-18 at 224 × 224, ${pruned * 100} % of the rows of every OU column pruned, one image, machine wu2024: timing and energy counters, one thread, from the recorded tensor, what is tabulated stays from run to run. ` +
      `Sum over the layers of the least of ${repetitions} runs; C++ with g++ -O3 -march=native. The numbers of both are equal.`,
  ]
  const native = build('fast')
  if ('missing' in native)
    return { title, text: [...text, `Skipped: ${native.missing}.`], head, rows: [], failures: [] }
  const scene = await topologyScene(resnet18, pruned)
  const folder = mkdtempSync(join(tmpdir(), 'cimulator-bench-'))
  try {
    const failures: string[] = []
    const rows = orders.map((order) => {
      const layers = placeScene(scene, [`order=${order}`])
      const file = join(folder, `${order}.bin`)
      writeLayers(file, layers)
      const { own, cpp, activations, wrong } = takeTurns(layers, native.program, file)
      failures.push(...wrong.map((name) => `${order}, ${name}: TypeScript and C++ differ`))
      const ratio = own / cpp
      if (ratio > maxRatio) failures.push(`${order}: ${ratio.toFixed(2)}× the time of C++, wanted ≤ ${maxRatio}×`)
      return [order, `${activations}`, (own * 1e3).toFixed(1), (cpp * 1e3).toFixed(1), `${ratio.toFixed(2)}×`]
    })
    return { title, text, head, rows, failures }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function takeTurns(layers: readonly SceneLayer[], program: string, file: string) {
  const own = layers.map(() => Number.POSITIVE_INFINITY)
  const cpp = layers.map(() => Number.POSITIVE_INFINITY)
  const wrong = new Set<string>()
  let activations = 0
  for (let i = 0; i <= repetitions; i++) {
    const results = layers.map((layer, l) => {
      let result: TimingResult | null = null
      const seconds = timed(() => {
        result = fastTiming(layer)
      })
      if (i > 0) own[l] = Math.min(own[l]!, seconds)
      return result!
    })
    activations = results.reduce((sum, result) => sum + result.ouActivations, 0)
    for (const [l, [seconds, , ...numbers]] of linesOf(program, [file, layers.length, 2]).entries()) {
      cpp[l] = Math.min(cpp[l]!, seconds!)
      if (numbersOfResult(results[l]!, layers[l]!).join() !== numbers.join()) wrong.add(layers[l]!.placed.layer.name)
    }
  }
  const sum = (list: readonly number[]) => list.reduce((a, b) => a + b, 0)
  return { own: sum(own), cpp: sum(cpp), activations, wrong: [...wrong] }
}

/** What fast.cpp prints. */
function numbersOfResult(result: TimingResult, { placed }: SceneLayer): number[] {
  const { counts, cellReads } = result.actions
  const { polarities } = placed.coding
  const perMacro = result.macros.flatMap((macro) => [
    macro.span,
    ...macro.stages.flatMap(({ firings, busy, blocked }) => [firings, busy, blocked]),
  ])
  return [
    counts[actionId.wordLinePulses]! / polarities,
    ...cellReads,
    result.planesFired,
    result.ouActivations,
    counts[actionId.shiftAdds]!,
    ...perMacro,
  ]
}

/** As bench/native/fast/layer.hpp reads them. */
function writeLayers(file: string, layers: readonly SceneLayer[]): void {
  const handle = openSync(file, 'w')
  for (const layer of layers) for (const part of layerParts(layer)) writeSync(handle, part)
  closeSync(handle)
}

function layerParts({ placed, engine, tensor, weights, gathers, machine }: SceneLayer): Uint8Array[] {
  const { plan } = engine
  const { mapping, spec, coding, resolved } = placed
  if (tensor.form !== 'unsigned') throw new Error(`${placed.layer.name}: fast.cpp reads unsigned codes only`)
  const words = (...values: (number | boolean)[]) => new Uint8Array(Int32Array.from(values, Number).buffer)
  const list = (values: ArrayLike<number>) => [words(values.length), new Uint8Array(Int32Array.from(values).buffer)]
  const timing = stages.all.flatMap(({ name }) => {
    const { latency, depth, queue, streaming } = spec.timing[name as keyof typeof spec.timing]
    return [latency, depth, queue, streaming]
  })
  const codes = tensor.codes.subarray(
    0,
    tensor.shape.reduce((a, b) => a * b, 1),
  )
  return [
    words(spec.order === 'window-bit', spec.planes, spec.bitsPerStep, spec.skipZeroPlanes, spec.hasSkip, spec.hasBenes),
    words(spec.parallelSlices, coding.polarities, machine.adcs, spec.cyclesPerConversion, spec.skipInterval),
    words(spec.cimInterval, spec.benesInterval, spec.shiftAddInterval, placed.macros, resolved.vectors, weights.levels),
    words(tensor.zeroPoint, ...timing),
    ...list(mapping.groups.map((group) => group.firstWindow)),
    ...list(mapping.groups.map((group) => group.endWindow)),
    ...[mapping.windowStart, plan.cache.interval, plan.load.interval].flatMap(list),
    ...[plan.lists.start, plan.lists.rows, plan.lists.ofMatrix, plan.listOf, plan.shapeOf].flatMap(list),
    ...list(plan.shapes.map((shape) => shape.slices)),
    ...list(plan.shapes.map((shape) => shape.outputs)),
    words(gathers.length),
    ...gathers.flatMap(({ rows, taps, tapOf, baseOf }, m) => [
      words(rows, taps.length),
      ...taps.flatMap(list),
      ...[tapOf, baseOf, weights.slices[m]!, weights.cells[m]!].flatMap(list),
    ]),
    words(codes.length),
    new Uint8Array(codes.buffer, codes.byteOffset, codes.byteLength),
  ]
}
