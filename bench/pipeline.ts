// The event engine on a real pipeline, values off: time per effective OU activation, against the plain kernel and against a C++ version of the
// same pipeline on std::priority_queue. All of them must report the same cycles, activations, busy and blocked cycles of every stage.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { actionId } from '../models/cost/actions.js'
import { plainEvent, runEvent } from '../sim/engines/event.js'
import type { KernelName } from '../sim/kernel/kernel.js'
import { stages } from '../sim/stages/index.js'
import type { TimingResult } from '../traces/results/result.js'
import { type Benchmark, type Contender, interleaved, type Report, type Timing, timed } from './harness.js'
import { type BenchLayer, convolution } from './layer.js'
import { build, numbersOf } from './native.js'

const vectors = 300
const prunedShares = [0, 0.7]
const maxNs = 250
const minRatio = 0.3

export const pipelineBenchmark: Benchmark = { name: 'pipeline', run: runPipelines }

function runPipelines(): Report {
  const folder = mkdtempSync(join(tmpdir(), 'cimulator-bench-'))
  try {
    return measure(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function measure(folder: string): Report {
  const native = build('pipeline')
  const text = [
    `One 3 × 3 convolution, 64 → 64 channels, ${vectors} vectors, machine wu2024, values off: ns per effective OU activation (median, best in brackets; ratios and demands from the best).`,
  ]
  if ('missing' in native) text.push(`C++ skipped: ${native.missing}.`)
  const layers = prunedShares.map((pruned) => convolution(vectors, pruned))
  const answers = layers.map((): number[][] => [])
  const timings = layers.map((layer, i) => {
    const contenders = [engine('wheel', layer, answers[i]!)]
    if ('program' in native)
      contenders.push(nativeEngine(native.program, join(folder, 'layer.bin'), layer, answers[i]!))
    return interleaved(contenders)
  })
  // Last: a second kernel in the process would cost the first one its inlining, which no user of one kernel pays.
  const plain = layers.map((layer, i) => interleaved([engine('sdsl', layer, answers[i]!)], 3)[0]!)
  const failures = answers.flatMap(disagreement)
  const rows = layers.map((_, i) => {
    const [cycles, activations] = answers[i]![0]!
    const ns = (seconds: number) => (seconds / activations!) * 1e9
    const cell = (t: Timing | undefined) =>
      t === undefined ? '–' : `${ns(t.medianS).toFixed(0)} (${ns(t.minS).toFixed(0)})`
    const [wheel, cpp] = timings[i]!
    const ratio = cpp === undefined ? null : cpp.minS / wheel!.minS
    const label = `${prunedShares[i]! * 100} % of the blocks pruned`
    if (ns(wheel!.minS) > maxNs)
      failures.push(`${label}: ${ns(wheel!.minS).toFixed(0)} ns per activation, wanted ≤ ${maxNs}`)
    if (ratio !== null && ratio < minRatio)
      failures.push(`${label}: ${ratio.toFixed(2)}× the C++ version, wanted ≥ ${minRatio}×`)
    const shown = ratio === null ? '–' : `${ratio.toFixed(2)}×`
    return [label, `${activations}`, `${cycles}`, cell(wheel), cell(plain[i]), cell(cpp), shown]
  })
  const head = ['layer', 'activations', 'cycles', 'wheel', 'js-sdsl', 'C++ `priority_queue`', 'speed of wheel ÷ C++']
  return { title: 'Pipeline', text, head, rows, failures }
}

/** What is wrong when runs of one layer do not agree. */
function disagreement(answers: readonly number[][]): string[] {
  const different = answers.find((answer) => answer.join() !== answers[0]!.join())
  return different === undefined ? [] : [`the engines differ: ${answers[0]!.join()} and ${different.join()}`]
}

function engine(kernel: KernelName, { ctx, macros }: BenchLayer, answers: number[][]): Contender {
  const run = () => {
    let result: TimingResult | null = null
    const seconds = timed(() => {
      result = runEvent(ctx, macros, { ...plainEvent, kernel })
    })
    answers.push(answerOf(result!, ctx.work.coding.slices * ctx.work.coding.polarities))
    return seconds
  }
  return { name: kernel, run }
}

/** Cycles, activations, Σ driven digits, then busy and blocked of every stage over all macros. */
function answerOf(result: TimingResult, pulsesPerDigit: number): number[] {
  const digits = result.actions.counts[actionId.wordLinePulses]! / pulsesPerDigit
  const perStage = stages.all.flatMap(({ name }) => {
    const own = result.macros.map((macro) => macro.stages.find((stage) => stage.name === name)!)
    return [own.reduce((sum, s) => sum + s.busy, 0), own.reduce((sum, s) => sum + s.blocked, 0)]
  })
  return [result.cycles, result.ouActivations, digits, ...perStage]
}

function nativeEngine(program: string, file: string, layer: BenchLayer, answers: number[][]): Contender {
  writeFileSync(file, layerWords(layer))
  const run = () => {
    const [seconds, ...answer] = numbersOf(program, [file])
    answers.push(answer)
    return seconds!
  }
  return { name: 'c++', run }
}

/** The layer as bench/native/pipeline.cpp reads it: int32 words; a list is its length and its entries. */
function layerWords({ ctx, macros }: BenchLayer): Int32Array {
  const { spec, work } = ctx
  const { mapping, coding } = work
  const list = (values: ArrayLike<number>): number[] => [values.length, ...Array.from(values)]
  const outputs = Array.from({ length: mapping.ous }, (_, ou) => mapping.colStart[ou + 1]! - mapping.colStart[ou]!)
  const timing = stages.all.flatMap(({ name }) => {
    const { latency, depth, queue, streaming } = spec.timing[name as keyof typeof spec.timing]
    return [latency, depth, queue, Number(streaming)]
  })
  return Int32Array.from(
    [
      [spec.planes, coding.slices, coding.polarities, spec.cachePortBits, spec.loadRowsPerCycle, spec.skipInterval],
      [spec.cimInterval, spec.adcs, spec.cyclesPerConversion, spec.benesInterval, spec.shiftAddInterval],
      timing,
      [work.passes, macros, mapping.matrices[0]!.rows],
      list(mapping.windowStart),
      list(mapping.unionRows),
      list(mapping.rowStart),
      list(mapping.rowOf),
      list(outputs),
      list(mapping.groups.map((group) => group.firstWindow)),
      list(mapping.groups.map((group) => group.endWindow)),
      list(work.codes[0]!),
    ].flat(),
  )
}
