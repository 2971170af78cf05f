// Run results made from a seed: every number is free, only the laws of the contract hold (busy + blocked + starved = span).
import { actions } from '../../models/cost/actions.js'
import type { LayerResult, MacroResult, RunResult } from '../../traces/results/result.js'
import { stream } from './work.js'

const stages = ['cache', 'load', 'skip', 'cim', 'adc', 'benes', 'shiftAdd']
const components = ['adc', 'array', 'cache "L0", a', 'benes']

export interface ResultShape {
  readonly seed: number
  readonly layers: number
  readonly macros: number
  readonly values: boolean
}

export function resultOf(shape: ResultShape, change: Partial<RunResult> = {}): RunResult {
  const random = stream(shape.seed)
  const int = (top: number) => Math.floor(random() * (top + 1))
  const items = 1 + int(5)
  return {
    network: { file: 'some/where/net.onnx', sha256: 'a'.repeat(64) },
    trace: { sha256: 'b'.repeat(64), items },
    machine: 'wu2024',
    engine: 'event',
    partial: null,
    layers: Array.from({ length: shape.layers }, (_, index) => layerOf(index, shape, items, int, random)),
    notOnArrays: [{ name: 'attention/QK', op: 'MatMul', macs: 1_234_567 }],
    accuracy: { items: 4, correct: 3 },
    pattern: { name: 'block', share: 1, verdict: 'conditional' },
    area: [
      { component: 'adc', count: 16, areaUm2: 250_000 },
      { component: 'array', count: 8, areaUm2: 1_500_000 },
    ],
    prices: {
      table: 'cmos28',
      adcModel: 'zigzag-imc',
      alternatives: [
        { adcModel: 'accelergy', energyPj: 4e6, reason: null },
        { adcModel: 'neurosim-sar', energyPj: null, reason: 'needs 7 bits' },
      ],
    },
    cyclePeriodNs: 10,
    programmingPj: 1e6,
    ...change,
  }
}

type Int = (top: number) => number

function layerOf(index: number, shape: ResultShape, items: number, int: Int, random: () => number): LayerResult {
  const macros = Array.from({ length: shape.macros }, (_, macro) => macroOf(macro, int))
  const planesTotal = 8 * (1 + int(1000))
  const vectors = 1 + int(100)
  const cols = 1 + int(64)
  return {
    index,
    name: index === 1 ? 'conv "one", first' : `/block.${index}/conv`,
    op: 'Conv',
    vectorsTotal: vectors,
    vectors,
    macs: vectors * (1 + int(10_000)),
    mapping: {
      rows: 1 + int(500),
      cols,
      matrices: 1 + int(2),
      weights: 5000,
      zeroWeights: int(5000),
      deletedWeights: int(500),
      ous: 1 + int(40),
      denseOus: 40,
      arrayGroups: shape.macros,
      slices: 4,
      polarities: 2,
    },
    timing: {
      cycles: Math.max(...macros.map((macro) => macro.span)),
      macros,
      actions: {
        counts: Float64Array.from(actions, () => int(1e6)),
        cellReads: Float64Array.from({ length: 4 }, () => int(1e6)),
        adcCodes: Float64Array.from({ length: shape.values ? 32 : 0 }, () => int(1000)),
      },
      planesFired: int(planesTotal),
      planesTotal,
      ouActivations: int(1e6),
    },
    boundCycles: int(1000),
    limitingStage: 'adc',
    values: shape.values
      ? {
          losslessMismatches: 0,
          clips: { conversions: 1000, clipped: int(1000), maxError: int(9), rmsError: random(), sqnrDb: null },
          reference: index % 2 === 0 ? null : { kind: 'quantised', maxSteps: random(), sqnrDb: 40 },
        }
      : null,
    energy: components.map((component) => ({ component, dynamicPj: random() * 1e6, leakagePj: random() * 1e3 })),
    dense: {
      bare: { cycles: 1 + int(1e6), energyPj: 1e7, ous: 40, arrayGroups: 2 },
      sameHardware: { cycles: 1 + int(1e6), energyPj: 2e7, ous: 40, arrayGroups: 2 },
    },
    items: Array.from({ length: items }, (_, item) => ({
      item,
      cycles: 1 + int(1e5),
      energyPj: random() * 1e6,
      denseBareCycles: 1 + int(1e6),
      denseBareEnergyPj: 1e6,
      planesFired: int(1e4),
      planesTotal: 1e4,
      ouActivations: int(1e6),
      clipped: shape.values ? int(1000) : null,
    })),
  }
}

function macroOf(macro: number, int: Int): MacroResult {
  const span = 300 + int(100_000)
  return {
    macro,
    groups: [macro],
    span,
    stages: stages.map((name) => {
      const busy = int(span)
      const blocked = int(span - busy)
      return { name, firings: int(span), busy, blocked, starved: span - busy - blocked }
    }),
  }
}
