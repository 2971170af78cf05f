// How arrays become what a network input wants: items, shapes and element types.
import { SpecError } from '../../models/base/errors.js'
import type { NetworkInput } from '../../models/nn/types.js'
import type { NpyData } from '../store/npy.js'

/** How an array falls into items; null when it does not. A first dimension that is symbolic or 1 counts items. */
export function itemShape(
  input: NetworkInput,
  shape: readonly number[],
): { readonly count: number; readonly shape: readonly number[] } | null {
  const batched = typeof input.shape[0] === 'string' || input.shape[0] === 1
  const rest = input.shape.slice(1)
  if (batched && shape.length > 0 && fits(shape.slice(1), rest))
    return { count: shape[0]!, shape: [1, ...shape.slice(1)] }
  if (fits(shape, input.shape)) return { count: 1, shape }
  if (batched && fits(shape, rest)) return { count: 1, shape: [1, ...shape] }
  // One item of the whole fixed batch each: [N, batch, …]
  return shape.length > 0 && fits(shape.slice(1), input.shape) ? { count: shape[0]!, shape: shape.slice(1) } : null
}

export function fits(given: readonly number[], pattern: readonly (number | string)[]): boolean {
  return (
    given.length === pattern.length &&
    pattern.every((dim, i) => (typeof dim === 'string' ? given[i]! > 0 : dim === given[i]))
  )
}

/** @throws SpecError that says what was expected and what was got */
export function itemShapeOf(input: NetworkInput, dtype: string, shape: readonly number[], file: string) {
  const found = itemShape(input, shape)
  if (found === null)
    throw new SpecError(
      `${file}: input "${input.name}": expected ${input.dtype} [${input.shape.join(', ')}] (or several of them along the first axis), got ${dtype} [${shape.join(', ')}]`,
    )
  return found
}

const targets = {
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
} as const

/**
 * A copy of the values in the type that the network wants. Another type is taken when it is no float → integer and every value is the
 * same afterwards (uint8 pixels or float64 that is exact → float32; int32 → int64; int64 → int32 within its range).
 */
export function convert(data: NpyData, from: string, to: string, what: string): NpyData {
  if (!(to in targets) || (from.startsWith('float') && !to.startsWith('float')))
    throw new SpecError(`${what}: expected ${to}, got ${from}; convert it with numpy: array.astype('${to}')`)
  const Target = targets[to as keyof typeof targets]
  const converted = from === to ? (data.slice() as NpyData) : convertAll(data, Target)
  for (let i = 0; i < data.length; i++) {
    if (typeof data[i] === 'number' && !Number.isFinite(data[i] as number))
      throw new SpecError(`${what}: ${data[i]} at position ${i}; inputs must be finite numbers`)
    // Loose equality on purpose: it compares a number with a bigint by value.
    // biome-ignore lint/suspicious/noDoubleEquals: see above
    if (converted[i] != data[i])
      throw new SpecError(
        `${what}: expected ${to}, got ${from}, and ${data[i]} at position ${i} is not exact in ${to}; convert it with numpy: array.astype('${to}')`,
      )
  }
  return converted
}

function convertAll(data: NpyData, Target: (typeof targets)[keyof typeof targets]): NpyData {
  if (Target === BigInt64Array) return BigInt64Array.from(data as Int32Array, BigInt)
  return (Target as typeof Float64Array).from(data as Iterable<number | bigint>, Number) as NpyData
}

/**
 * Computed values in the type that the network wants: rounded to it where that is a float, exact where it is an integer.
 * @throws SpecError for an integer type that does not hold a value
 */
export function computed(values: Float64Array, to: string, what: string): NpyData {
  if (to === 'float32') return finite(Float32Array.from(values), what)
  if (to === 'float64') return finite(values, what)
  return convert(values, 'int', to, what)
}

function finite<T extends Float32Array | Float64Array>(values: T, what: string): T {
  const at = values.findIndex((value) => !Number.isFinite(value))
  if (at >= 0) throw new SpecError(`${what}: ${values[at]} at position ${at}; inputs must be finite numbers`)
  return values
}
