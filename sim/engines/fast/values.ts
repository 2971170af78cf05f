// The value path of the fast engine, block by block of activations. Without an ADC the machine computes the integer product, so that is what
// is computed; what the ADC changes is added only where it can happen: an OU whose driven rows are too few to reach a sum that the ADC
// alters needs no further look (its certificate, worked out once from the weights).
import { firstOutput, type Mapping } from '../../../models/mapping/mapping.js'
import type { CodeForm } from '../../../models/nn/types.js'
import { type AdcTables, codeCount } from '../../../models/values/adc.js'
import { sliceWeight, type WeightCoding } from '../../../models/values/encode.js'
import { weightSums } from '../../../models/values/finish.js'
import { certificates } from './certificate.js'
import { createHitFinder } from './hits.js'
import type { Streams } from './kernels/kernels.js'
import { createLineSums } from './lines.js'
import type { FastPlan } from './plan.js'
import { addProduct, productFits } from './product.js'
import type { Workspace } from './workspace.js'

export interface ValueLayer {
  readonly plan: FastPlan
  readonly coding: WeightCoding
  readonly adc: AdcTables
  readonly sliceMasks: Int32Array
  /** count conversions by code: every bit line that is converted must be looked at, which takes its time */
  readonly adcCodes: boolean
}

export interface FastValues {
  /** Takes the activations of a matrix in passes first … first + block.passes − 1; every pass of every matrix once. */
  block(matrix: number, block: Streams, first: number): void
  finish(): FastValueResult
}

export interface FastValueResult {
  /** integer results behind the ADC (acc), and with a lossless one (exact, the integer product): vectors × outputs */
  readonly acc: Float64Array
  readonly exact: Float64Array
  readonly clipped: number
  /** conversions by code; empty when they were not asked for */
  readonly histogram: Float64Array
}

/** What no activation changes, worked out once; each call of the result is one item. */
export function openFastValues(layer: ValueLayer, space: Workspace): (form: CodeForm, zeroPoint: number) => FastValues {
  const { plan, coding, adc, sliceMasks } = layer
  const { mapping, spec, lists, listOf } = plan
  const { bitsPerStep, planes, skipZeroPlanes } = spec
  const ofMatrix = ousByMatrix(mapping)
  const firstOf = mapping.matrices.map((_, m) => firstOutput(mapping.matrices, m))
  const outputs = firstOutput(mapping.matrices, mapping.matrices.length)
  const sumsOfWeights = weightSums(mapping)
  const fits = mapping.matrices.map(productFits)
  const { ofOu, ofLine } = layer.adcCodes
    ? { ofOu: new Int32Array(mapping.ous).fill(-1), ofLine: new Uint16Array(0) }
    : certificates(mapping, coding, sliceMasks, adc, bitsPerStep)
  const finder = createHitFinder(bitsPerStep, planes, skipZeroPlanes)
  const lines = createLineSums(mapping, coding, sliceMasks, bitsPerStep, ofLine)
  return (form, zeroPoint) => createItem(form, zeroPoint)

  function createItem(form: CodeForm, zeroPoint: number): FastValues {
    const passesPerVector = form === 'split' ? 2 : 1
    const vectors = space.passes / passesPerVector
    const exact = new Float64Array(vectors * outputs)
    /** Made when the first result is changed. */
    let change: Float64Array | null = null
    const histogram = new Float64Array(layer.adcCodes ? codeCount(adc) : 0)
    let clipped = 0
    if (zeroPoint !== 0) for (let v = 0; v < vectors; v++) exact.set(sumsOfWeights, v * outputs)
    for (let i = 0; i < exact.length && zeroPoint !== 0; i++) exact[i] = 0 - zeroPoint * exact[i]!

    /** Sign of a plane in the result: split inputs count their second pass negatively, two's-complement inputs their sign plane. */
    function planeWeight(pass: number, plane: number): number {
      const weight = 2 ** (bitsPerStep * plane)
      if (form === 'split') return (pass & 1) === 0 ? weight : -weight
      return form === 'twos-complement' && plane === 7 ? -weight : weight
    }

    function correct(ou: number, pass: number, plane: number, block: Streams, at: number): void {
      const weight = planeWeight(pass, plane)
      const row = Math.floor(pass / passesPerVector) * outputs
      const base = firstOf[mapping.strips[mapping.stripOf[ou]!]!.matrix]!
      lines.each(ou, plane, block, at, (column, slice, polarity, sum) => {
        const wrong = adc.codes[sum]! * adc.lsb - sum
        clipped += adc.clipped[sum]!
        if (layer.adcCodes) histogram[adc.codes[sum]!]! += 1
        if (wrong === 0) return
        const signed = wrong * weight * sliceWeight(coding, slice)
        const out = row + base + mapping.deliveredTo[column]!
        change ??= new Float64Array(vectors * outputs)
        change[out] = change[out]! + (polarity === 0 ? signed : -signed)
      })
    }

    function store(m: number, sums: Int32Array | Float64Array, block: Streams, first: number): void {
      const { cols } = mapping.matrices[m]!
      for (let p = 0; p < block.passes; p++) {
        const pass = first + p
        const sign = passesPerVector === 2 && (pass & 1) === 1 ? -1 : 1
        let out = (passesPerVector === 2 ? pass >> 1 : pass) * outputs + firstOf[m]!
        for (let c = 0, at = p; c < cols; c++, at += block.stride, out++) exact[out] = exact[out]! + sign * sums[at]!
      }
    }

    function multiply(m: number, block: Streams): Int32Array | Float64Array {
      const { cols, e } = mapping.matrices[m]!
      const signed = form === 'twos-complement'
      if (!fits[m]) {
        const sums = new Float64Array(cols * block.stride)
        for (const ou of ofMatrix[m]!) addProduct(mapping, ou, block, signed, sums)
        return sums
      }
      const sums = space.sums.subarray(0, cols * block.stride).fill(0)
      const { offsets, firstRow } = space.matrices[m]!
      const rows = lists.rows.subarray(firstRow)
      for (const ou of ofMatrix[m]!) {
        const list = listOf[ou]!
        const factors = {
          offsets,
          rows,
          from: lists.start[list]! - firstRow,
          to: lists.start[list + 1]! - firstRow,
          columns: mapping.colOf,
          targets: mapping.deliveredTo,
          firstColumn: mapping.colStart[ou]!,
          endColumn: mapping.colStart[ou + 1]!,
          e,
          cols,
          signed,
        }
        space.arena.product(block, factors, sums)
      }
      return sums
    }

    return {
      finish: () => ({
        acc: change === null ? exact : change.map((wrong, i) => exact[i]! + wrong),
        exact,
        clipped,
        histogram,
      }),
      block(m, block, first) {
        store(m, multiply(m, block), block, first)
        for (const ou of ofMatrix[m]!)
          finder.find(mapping, ou, ofOu[ou]!, block, (at, plane) => correct(ou, first + at, plane, block, at))
      },
    }
  }
}

function ousByMatrix(mapping: Mapping): Int32Array[] {
  const lists: number[][] = mapping.matrices.map(() => [])
  for (let ou = 0; ou < mapping.ous; ou++) lists[mapping.strips[mapping.stripOf[ou]!]!.matrix]!.push(ou)
  return lists.map((list) => Int32Array.from(list))
}
