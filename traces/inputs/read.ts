// Inputs of a network from .npy and .npz files: [N, … item shape] becomes N items of batch 1, read one at a time.
import { SpecError } from '../../models/base/errors.js'
import { unknownName } from '../../models/base/registry.js'
import type { NetworkInput } from '../../models/nn/types.js'
import type { InputSource } from '../record/inputs.js'
import type { InputItem } from '../record/session.js'
import { type ByteSource, fileSource } from '../store/source.js'
import { type ArraySource, npyArray, npzArrays, sizeOf } from './arrays.js'
import { convert, itemShapeOf } from './convert.js'
import { type Labels, labelAdvice, labelsOfArray, labelsOfList, readJson } from './labels.js'

/**
 * @param inputs what the network wants
 * @param limit items to take from the first; null: all
 * @param labelFile JSON list, or null (an array `labels` in the .npz also counts); one entry an item of the file
 * @throws SpecError with what was expected and what was got
 */
export function openArrayInputs(
  file: string,
  inputs: readonly NetworkInput[],
  limit: number | null,
  labelFile: string | null,
): InputSource {
  const source = fileSource(file, [
    'inputs',
    'give a description (.yaml), a .npy or a .npz file; images and raw arrays need a description: docs/inputs.md',
  ])
  try {
    return arrayInputs(source, file, inputs, limit, labelFile)
  } catch (cause) {
    source.close()
    throw cause
  }
}

function arrayInputs(
  source: ByteSource,
  file: string,
  inputs: readonly NetworkInput[],
  limit: number | null,
  labelFile: string | null,
): InputSource {
  if (source.length === 0)
    throw new SpecError(`${file}: the file is empty; give a description (.yaml), a .npy or a .npz file`)
  const { arrays, labels: own } = openArrays(source, file, inputs)
  const parts = inputs.map((input) => partOf(input, arrays.get(input.name), file, [...arrays.keys()]))
  const total = parts[0]?.count ?? 0
  if (parts.some((part) => part.count !== total))
    throw new SpecError(
      `${file}: the inputs hold different numbers of items (${parts.map((part) => `${part.input.name}: ${part.count}`).join(', ')})`,
    )
  if (total === 0) throw new SpecError(`${file}: holds no items`)
  const labels = labelFile === null ? own : labelsOfList(readJson(labelFile, 'labels', labelAdvice), labelFile)
  if (labels !== null && labels.length !== total)
    throw new SpecError(`${labelFile ?? file}: ${labels.length} labels for ${total} items; expected one label an item`)
  const count = Math.min(total, limit ?? total)
  return {
    count,
    total,
    item: async (index) => new Map(parts.map((part) => [part.input.name, part.take(index)])),
    labels: (index) => labels?.[index] ?? null,
    close: () => source.close(),
  }
}

/** Arrays by the name of the input. A one-input network takes the only array under any name. */
function openArrays(
  source: ByteSource,
  file: string,
  inputs: readonly NetworkInput[],
): { arrays: Map<string, ArraySource>; labels: Labels | null } {
  const start = source.read(0, Math.min(2, source.length))
  if (!(start[0] === 0x50 && start[1] === 0x4b)) {
    if (inputs.length !== 1)
      throw new SpecError(
        `${file}: one array, but the network has ${inputs.length} inputs (${inputs.map((i) => i.name).join(', ')}); give an .npz with one array each`,
      )
    return { arrays: new Map([[inputs[0]!.name, npyArray(source)]]), labels: null }
  }
  const archive = npzArrays(source)
  const wanted = inputs.map((input) => input.name)
  const others = archive.names.filter((name) => name !== 'labels' && !wanted.includes(name))
  const soleInput = inputs.length === 1 && !archive.names.includes(wanted[0]!)
  if (others.length > 0 && !(soleInput && others.length === 1))
    throw new SpecError(`${file}: ${unknownName('array', others[0]!, [...wanted, 'labels'])}`)
  const arrays = new Map<string, ArraySource>()
  let labels: Labels | null = null
  for (const name of archive.names) {
    const array = archive.open(name)
    if (name === 'labels' && !wanted.includes(name)) labels = labelsOfArray(array, `${file}: labels`)
    else arrays.set(soleInput && name === others[0] ? wanted[0]! : name, array)
  }
  return { arrays, labels }
}

function partOf(input: NetworkInput, array: ArraySource | undefined, file: string, given: readonly string[]) {
  if (array === undefined)
    throw new SpecError(`${file}: no array for input "${input.name}"; the file holds: ${given.join(', ')}`)
  const { count, shape } = itemShapeOf(input, array.dtype, array.shape, file)
  const length = sizeOf(shape)
  return {
    input,
    count,
    take: (index: number) => ({
      dtype: input.dtype,
      shape,
      data: convert(
        array.read(index * length, length),
        array.dtype,
        input.dtype,
        `${file}: input "${input.name}", item ${index}`,
      ),
    }),
  }
}

/** All items at once. */
export async function readInputs(
  file: string,
  inputs: readonly NetworkInput[],
  limit: number | null,
  labelFile: string | null,
): Promise<{ readonly items: readonly InputItem[]; readonly labels: Labels | null }> {
  const source = openArrayInputs(file, inputs, limit, labelFile)
  try {
    const items: InputItem[] = []
    for (let i = 0; i < source.count; i++) items.push(await source.item(i))
    const labels = items.map((_, i) => source.labels(i))
    return { items, labels: labels.every((entry) => entry !== null) ? labels : null }
  } finally {
    source.close()
  }
}
