// What counts as right: per item one id or a set of ids.
import { SpecError } from '../../models/base/errors.js'
import { fileSource } from '../store/source.js'
import type { ArraySource } from './arrays.js'

export type Labels = readonly (readonly number[])[]

const largestJson = 2 ** 28
export const labelAdvice =
  'expected a JSON list with one entry an item: a class number (integer from 0) or a list of them'

const isClass = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 2 ** 31

/** @param what file and place, for messages */
export function labelsOfList(value: unknown, what: string): Labels {
  if (!Array.isArray(value)) throw new SpecError(`${what}: ${labelAdvice}`)
  return value.map((entry: unknown, i) => {
    const ids = Array.isArray(entry) ? (entry as unknown[]) : [entry]
    if (!ids.every(isClass)) throw new SpecError(`${what}: entry ${i} is ${JSON.stringify(entry)}; ${labelAdvice}`)
    return ids
  })
}

/** Labels as an array of integers: one id an item, or a row of ids an item. */
export function labelsOfArray(array: ArraySource, what: string): Labels {
  const [items, width] = [array.shape[0] ?? 0, array.shape[1] ?? 1]
  const values =
    array.shape.length < 1 || array.shape.length > 2 || array.dtype.startsWith('float')
      ? null
      : Array.from(array.read(0, items * width) as Iterable<number | bigint>, Number)
  if (values === null || !values.every(isClass))
    throw new SpecError(
      `${what}: expected a list of class numbers (integers from 0), got ${array.dtype} [${array.shape.join(', ')}]`,
    )
  return Array.from({ length: items }, (_, i) => values.slice(i * width, (i + 1) * width))
}

export function readJson(file: string, what: string, advice: string): unknown {
  const source = fileSource(file, [what, advice])
  try {
    if (source.length === 0) throw new SpecError(`${file}: the file is empty; ${advice}`)
    if (source.length > largestJson) throw new SpecError(`${file}: ${source.length} bytes; at most ${largestJson}`)
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(source.read(0, source.length)))
  } catch (cause) {
    if (cause instanceof SpecError) throw cause
    throw new SpecError(`${file}: not JSON (${cause instanceof Error ? cause.message : String(cause)}); ${advice}`)
  } finally {
    source.close()
  }
}
