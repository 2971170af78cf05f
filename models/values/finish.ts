// From accumulated codes to results: the corrections for offset encoding and zero point, and the error of a clipping ADC
// (docs/values.md, section 5).
import { firstOutput, type Mapping } from '../mapping/mapping.js'
import type { CodeForm } from '../nn/types.js'
import type { WeightCoding } from './encode.js'
import { sumMatrix } from './sums.js'

export interface Correction {
  readonly mapping: Mapping
  readonly coding: WeightCoding
  readonly form: CodeForm
  readonly zeroPoint: number
  readonly codes: readonly Uint8Array[]
  readonly vectors: number
}

/** y = acc − O·Σ_kept a − z_a·Σ_all e, in place; acc is vectors × outputs. */
export function correct(acc: Float64Array, input: Correction): void {
  const outputs = firstOutput(input.mapping.matrices, input.mapping.matrices.length)
  if (input.coding.offset !== 0) subtractInputSums(acc, outputs, input)
  if (input.zeroPoint === 0) return
  const sums = weightSums(input.mapping)
  for (let v = 0; v < input.vectors; v++) {
    for (let o = 0; o < outputs; o++) acc[v * outputs + o] = acc[v * outputs + o]! - input.zeroPoint * sums[o]!
  }
}

/** Σ e over all rows, per output over all matrices. */
export function weightSums(mapping: Pick<Mapping, 'matrices'>): Float64Array {
  const sums = new Float64Array(firstOutput(mapping.matrices, mapping.matrices.length))
  for (const [m, matrix] of mapping.matrices.entries())
    sums.set(sumMatrix(matrix).columns, firstOutput(mapping.matrices, m))
  return sums
}

function subtractInputSums(acc: Float64Array, outputs: number, input: Correction): void {
  const { mapping } = input
  const passesPerVector = input.form === 'split' ? 2 : 1
  for (let ou = 0; ou < mapping.ous; ou++) {
    const m = mapping.strips[mapping.stripOf[ou]!]!.matrix
    const rows = mapping.rowOf.subarray(mapping.rowStart[ou]!, mapping.rowStart[ou + 1]!)
    const base = firstOutput(mapping.matrices, m)
    for (let pass = 0; pass < input.vectors * passesPerVector; pass++) {
      const sign = input.form === 'split' && pass % 2 === 1 ? -1 : 1
      const codes = input.codes[m]!
      const start = pass * mapping.matrices[m]!.rows
      let sum = 0
      for (const row of rows) sum += codeValue(codes[start + row]!, input.form)
      const at = Math.floor(pass / passesPerVector) * outputs + base
      for (let c = mapping.colStart[ou]!; c < mapping.colStart[ou + 1]!; c++) {
        acc[at + mapping.colOf[c]!] = acc[at + mapping.colOf[c]!]! - input.coding.offset * sign * sum
      }
    }
  }
}

function codeValue(byte: number, form: CodeForm): number {
  return form === 'twos-complement' && byte > 127 ? byte - 256 : byte
}

/** What is needed of results and their exact values to tell the error; adds up over items. */
export interface ErrorTotals {
  readonly results: number
  readonly maxError: number
  /** Σ error², Σ exact² */
  readonly noise: number
  readonly signal: number
}

/** Error of integer results against their exact values, over all entries. Sums of squares are exact before they become float64. */
export function errorTotals(actual: Float64Array, exact: Float64Array): ErrorTotals {
  return errorsOf(
    actual.map((value, i) => value - exact[i]!),
    sumOfSquares(exact),
  )
}

/** The same from the errors themselves and Σ exact². */
export function errorsOf(errors: Float64Array, signal: bigint): ErrorTotals {
  let maxError = 0
  for (let i = 0; i < errors.length; i++) if (Math.abs(errors[i]!) > maxError) maxError = Math.abs(errors[i]!)
  return { results: errors.length, maxError, noise: Number(sumOfSquares(errors)), signal: Number(signal) }
}

/** Squares of integers that are added up in float64 without rounding: each below 2^52, and their sum too. */
const smallRoot = 2 ** 26
const smallSum = 2 ** 52

/** Σ value² of integers. */
export function sumOfSquares(values: Float64Array): bigint {
  let total = 0n
  let small = 0
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!
    if (value === 0) continue
    if (Math.abs(value) >= smallRoot) total += BigInt(value) * BigInt(value)
    else {
      small += value * value
      if (small < smallSum) continue
      total += BigInt(small)
      small = 0
    }
  }
  return total + BigInt(small)
}

export function addErrors(a: ErrorTotals, b: ErrorTotals): ErrorTotals {
  return {
    results: a.results + b.results,
    maxError: Math.max(a.maxError, b.maxError),
    noise: a.noise + b.noise,
    signal: a.signal + b.signal,
  }
}

export interface ErrorStatistics {
  readonly maxError: number
  readonly rmsError: number
  /** 10·log10(Σ exact² / Σ error²); null when there is no error */
  readonly sqnrDb: number | null
}

export function errorStatistics({ results, maxError, noise, signal }: ErrorTotals): ErrorStatistics {
  const rmsError = results === 0 ? 0 : Math.sqrt(noise / results)
  return { maxError, rmsError, sqnrDb: noise === 0 ? null : 10 * Math.log10(signal / noise) }
}
