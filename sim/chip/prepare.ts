// A layer of the network → integers on a machine: quantised, mapped, encoded, and the codes of one item as vectors.
import { mapLayer } from '../../models/mapping/build.js'
import { type BenesShape, benesShape, type Mapping } from '../../models/mapping/mapping.js'
import { searchLayer } from '../../models/mapping/search.js'
import type { MapSpec } from '../../models/mapping/spec.js'
import { im2col, type ResolvedLayer, resolveLayer } from '../../models/nn/lower.js'
import { quantiseWeights } from '../../models/nn/quantise.js'
import type { CodedTensor, Layer, QuantisedWeights, RowOrder, VectorCodes } from '../../models/nn/types.js'
import { type AdcTables, adcTables, maxSum } from '../../models/values/adc.js'
import { type WeightCoding, weightCoding } from '../../models/values/encode.js'
import { sliceMasks } from '../../models/values/ou-cells.js'
import type { VectorChoice } from '../options.js'
import type { LayerWork, MacroSpec } from '../stages/context.js'
import { macroSpec, mapSpec, type Variant } from './parts.js'
import type { Machine } from './spec.js'

/** One layer on one variant of a machine, without activations. */
export interface PlacedLayer {
  readonly layer: Layer
  /** shape of the recorded tensor that feeds the layer, one item */
  readonly inputShape: readonly number[]
  readonly resolved: ResolvedLayer
  readonly weights: QuantisedWeights
  readonly mapping: Mapping
  readonly coding: WeightCoding
  readonly map: MapSpec
  readonly spec: MacroSpec
  readonly benes: BenesShape
  readonly masks: Int32Array
  /** pipelines that run this layer */
  readonly macros: number
  readonly packed: boolean
}

/** Integers of a layer, one matrix a group; and packed into one matrix, where the machine wants that of several groups. */
export interface LayerIntegers {
  readonly separate: QuantisedWeights
  readonly packed: QuantisedWeights | null
}

/** How the weights of a layer are coded: as separate matrices and as packed ones, whose added zeros change no range, alike. */
export function codingOf({ separate }: LayerIntegers, { weights, cell }: Machine): WeightCoding {
  return weightCoding(separate.matrices, weights.encoding, cell.bits)
}

/** A step of its own: behind it nobody needs the numbers of the model, which may be large. */
export function layerIntegers(layer: Layer, machine: Machine): LayerIntegers {
  const packs = machine.mapping.groups === 'block-diagonal' && layer.geometry.groups > 1
  return {
    separate: quantiseWeights(layer, machine.weights, 'separate'),
    packed: packs ? quantiseWeights(layer, machine.weights, 'block-diagonal') : null,
  }
}

/**
 * @param perms block permutations of the strips; absent: searched by the remapper of the variant
 */
export function placeLayer(
  layer: Layer,
  inputShape: readonly number[],
  machine: Machine,
  variant: Variant,
  integers: LayerIntegers = layerIntegers(layer, machine),
  perms?: readonly Int32Array[],
  coding: WeightCoding = codingOf(integers, machine),
): PlacedLayer {
  const map = mapSpec(machine, variant)
  const weights = map.options.groups === 'separate' ? integers.separate : (integers.packed ?? integers.separate)
  const mapping = mapLayer(weights.matrices, map, perms ?? searchLayer(weights.matrices, map, layer.name))
  const spec = macroSpec(machine, variant, coding.polarities)
  return {
    layer,
    inputShape,
    resolved: resolveLayer(layer, inputShape),
    weights,
    mapping,
    coding,
    map,
    spec,
    benes: benesShape(machine.strip.ous, machine.ou.cols, machine.block),
    masks: sliceMasks(mapping, coding, spec.skipZeroSlices),
    macros: machine.macros === 'all' ? Math.max(1, mapping.groups.length) : machine.macros,
    packed: weights.matrices.some((matrix) => matrix.diagonal !== null),
  }
}

export function machineAdc(machine: Machine): AdcTables {
  return adcTables(machine.adc, maxSum(machine.ou.rows, machine.input.bitsPerStep, machine.cell.bits))
}

/** Vectors of one item: which of them run, and their codes per matrix. */
export interface ItemVectors {
  /** numbers of the simulated vectors, in increasing order */
  readonly chosen: Int32Array
  /** one entry per matrix; only the chosen vectors */
  readonly vectors: readonly VectorCodes[]
  readonly work: LayerWork
}

export function itemVectors(
  placed: PlacedLayer,
  tensor: CodedTensor,
  item: number,
  order: RowOrder,
  choice: VectorChoice | null,
): ItemVectors {
  const chosen = chooseVectors(placed.resolved.vectors, choice)
  const groups: (number | 'all')[] = placed.packed ? ['all'] : placed.mapping.matrices.map((_, g) => g)
  const vectors = groups.map((g) => pick(im2col(placed.layer, placed.resolved, tensor, item, g, order), chosen))
  const work: LayerWork = {
    mapping: placed.mapping,
    coding: placed.coding,
    passes: chosen.length * (tensor.form === 'split' ? 2 : 1),
    codes: vectors.map(interleave),
    sliceMasks: placed.masks,
  }
  return { chosen, vectors, work }
}

export function chooseVectors(total: number, choice: VectorChoice | null): Int32Array {
  if (choice === null) return Int32Array.from({ length: total }, (_, v) => v)
  if (choice.kind === 'first') return Int32Array.from({ length: Math.min(total, choice.n) }, (_, v) => v)
  return Int32Array.from({ length: Math.ceil(total / choice.k) }, (_, i) => i * choice.k)
}

function pick(codes: VectorCodes, chosen: Int32Array): VectorCodes {
  if (chosen.length === codes.vectors) return codes
  const passes = codes.passes.map((block) => {
    const kept = new Uint8Array(chosen.length * codes.rows)
    for (const [i, v] of chosen.entries())
      kept.set(block.subarray(v * codes.rows, (v + 1) * codes.rows), i * codes.rows)
    return kept
  })
  return { ...codes, vectors: chosen.length, passes }
}

/** Passes of a macro in order: vector by vector, positive part before negative part. */
function interleave(codes: VectorCodes): Uint8Array {
  const [positive, negative] = codes.passes
  if (negative === undefined) return positive!
  const both = new Uint8Array(positive!.length * 2)
  for (let v = 0; v < codes.vectors; v++) {
    both.set(positive!.subarray(v * codes.rows, (v + 1) * codes.rows), 2 * v * codes.rows)
    both.set(negative.subarray(v * codes.rows, (v + 1) * codes.rows), (2 * v + 1) * codes.rows)
  }
  return both
}
