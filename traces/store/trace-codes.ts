// The codes of a trace file: item by item, compared with what was recorded of them, or tensor by tensor, for many items at once.
import { createHash } from 'node:crypto'
import { SimFault, SpecError } from '../../models/base/errors.js'
import type { CodedTensor } from '../../models/nn/types.js'
import { byteView } from '../record/header.js'
import type { ItemFacts, RecordedItem, TraceHead } from '../record/trace.js'
import { elementsOf } from './npy.js'
import type { ByteSource } from './source.js'
import { forms, type StoredTensor } from './trace-schema.js'

export interface StoredCodes {
  /** for messages */
  readonly file: string
  readonly head: TraceHead
  readonly items: readonly ItemFacts[]
  /** in the order of the head, and where the codes of each stand, item behind item */
  readonly tensors: readonly StoredTensor[]
  readonly codes: readonly ByteSource[]
}

/** @throws SpecError for codes that were not recorded */
export function readItem(trace: StoredCodes, index: number): RecordedItem {
  const tensors = new Map<string, CodedTensor>()
  compareItem(trace, index, (t) => {
    const tensor = readCodes(trace, t, index, 1)
    tensors.set(trace.tensors[t]!.name, tensor)
    return byteView(tensor.codes)
  })
  return { ...trace.items[index]!, index, tensors }
}

/** @returns what reads an item, compares it with what was recorded of it, and forgets it; @throws SpecError for codes that were not recorded */
export function itemCheck(trace: StoredCodes): (index: number) => void {
  let scratch: Uint8Array | null = null
  return (index) =>
    compareItem(trace, index, (t) => {
      const { itemBytes } = trace.tensors[t]!
      scratch ??= new Uint8Array(trace.tensors.reduce((most, tensor) => Math.max(most, tensor.itemBytes), 0))
      return trace.codes[t]!.read(index * itemBytes, itemBytes, scratch)
    })
}

/**
 * The codes of a tensor in the items first … first + count − 1, in memory that threads can share; they are not compared with anything.
 * @returns one tensor an item; undefined when the trace has no such tensor
 */
export function readTensor(trace: StoredCodes, name: string, first: number, count: number): CodedTensor[] | undefined {
  const t = trace.tensors.findIndex((tensor) => tensor.name === name)
  if (t < 0) return undefined
  const { codes, ...head } = readCodes(trace, t, first, count)
  const length = codes.length / count
  return Array.from({ length: count }, (_, i) => ({ ...head, codes: codes.subarray(i * length, (i + 1) * length) }))
}

/** Items one behind the other. */
function readCodes({ head, tensors, codes }: StoredCodes, t: number, first: number, count: number): CodedTensor {
  const { name, dtype, itemBytes } = tensors[t]!
  const memory = new Uint8Array(new SharedArrayBuffer(count * itemBytes))
  const elements = elementsOf(dtype, codes[t]!.read(first * itemBytes, memory.length, memory)) as CodedTensor['codes']
  const tensor = head.tensors.get(name)!
  checkRange(tensor.form, elements, elements.length / count, (i) => `${codes[t]!.name}: item ${first + i}`)
  return { ...tensor, codes: elements }
}

function checkRange(
  form: CodedTensor['form'],
  codes: CodedTensor['codes'],
  length: number,
  what: (item: number) => string,
): void {
  if (form !== 'split') return
  const { low, high } = forms.split
  for (let i = 0; i < codes.length; i++)
    if (codes[i]! < low || codes[i]! > high)
      throw new SpecError(
        `${what(Math.floor(i / length))}: code ${codes[i]} at ${i % length}; expected ${low} … ${high}`,
      )
}

function compareItem({ file, items, tensors }: StoredCodes, index: number, read: (t: number) => Uint8Array): void {
  const facts = items[index]
  if (facts === undefined) throw new SimFault(`${file}: item ${index} of ${items.length}`)
  const hash = createHash('sha256')
  for (const t of tensors.keys()) hash.update(read(t))
  if (hash.digest('hex') !== facts.codesSha256)
    throw new SpecError(
      `${file}: item ${index}: the codes do not have the sha256 that was recorded; the file is damaged`,
    )
}
