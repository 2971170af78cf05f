// 64-bit integers of the protobuf module: decoded fields are Long objects (two signed 32-bit halves), built ones may be numbers.
import { ModelError } from '../base/errors.js'

export interface LongLike {
  readonly low: number
  readonly high: number
  readonly unsigned: boolean
}

/**
 * The value as a number.
 * @param what what the number is, for the message
 * @throws ModelError when it lies beyond ±(2^53 − 1) and would be rounded
 */
export function toInteger(value: number | LongLike, what: string): number {
  const result = typeof value === 'number' ? value : halves(value)
  if (!Number.isSafeInteger(result)) throw new ModelError(`${what}: ${result} is beyond ±2^53`)
  return result
}

/** The value exactly. */
export function toBigInt(value: number | LongLike): bigint {
  if (typeof value === 'number') return BigInt(value)
  const high = value.unsigned ? value.high >>> 0 : value.high
  return (BigInt(high) << 32n) | BigInt(value.low >>> 0)
}

function halves(value: LongLike): number {
  return (value.unsigned ? value.high >>> 0 : value.high) * 2 ** 32 + (value.low >>> 0)
}
