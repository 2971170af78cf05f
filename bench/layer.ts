// A synthetic convolution for benchmarks: 64 → 64 channels, 3 × 3, on the preset machine. Weights are pruned in blocks of β adjacent outputs;
// activations look like those behind a ReLU: per-channel level, neighbouring vectors alike, more than half zeros.
import seedrandom from 'seedrandom'
import { mapLayer } from '../models/mapping/build.js'
import { benesShape } from '../models/mapping/mapping.js'
import type { WeightMatrix } from '../models/nn/types.js'
import { adcTables, maxSum } from '../models/values/adc.js'
import { weightCoding } from '../models/values/encode.js'
import { sliceMasks } from '../models/values/ou-cells.js'
import { macroSpec, mapSpec } from '../sim/chip/parts.js'
import { resolveMachine } from '../sim/chip/resolve.js'
import type { TallyContext } from '../sim/stages/tally.js'

export interface BenchLayer {
  readonly ctx: TallyContext
  readonly macros: number
}

/** @param vectors im2col windows @param pruned share of the weight blocks that are zero */
export function convolution(vectors: number, pruned: number): BenchLayer {
  const { machine } = resolveMachine('wu2024', [])
  const random = seedrandom.alea('benchmark layer')
  const matrices = [prunedWeights(random, machine.block, pruned)]
  const codes = [reluCodes(random, vectors)]
  const map = mapSpec(machine, 'machine')
  const mapping = mapLayer(matrices, map)
  const coding = weightCoding(matrices, machine.weights.encoding, machine.cell.bits)
  const spec = macroSpec(machine, 'machine', coding.polarities)
  const adc = adcTables(machine.adc, maxSum(machine.ou.rows, machine.input.bitsPerStep, machine.cell.bits))
  const masks = sliceMasks(mapping, coding, spec.skipZeroSlices)
  const work = { mapping, coding, passes: vectors, codes, sliceMasks: masks }
  const benes = benesShape(machine.strip.ous, machine.ou.cols, machine.block)
  const ctx = { work, spec, map, benes, codeBits: adc.bits, vectors, adcCodes: new Float64Array(0) }
  return { ctx, macros: mapping.groups.length }
}

const channels = 64
const taps = 9
const rows = channels * taps
const cols = 64

function prunedWeights(random: () => number, block: number, pruned: number): WeightMatrix {
  const e = new Int16Array(rows * cols)
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < cols; c += block) {
      if (random() < pruned) continue
      for (let i = 0; i < block; i++) e[r * cols + c + i] = Math.floor(random() * 255) - 127
    }
  }
  return { rows, cols, e, diagonal: null }
}

function reluCodes(random: () => number, vectors: number): Uint8Array {
  const codes = new Uint8Array(vectors * rows)
  const state = new Float64Array(rows)
  for (let v = 0; v < vectors; v++) {
    for (let r = 0; r < rows; r++) {
      state[r] = 0.8 * state[r]! + 0.6 * (random() + random() + random() - 1.5)
      const level = 40 + 60 * Math.sin(Math.floor(r / taps))
      codes[v * rows + r] = Math.max(0, Math.min(255, Math.round(level * state[r]! - 6)))
    }
  }
  return codes
}
