// The ADC as a transfer function from the sum of one bit line to a code; docs/values.md, section 4.
import { z } from 'zod'
import { choice, int } from '../base/fields.js'

/** Fields of the machine's `adc` section that decide values (its timing belongs to the stage). */
export const adcTransfer = {
  bits: int('resolution B: codes 0 … 2^B − 1', 'bit', 1, 16),
  mode: choice('transfer of sums to codes', ['lossless', 'clip', 'scaled', 'table']),
  lsb: int('LSB of mode scaled: sum per code step', 'unit sum', 1, 1 << 20).default(1),
  table: z
    .array(z.int().min(0).max(65_535))
    .min(1)
    .max(1 << 20)
    .meta({
      description: 'measured transfer of mode table: code for every sum 0, 1, 2 …; longer sums use the last entry',
      unit: 'code',
    })
    .optional(),
}

export interface AdcSpec {
  readonly bits: number
  readonly mode: 'lossless' | 'clip' | 'scaled' | 'table'
  readonly lsb: number
  readonly table?: readonly number[] | undefined
}

/** Bits that convert every possible sum without loss: ceil(log2(rows·(2^d − 1)·(2^cellBits − 1) + 1)). */
export function losslessBits(rows: number, bitsPerStep: number, cellBits: number): number {
  return bitLength(maxSum(rows, bitsPerStep, cellBits))
}

/** Largest sum of a bit line: rows · (2^d − 1) · (2^cellBits − 1). */
export function maxSum(rows: number, bitsPerStep: number, cellBits: number): number {
  return rows * (2 ** bitsPerStep - 1) * (2 ** cellBits - 1)
}

/** Bits of a non-negative integer; 0 for 0. */
export function bitLength(value: number): number {
  return value === 0 ? 0 : Math.floor(Math.log2(value)) + 1
}

/** A conversion as two tables indexed by the sum: the code, and whether it was clipped (docs/values.md, section 4). */
export interface AdcTables {
  readonly codes: Uint32Array
  readonly clipped: Uint8Array
  /** what one code step is worth in units of the sum */
  readonly lsb: number
  /** bits that the converter needs: B, or the lossless bits in mode lossless */
  readonly bits: number
}

/** Tabulates the transfer for every possible sum 0 … maxSum. */
export function adcTables(spec: AdcSpec, largestSum: number): AdcTables {
  const codes = new Uint32Array(largestSum + 1)
  const clipped = new Uint8Array(largestSum + 1)
  for (let sum = 0; sum <= largestSum; sum++) {
    codes[sum] = convert(spec, sum)
    clipped[sum] = isClipped(spec, sum) ? 1 : 0
  }
  const bits = spec.mode === 'lossless' ? bitLength(largestSum) : spec.bits
  return { codes, clipped, lsb: spec.mode === 'scaled' || spec.mode === 'table' ? spec.lsb : 1, bits }
}

function convert(spec: AdcSpec, sum: number): number {
  const top = 2 ** spec.bits - 1
  if (spec.mode === 'lossless') return sum
  if (spec.mode === 'clip') return Math.min(sum, top)
  if (spec.mode === 'scaled') return Math.min(top, Math.floor((2 * sum + spec.lsb) / (2 * spec.lsb)))
  const table = spec.table ?? []
  return table[Math.min(sum, table.length - 1)]!
}

function isClipped(spec: AdcSpec, sum: number): boolean {
  if (spec.mode === 'lossless') return false
  if (spec.mode === 'clip') return sum > 2 ** spec.bits - 1
  if (spec.mode === 'scaled') return Math.floor((2 * sum + spec.lsb) / (2 * spec.lsb)) > 2 ** spec.bits - 1
  return sum >= (spec.table ?? []).length
}

/** Codes that can occur: 0 … the largest of the table. */
export function codeCount({ codes }: AdcTables): number {
  return codes.reduce((a, b) => Math.max(a, b), 0) + 1
}
