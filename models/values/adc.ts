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
