// Inputs of a network from .npy and .npz files: [N, … item shape] becomes N items of batch 1.
import { readFile } from 'node:fs/promises'
import { SpecError } from '../../models/base/errors.js'
import type { NetworkInput } from '../../models/nn/types.js'
import type { InputItem } from '../record/session.js'
import { type NpyArray, type NpyData, readNpy } from '../store/npy.js'
import { unpackZip } from '../store/zip.js'

export interface ReadInputs {
  readonly items: readonly InputItem[]
  readonly labels: Int32Array | null
}

/**
 * @param inputs what the network wants
 * @param limit items to take from the first; null: all
 * @param labelFile JSON list of class numbers, or null (an array `labels` in the .npz also counts)
 */
export async function readInputs(
  file: string,
  inputs: readonly NetworkInput[],
  limit: number | null,
  labelFile: string | null,
): Promise<ReadInputs> {
  const arrays = await readArrays(file, inputs)
  const stored = arrays.get('labels')
  const labels =
    labelFile === null
      ? stored === undefined
        ? null
        : Int32Array.from(stored.data as Iterable<number>, Number)
      : await readLabels(labelFile)
  const perInput = inputs.map((input) => splitItems(input, arrays.get(input.name), file, [...arrays.keys()]))
  const counts = perInput.map((list) => list.length)
  if (new Set(counts).size > 1)
    throw new SpecError(`${file}: the inputs hold different numbers of items (${counts.join(', ')})`)
  const count = Math.min(counts[0] ?? 0, limit ?? Number.POSITIVE_INFINITY)
  if (count === 0) throw new SpecError(`${file}: holds no items`)
  if (labels !== null && labels.length < count)
    throw new SpecError(`${labelFile ?? file}: ${labels.length} labels for ${count} items`)
  const items = Array.from(
    { length: count },
    (_, i) => new Map(inputs.map((input, n) => [input.name, perInput[n]![i]!])),
  )
  return { items, labels: labels === null ? null : labels.slice(0, count) }
}

async function readArrays(file: string, inputs: readonly NetworkInput[]): Promise<Map<string, NpyArray>> {
  const bytes = await readFile(file).catch((cause: NodeJS.ErrnoException) => {
    throw new SpecError(`${file}: cannot read the inputs (${cause.code ?? cause.message}); give a .npy or .npz file`)
  })
  if (bytes.length === 0) throw new SpecError(`${file}: the file is empty; expected a .npy or .npz file`)
  const zipped = bytes[0] === 0x50 && bytes[1] === 0x4b
  if (!zipped) {
    if (inputs.length !== 1)
      throw new SpecError(
        `${file}: one array, but the network has ${inputs.length} inputs (${inputs.map((i) => i.name).join(', ')}); give an .npz with one array each`,
      )
    return new Map([[inputs[0]!.name, readNpy(bytes, file)]])
  }
  const arrays = new Map<string, NpyArray>()
  for (const [entry, content] of unpackZip(bytes, file))
    arrays.set(entry.replace(/\.npy$/, ''), readNpy(content, `${file}: ${entry}`))
  const others = [...arrays.keys()].filter((name) => name !== 'labels')
  const only = others[0]
  if (inputs.length === 1 && others.length === 1 && only !== undefined && !arrays.has(inputs[0]!.name))
    arrays.set(inputs[0]!.name, arrays.get(only)!)
  return arrays
}

async function readLabels(file: string): Promise<Int32Array> {
  let value: unknown
  try {
    value = JSON.parse(await readFile(file, 'utf8'))
  } catch (cause) {
    throw new SpecError(
      `${file}: cannot read the labels (${cause instanceof Error ? cause.message : String(cause)}); expected a JSON list of class numbers`,
    )
  }
  if (!Array.isArray(value) || !value.every((label) => Number.isInteger(label)))
    throw new SpecError(`${file}: expected a JSON list of class numbers`)
  return Int32Array.from(value as number[])
}

type Item = { readonly dtype: string; readonly shape: readonly number[]; readonly data: NpyData }

function splitItems(input: NetworkInput, array: NpyArray | undefined, file: string, given: readonly string[]): Item[] {
  if (array === undefined)
    throw new SpecError(`${file}: no array for input "${input.name}"; the file holds: ${given.join(', ')}`)
  const wanted = `${input.dtype} [${input.shape.join(', ')}]`
  const fail = (): never => {
    throw new SpecError(
      `${file}: input "${input.name}": expected ${wanted} (or several of them along the first axis), got ${array.dtype} [${array.shape.join(', ')}]`,
    )
  }
  const data = convert(array, input.dtype) ?? fail()
  const batched = typeof input.shape[0] === 'string' || input.shape[0] === 1
  const fits = (shape: readonly number[], pattern: readonly (number | string)[]) =>
    shape.length === pattern.length && pattern.every((dim, i) => typeof dim === 'string' || dim === shape[i])
  const rest = input.shape.slice(1)
  if (batched && fits(array.shape.slice(1), rest))
    return slices(data, input.dtype, array.shape[0]!, [1, ...array.shape.slice(1)])
  if (fits(array.shape, input.shape)) return [{ dtype: input.dtype, shape: array.shape, data }]
  if (batched && fits(array.shape, rest)) return [{ dtype: input.dtype, shape: [1, ...array.shape], data }]
  // One item of the whole fixed batch each: [N, batch, …]
  return fits(array.shape.slice(1), input.shape)
    ? slices(data, input.dtype, array.shape[0]!, array.shape.slice(1))
    : fail()
}

function slices(data: NpyData, dtype: string, count: number, shape: readonly number[]): Item[] {
  const length = shape.reduce((a, b) => a * b, 1)
  return Array.from({ length: count }, (_, i) => ({
    dtype,
    shape,
    data: data.slice(i * length, (i + 1) * length) as NpyData,
  }))
}

/** Same type, or integers of 8 or 16 bits to float32 (exact); null otherwise. */
function convert(array: NpyArray, dtype: string): NpyData | null {
  if (array.dtype === dtype) return array.data
  const small =
    array.data instanceof Uint8Array ||
    array.data instanceof Int8Array ||
    array.data instanceof Int16Array ||
    array.data instanceof Uint16Array
  return dtype === 'float32' && small ? Float32Array.from(array.data as Uint8Array) : null
}
