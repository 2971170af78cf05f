// The value path of the fast engine, block by block of activations. Without an ADC the machine computes the integer product, so that is what
// is computed; what the ADC changes is added only where it can happen: an OU whose driven rows are too few to reach a sum that the ADC
// alters needs no further look (its certificate, worked out once from the weights).
import { firstOutput, type Mapping } from '../../../models/mapping/mapping.js'
import type { CodeForm } from '../../../models/nn/types.js'
import { type AdcTables, codeCount } from '../../../models/values/adc.js'
import { sliceWeight, type WeightCoding } from '../../../models/values/encode.js'
import { type ErrorTotals, errorsOf } from '../../../models/values/finish.js'
import type { MatrixSums } from '../../../models/values/sums.js'
import { certificates } from './certificate.js'
import { createHitFinder } from './hits.js'
import type { Streams } from './kernels/kernels.js'
import { digestSums } from './kernels/plain.js'
import { createLineSums } from './lines.js'
import type { FastPlan } from './plan.js'
import { addProduct, openProduct } from './product.js'
import type { Workspace } from './workspace.js'

export interface ValueLayer {
  readonly plan: FastPlan
  /** of every matrix */
  readonly sums: readonly MatrixSums[]
  readonly coding: WeightCoding
  readonly adc: AdcTables
  readonly sliceMasks: Int32Array
  /** count conversions by code: every bit line that is converted must be looked at, which takes its time */
  readonly adcCodes: boolean
  /** give every single result, not only what is told of all of them */
  readonly keepsResults: boolean
}

export interface FastValues {
  /** Takes the activations of a matrix in passes first … first + block.passes − 1; every pass of every matrix once. */
  block(matrix: number, block: Streams, first: number): void
  finish(): FastValueResult
}

export interface FastValueResult {
  /** of the results behind the ADC against those with a lossless one (the integer product) */
  readonly errors: ErrorTotals
  /** Σ over outputs of the integer product of every vector */
  readonly vectorSums: Float64Array
  readonly clipped: number
  /** conversions by code; empty when they were not asked for */
  readonly histogram: Float64Array
  /** integer results behind the ADC, and with a lossless one: vectors × outputs; empty when they were not asked for */
  readonly acc: Float64Array
  readonly exact: Float64Array
}

type Sums = Int32Array | Float64Array

/** What no activation changes, worked out once; each call of the result is one item. */
export function openFastValues(layer: ValueLayer, space: Workspace): (form: CodeForm, zeroPoint: number) => FastValues {
  const { plan, sums: ofWeights, coding, adc, sliceMasks, keepsResults } = layer
  const { mapping, spec } = plan
  const { matrices } = mapping
  const ofMatrix = ousByMatrix(mapping)
  const ofList = ousByList(plan)
  const firstOf = matrices.map((_, m) => firstOutput(matrices, m))
  const outputs = firstOutput(matrices, matrices.length)
  const { ofOu, ofLine } = layer.adcCodes
    ? { ofOu: new Int32Array(mapping.ous).fill(-1), ofLine: new Uint16Array(0) }
    : certificates(mapping, coding, sliceMasks, adc, spec.bitsPerStep)
  const finder = createHitFinder(plan, ofOu, space)
  const lines = createLineSums(plan, coding, sliceMasks, ofLine)
  const product = openProduct(plan, ofMatrix, space)
  return (form, zeroPoint) => createItem(form, zeroPoint)

  function createItem(form: CodeForm, zeroPoint: number): FastValues {
    const split = form === 'split'
    const signed = form === 'twos-complement'
    const vectors = space.passes / (split ? 2 : 1)
    const farthest = farthestCode(form, zeroPoint)
    const exact = new Float64Array(keepsResults ? vectors * outputs : 0)
    const vectorSums = new Float64Array(vectors)
    let squares = 0n
    /** Made when the first result is changed. */
    let change: Float64Array | null = null
    const histogram = new Float64Array(layer.adcCodes ? codeCount(adc) : 0)
    let clipped = 0

    /** Sign of a plane in the result: split inputs count their second pass negatively, two's-complement inputs their sign plane. */
    function planeWeight(pass: number, plane: number): number {
      const weight = 2 ** (spec.bitsPerStep * plane)
      if (split) return (pass & 1) === 0 ? weight : -weight
      return signed && plane === 7 ? -weight : weight
    }

    /** where the results of the pass and matrix begin that is looked at, and what its plane counts */
    let base = 0
    let weight = 0
    function line(column: number, slice: number, polarity: number, sum: number): void {
      const wrong = adc.codes[sum]! * adc.lsb - sum
      clipped += adc.clipped[sum]!
      if (layer.adcCodes) histogram[adc.codes[sum]!]! += 1
      if (wrong === 0) return
      const changed = wrong * weight * sliceWeight(coding, slice)
      const out = base + mapping.deliveredTo[column]!
      change ??= new Float64Array(vectors * outputs)
      change[out] = change[out]! + (polarity === 0 ? changed : -changed)
    }

    function correct(list: number, pass: number, plane: number, block: Streams, at: number): void {
      const m = mapping.strips[mapping.stripOf[ofList.ous[ofList.start[list]!]!]!]!.matrix
      weight = planeWeight(pass, plane)
      base = (split ? pass >> 1 : pass) * outputs + firstOf[m]!
      const driven = lines.drive(list, plane, block, at)
      for (let i = ofList.start[list]!; i < ofList.start[list + 1]!; i++)
        if (driven > ofOu[ofList.ous[i]!]!) lines.each(ofList.ous[i]!, line)
    }

    /** Integer products of a block: column · stride + pass, of split inputs for either pass, zero behind the last. */
    function multiply(m: number, block: Streams): Sums {
      const { cols } = matrices[m]!
      const { stride, passes } = block
      const fits = ofWeights[m]!.bound * farthest < 2 ** 31
      const sums = fits ? space.sums.subarray(0, cols * stride) : new Float64Array(cols * stride)
      const fresh = fits && zeroPoint === 0
      for (let c = 0, from = 0; c < cols && !fresh; c++, from += stride) {
        sums.fill(0, from, from + Math.ceil(passes / 8) * 8)
        const start = zeroPoint === 0 ? 0 : -zeroPoint * ofWeights[m]!.columns[c]!
        if (start !== 0) for (let p = 0; p < passes; p += split ? 2 : 1) sums[from + p] = start
      }
      if (sums instanceof Int32Array) product.add(m, block, signed, fresh, sums)
      else for (const ou of ofMatrix[m]!) addProduct(mapping, ou, block, signed, sums)
      return sums
    }

    function digest(m: number, sums: Sums, block: Streams, first: number): void {
      const { cols } = matrices[m]!
      const own = vectorSums.subarray(split ? first >> 1 : first)
      const counted =
        cols * block.passes * (ofWeights[m]!.bound * farthest) ** 2 < 2 ** 62 && sums instanceof Int32Array
      squares += counted ? space.arena.digest(sums, cols, block, split, own) : digestSums(sums, cols, block, split, own)
    }

    function store(m: number, sums: Sums, block: Streams, first: number): void {
      const { cols } = matrices[m]!
      for (let p = 0; p < block.passes; p++) {
        const pass = first + p
        const sign = split && (pass & 1) === 1 ? -1 : 1
        let out = (split ? pass >> 1 : pass) * outputs + firstOf[m]!
        for (let c = 0, at = p; c < cols; c++, at += block.stride, out++) exact[out] = exact[out]! + sign * sums[at]!
      }
    }

    return {
      finish: () => ({
        errors:
          change === null
            ? { results: vectors * outputs, maxError: 0, noise: 0, signal: Number(squares) }
            : errorsOf(change, squares),
        vectorSums,
        clipped,
        histogram,
        acc: change === null || !keepsResults ? exact : change.map((wrong, i) => exact[i]! + wrong),
        exact,
      }),
      block(m, block, first) {
        const sums = multiply(m, block)
        digest(m, sums, block, first)
        if (keepsResults) store(m, sums, block, first)
        finder.find(m, block, (list, at, plane) => correct(list, first + at, plane, block, at))
      },
    }
  }
}

/** max abs(code − zero point), and for split inputs of the difference of two passes. */
function farthestCode(form: CodeForm, zeroPoint: number): number {
  if (form === 'split') return 2 * 255 + Math.abs(zeroPoint)
  const [least, most] = form === 'twos-complement' ? [-128, 127] : [0, 255]
  return Math.max(Math.abs(least - zeroPoint), Math.abs(most - zeroPoint), 255)
}

function ousByMatrix(mapping: Mapping): Int32Array[] {
  const lists: number[][] = mapping.matrices.map(() => [])
  for (let ou = 0; ou < mapping.ous; ou++) lists[mapping.strips[mapping.stripOf[ou]!]!.matrix]!.push(ou)
  return lists.map((list) => Int32Array.from(list))
}

/** OUs of row list i: ous[start[i]] … ous[start[i + 1] − 1]. */
function ousByList({ lists, listOf }: FastPlan): { start: Int32Array; ous: Int32Array } {
  const start = new Int32Array(lists.count + 1)
  for (const list of listOf) start[list + 1]! += 1
  for (let list = 0; list < lists.count; list++) start[list + 1]! += start[list]!
  const next = start.slice()
  const ous = new Int32Array(listOf.length)
  for (const [ou, list] of listOf.entries()) ous[next[list]!++] = ou
  return { start, ous }
}
