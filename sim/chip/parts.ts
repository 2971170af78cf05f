// The machine description → the small specs that mapper and macro take. Here, and only here, words become integers.
import { benesShape } from '../../models/mapping/mapping.js'
import type { MapSpec } from '../../models/mapping/spec.js'
import { activationBits } from '../../models/nn/spec.js'
import type { PatternHardware } from '../../models/sparsity/types.js'
import { resolveDepth, type StageTiming } from '../pipeline/stage.js'
import type { MacroSpec } from '../stages/context.js'
import type { Machine } from './spec.js'

/** The machine itself, or one of its dense references (docs/timing.md, section 6). */
export type Variant = 'machine' | 'dense-same-hardware' | 'dense-bare'

export function mapSpec(machine: Machine, variant: Variant): MapSpec {
  const dense = variant !== 'machine'
  return {
    ou: machine.ou,
    array: machine.array,
    block: machine.block,
    tileRows: machine.tile.rows,
    stripOus: machine.strip.ous,
    order: machine.order,
    options: dense
      ? { ...machine.mapping, remapper: 'identity', compress: false, planarise: false, groups: 'separate' }
      : machine.mapping,
  }
}

export function patternHardware(machine: Machine): PatternHardware {
  return {
    beta: machine.block,
    ouRows: machine.ou.rows,
    ouCols: machine.ou.cols,
    tileRows: machine.tile.rows,
    rowOrder: machine.weights.rowOrder,
  }
}

/** @param polarities of the layer's encoding (it decides the smallest ADC interval) */
export function macroSpec(machine: Machine, variant: Variant, polarities: number): MacroSpec {
  const dense = variant !== 'machine'
  const bare = variant === 'dense-bare'
  const shape = benesShape(machine.strip.ous, machine.ou.cols, machine.block)
  const adcInterval = Math.ceil(polarities / machine.adcs) * machine.adc.cyclesPerConversion
  return {
    order: machine.order,
    parallelSlices: machine.slices === 'parallel',
    skipZeroPlanes: machine.skipZeroPlanes && !dense,
    skipZeroSlices: machine.skipZeroSlices && !dense,
    hasSkip: !bare,
    hasBenes: !bare && shape.ports > 1,
    bitsPerStep: machine.input.bitsPerStep,
    planes: planeCount(machine),
    cachePortBits: machine.cache.portBits,
    loadRowsPerCycle: machine.load.rowsPerCycle,
    skipInterval: machine.skip.interval,
    cimInterval: machine.cim.interval,
    adcs: machine.adcs,
    cyclesPerConversion: machine.adc.cyclesPerConversion,
    benesInterval: machine.benes.interval,
    shiftAddInterval: machine.shiftAdd.interval,
    timing: {
      cache: timing(machine.cache, machine.cache.latency, 1),
      load: timing(machine.load, machine.load.latency, 1),
      skip: timing(machine.skip, machine.skip.latency, machine.skip.interval),
      cim: timing(machine.cim, machine.cim.latency, machine.cim.interval),
      adc: timing(machine.adc, machine.adc.latency, adcInterval),
      benes: timing(machine.benes, benesLatency(machine.benes.latency, shape.stages), machine.benes.interval),
      shiftAdd: timing(machine.shiftAdd, machine.shiftAdd.latency, machine.shiftAdd.interval),
    },
  }
}

export function planeCount(machine: Machine): number {
  return Math.ceil(activationBits / machine.input.bitsPerStep)
}

function timing(
  part: { readonly depth: number | 'auto'; readonly queue: number; readonly streaming: boolean },
  latency: number,
  smallestInterval: number,
): StageTiming {
  const depth = resolveDepth(part.depth, latency, smallestInterval)
  return { latency, depth, queue: part.queue, streaming: part.streaming }
}

/** `registered`: one register behind each of the 2·log2(N) − 1 switch stages. */
function benesLatency(latency: number | 'combinational' | 'registered', switchStages: number): number {
  if (latency === 'combinational') return 1
  return latency === 'registered' ? Math.max(1, switchStages) : latency
}
