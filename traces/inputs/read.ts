// Inputs of a network from .npy and .npz files: [N, … item shape] becomes N items of batch 1.
import { readFile } from 'node:fs/promises'
import { SpecError } from '../../models/base/errors.js'
import { unknownName } from '../../models/base/registry.js'
import type { NetworkInput } from '../../models/nn/types.js'
import { type InputSource, inputsOf } from '../record/inputs.js'
import type { InputArray, InputItem } from '../record/session.js'
import { type NpyArray, type NpyData, readNpy } from '../store/npy.js'
import { openZip } from '../store/zip.js'

export interface ReadInputs {
  readonly items: readonly InputItem[]
  readonly labels: Int32Array | null
}

/** The items of a file; see `readInputs`. */
export async function openInputs(
  file: string,
  inputs: readonly NetworkInput[],
  limit: number | null,
  labelFile: string | null,
): Promise<InputSource> {
  const { items, labels } = await readInputs(file, inputs, limit, labelFile)
  return { ...inputsOf(items), labels: (index) => (labels === null ? null : [labels[index]!]) }
}

/** bytes that an .npz with inputs may unpack to */
const largestInput = 2 ** 32

/**
 * @param inputs what the network wants
 * @param limit items to take from the first; null: all
 * @param labelFile JSON list of class numbers, or null (an array `labels` in the .npz also counts); one an item of the file
 * @throws SpecError with what was expected and what was got
 */
export async function readInputs(
  file: string,
  inputs: readonly NetworkInput[],
  limit: number | null,
  labelFile: string | null,
): Promise<ReadInputs> {
  const arrays = await readArrays(file, inputs)
  const perInput = inputs.map((input) => splitItems(input, arrays.get(input.name), file, [...arrays.keys()], limit))
  const counts = perInput.map((list) => list.total)
  const total = counts[0] ?? 0
  if (counts.some((count) => count !== total))
    throw new SpecError(
      `${file}: the inputs hold different numbers of items (${inputs.map((input, i) => `${input.name}: ${counts[i]}`).join(', ')})`,
    )
  if (total === 0) throw new SpecError(`${file}: holds no items`)
  const labels = await labelsOf(arrays, inputs, file, labelFile)
  if (labels !== null && labels.length !== total)
    throw new SpecError(`${labelFile ?? file}: ${labels.length} labels for ${total} items; expected one label an item`)
  const count = Math.min(total, limit ?? total)
  const items = Array.from(
    { length: count },
    (_, i) => new Map(inputs.map((input, n) => [input.name, perInput[n]!.items[i]!])),
  )
  return { items, labels: labels === null ? null : labels.slice(0, count) }
}

async function readBytes(file: string, what: string, advice: string): Promise<Uint8Array> {
  const bytes = await readFile(file).catch((cause: NodeJS.ErrnoException) => {
    throw new SpecError(`${file}: cannot read the ${what} (${cause.code ?? cause.message}); ${advice}`)
  })
  if (bytes.length === 0) throw new SpecError(`${file}: the file is empty; ${advice}`)
  return bytes
}

async function readArrays(file: string, inputs: readonly NetworkInput[]): Promise<Map<string, NpyArray>> {
  const bytes = await readBytes(file, 'inputs', 'give a .npy or .npz file')
  const zipped = bytes[0] === 0x50 && bytes[1] === 0x4b
  if (!zipped) {
    if (inputs.length !== 1)
      throw new SpecError(
        `${file}: one array, but the network has ${inputs.length} inputs (${inputs.map((i) => i.name).join(', ')}); give an .npz with one array each`,
      )
    return new Map([[inputs[0]!.name, readNpy(bytes, file)]])
  }
  return unpackArrays(bytes, file, inputs)
}

/** Arrays by the name of the input. A one-input network takes the only array under any name. */
function unpackArrays(bytes: Uint8Array, file: string, inputs: readonly NetworkInput[]): Map<string, NpyArray> {
  const archive = openZip(bytes, file)
  const wanted = inputs.map((input) => input.name)
  const names = archive.names.map((entry) => entry.replace(/\.npy$/, ''))
  const others = names.filter((name) => name !== 'labels' && !wanted.includes(name))
  const soleInput = inputs.length === 1 && !names.includes(wanted[0]!)
  if (others.length > 0 && !(soleInput && others.length === 1))
    throw new SpecError(`${file}: ${unknownName('array', others[0]!, [...wanted, 'labels'])}`)
  const arrays = new Map<string, NpyArray>()
  let left = largestInput
  for (const [i, entry] of archive.names.entries()) {
    const name = soleInput && names[i] === others[0] ? wanted[0]! : names[i]!
    arrays.set(name, readNpy(archive.read(entry, left), `${file}: ${entry}`))
    left -= archive.sizeOf(entry)
  }
  return arrays
}

async function labelsOf(
  arrays: ReadonlyMap<string, NpyArray>,
  inputs: readonly NetworkInput[],
  file: string,
  labelFile: string | null,
): Promise<Int32Array | null> {
  if (labelFile !== null) return readLabels(labelFile)
  const stored = inputs.some((input) => input.name === 'labels') ? undefined : arrays.get('labels')
  if (stored === undefined) return null
  const values = Array.from(stored.data as Iterable<number | bigint>, Number)
  if (stored.shape.length !== 1 || stored.dtype.startsWith('float') || !values.every(isClass))
    throw new SpecError(
      `${file}: labels: expected a list of class numbers (integers from 0), got ${stored.dtype} [${stored.shape.join(', ')}]`,
    )
  return Int32Array.from(values)
}

const isClass = (value: unknown) =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 2 ** 31

async function readLabels(file: string): Promise<Int32Array> {
  const advice = 'expected a JSON list of class numbers (integers from 0)'
  const bytes = await readBytes(file, 'labels', advice)
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder().decode(bytes))
  } catch (cause) {
    throw new SpecError(`${file}: not JSON (${cause instanceof Error ? cause.message : String(cause)}); ${advice}`)
  }
  if (!Array.isArray(value)) throw new SpecError(`${file}: ${advice}`)
  const wrong = value.findIndex((label) => !isClass(label))
  if (wrong >= 0) throw new SpecError(`${file}: entry ${wrong} is ${JSON.stringify(value[wrong])}; ${advice}`)
  return Int32Array.from(value as number[])
}

interface Items {
  /** items of the file; `items` holds those within the limit */
  readonly total: number
  readonly items: readonly InputArray[]
}

function splitItems(
  input: NetworkInput,
  array: NpyArray | undefined,
  file: string,
  given: readonly string[],
  limit: number | null,
): Items {
  if (array === undefined)
    throw new SpecError(`${file}: no array for input "${input.name}"; the file holds: ${given.join(', ')}`)
  const found = itemShape(input, array.shape)
  if (found === null)
    throw new SpecError(
      `${file}: input "${input.name}": expected ${input.dtype} [${input.shape.join(', ')}] (or several of them along the first axis), got ${array.dtype} [${array.shape.join(', ')}]`,
    )
  const count = Math.min(found.count, limit ?? found.count)
  const length = found.shape.reduce((a, b) => a * b, 1)
  const what = `${file}: input "${input.name}"`
  const items = Array.from({ length: count }, (_, i) => {
    const part = array.data.subarray(i * length, (i + 1) * length) as NpyData
    return {
      dtype: input.dtype,
      shape: found.shape,
      data: convert(part, array.dtype, input.dtype, `${what}, item ${i}`),
    }
  })
  return { total: found.count, items }
}

/** How an array falls into items; null when it does not. A first dimension that is symbolic or 1 counts items. */
function itemShape(input: NetworkInput, shape: readonly number[]): { count: number; shape: readonly number[] } | null {
  const batched = typeof input.shape[0] === 'string' || input.shape[0] === 1
  const fits = (given: readonly number[], pattern: readonly (number | string)[]) =>
    given.length === pattern.length &&
    pattern.every((dim, i) => (typeof dim === 'string' ? given[i]! > 0 : dim === given[i]))
  const rest = input.shape.slice(1)
  if (batched && shape.length > 0 && fits(shape.slice(1), rest))
    return { count: shape[0]!, shape: [1, ...shape.slice(1)] }
  if (fits(shape, input.shape)) return { count: 1, shape }
  if (batched && fits(shape, rest)) return { count: 1, shape: [1, ...shape] }
  // One item of the whole fixed batch each: [N, batch, …]
  return shape.length > 0 && fits(shape.slice(1), input.shape) ? { count: shape[0]!, shape: shape.slice(1) } : null
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
function convert(data: NpyData, from: string, to: string, what: string): NpyData {
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
