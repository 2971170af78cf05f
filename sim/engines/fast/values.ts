// The value path of the fast engine, block by block of activations. Without an ADC the machine computes the integer product, so that is what
// is computed; what the ADC changes is added only where it can happen: an OU whose driven rows are too few to reach a sum that the ADC
// alters needs no further look (its certificate, worked out once from the weights).
import { firstOutput, type Mapping } from '../../../models/mapping/mapping.js'
import type { CodeForm } from '../../../models/nn/types.js'
import { type AdcTables, codeCount } from '../../../models/values/adc.js'
import { sliceWeight, type WeightCoding } from '../../../models/values/encode.js'
import { weightSums } from '../../../models/values/finish.js'
import { certificates } from './certificate.js'
import type { ActivationBlock } from './flags.js'
import { createHitFinder } from './hits.js'
import { createLineSums } from './lines.js'
import { addProduct, productFits } from './product.js'

export interface FastValueInput {
  readonly mapping: Mapping
  readonly coding: WeightCoding
  readonly adc: AdcTables
  readonly form: CodeForm
  readonly zeroPoint: number
  readonly bitsPerStep: number
  readonly planes: number
  readonly skipZeroPlanes: boolean
  readonly sliceMasks: Int32Array
  readonly passes: number
  /** count conversions by code: every bit line that is converted must be looked at, which takes its time */
  readonly adcCodes: boolean
}

export interface FastValues {
  /** Takes the activations of a matrix in passes first … first + block.passes − 1; every pass of every matrix once. */
  block(matrix: number, block: ActivationBlock, first: number): void
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

export function createFastValues(input: FastValueInput): FastValues {
  const { mapping, coding, adc, form, planes, bitsPerStep } = input
  const passesPerVector = form === 'split' ? 2 : 1
  const outputs = firstOutput(mapping.matrices, mapping.matrices.length)
  const vectors = input.passes / passesPerVector
  const exact = new Float64Array(vectors * outputs)
  const change = new Float64Array(vectors * outputs)
  const offsets = weightSums(mapping).map((sum) => 0 - input.zeroPoint * sum)
  const ofMatrix = ousByMatrix(mapping)
  const firstOf = mapping.matrices.map((_, m) => firstOutput(mapping.matrices, m))
  const limits = input.adcCodes
    ? new Int32Array(mapping.ous).fill(-1)
    : certificates(mapping, coding, input.sliceMasks, adc, bitsPerStep)
  const histogram = new Float64Array(input.adcCodes ? codeCount(adc) : 0)
  const finder = createHitFinder(bitsPerStep, planes, input.skipZeroPlanes)
  const lines = createLineSums(mapping, coding, input.sliceMasks, bitsPerStep)
  const fits = mapping.matrices.map(productFits)
  let clipped = 0

  /** Sign of a plane in the result: split inputs count their second pass negatively, two's-complement inputs their sign plane. */
  function planeWeight(pass: number, plane: number): number {
    const weight = 2 ** (bitsPerStep * plane)
    if (form === 'split') return (pass & 1) === 0 ? weight : -weight
    return form === 'twos-complement' && plane === 7 ? -weight : weight
  }

  function correct(ou: number, pass: number, plane: number, block: ActivationBlock, at: number): void {
    const weight = planeWeight(pass, plane)
    const row = Math.floor(pass / passesPerVector) * outputs
    const base = firstOf[mapping.strips[mapping.stripOf[ou]!]!.matrix]!
    lines.each(ou, plane, block, at, (column, slice, polarity, sum) => {
      const wrong = adc.codes[sum]! * adc.lsb - sum
      clipped += adc.clipped[sum]!
      if (input.adcCodes) histogram[adc.codes[sum]!]! += 1
      if (wrong === 0) return
      const signed = wrong * weight * sliceWeight(coding, slice)
      const out = row + base + mapping.deliveredTo[column]!
      change[out] = change[out]! + (polarity === 0 ? signed : -signed)
    })
  }

  function store(m: number, sums: Int32Array | Float64Array, block: ActivationBlock, first: number): void {
    const { cols } = mapping.matrices[m]!
    for (let c = 0; c < cols; c++) {
      for (let p = 0; p < block.passes; p++) {
        const pass = first + p
        const out = Math.floor(pass / passesPerVector) * outputs + firstOf[m]! + c
        const sign = passesPerVector === 2 && (pass & 1) === 1 ? -1 : 1
        exact[out] = exact[out]! + sign * sums[c * block.stride + p]!
      }
    }
  }

  for (let v = 0; v < vectors; v++) exact.set(offsets, v * outputs)

  return {
    finish: () => ({ acc: change.map((wrong, i) => exact[i]! + wrong), exact, clipped, histogram }),
    block(m, block, first) {
      const { cols } = mapping.matrices[m]!
      const sums = fits[m] ? new Int32Array(cols * block.stride) : new Float64Array(cols * block.stride)
      const signed = form === 'twos-complement'
      for (const ou of ofMatrix[m]!) {
        addProduct(mapping, ou, block, signed, sums)
        finder.find(mapping, ou, limits[ou]!, block, (at, plane) => correct(ou, first + at, plane, block, at))
      }
      store(m, sums, block, first)
    },
  }
}

function ousByMatrix(mapping: Mapping): Int32Array[] {
  const lists: number[][] = mapping.matrices.map(() => [])
  for (let ou = 0; ou < mapping.ous; ou++) lists[mapping.strips[mapping.stripOf[ou]!]!.matrix]!.push(ou)
  return lists.map((list) => Int32Array.from(list))
}
