// The codes of a trace file: item by item, compared with what was recorded of them, or tensor by tensor, for many items at once.
import { SimFault, SpecError } from '../../models/base/errors.js'
import type { CodedTensor } from '../../models/nn/types.js'
import { codesSha256 } from '../record/header.js'
import type { ItemFacts, RecordedItem, TraceHead } from '../record/trace.js'
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

/** Gives memory of so many bytes that begins where its buffer begins. */
export type Memory = (bytes: number) => Uint8Array

/** @throws SpecError for codes that were not recorded */
export function readItem(trace: StoredCodes, index: number): RecordedItem {
  const tensors = compareItem(trace, index, (bytes) => new Uint8Array(bytes))
  return { ...trace.items[index]!, index, tensors }
}

/** @returns what reads an item, compares it with what was recorded of it, and forgets it; @throws SpecError for codes that were not recorded */
export function itemCheck(trace: StoredCodes): (index: number) => void {
  let scratch: Uint8Array | null = null
  const memory = (bytes: number) => {
    scratch ??= new Uint8Array(trace.tensors.reduce((most, { itemBytes }) => Math.max(most, itemBytes), 0))
    return scratch.subarray(0, bytes)
  }
  return (index) => void compareItem(trace, index, memory)
}

/**
 * The codes of a tensor in the items first … first + count − 1; they are not compared with anything.
 * @param memory what they are put into
 * @returns one tensor an item; undefined when the trace has no such tensor
 * @throws SpecError for codes out of range
 */
export function readTensor(
  trace: StoredCodes,
  name: string,
  [first, count]: readonly [number, number],
  memory: Memory,
): CodedTensor[] | undefined {
  const t = trace.tensors.findIndex((tensor) => tensor.name === name)
  if (t < 0) return undefined
  const { codes, ...head } = readCodes(trace, t, [first, count], memory)
  const length = codes.length / count
  return Array.from({ length: count }, (_, i) => ({ ...head, codes: codes.subarray(i * length, (i + 1) * length) }))
}

/** Items one behind the other. */
function readCodes(
  { head, tensors, codes }: StoredCodes,
  t: number,
  [first, count]: readonly [number, number],
  memory: Memory,
): CodedTensor {
  const { name, dtype, itemBytes } = tensors[t]!
  const into = memory(count * itemBytes)
  const bytes = codes[t]!.read(first * itemBytes, into.length, into)
  // What is in memory already is not put into other memory by itself.
  if (bytes.buffer !== into.buffer) into.set(bytes)
  const tensor = { ...head.tensors.get(name)!, codes: codesIn(into, dtype) }
  checkRange(tensor, count, (i) => `${codes[t]!.name}: item ${first + i}`)
  return tensor
}

function codesIn({ buffer, byteOffset, length }: Uint8Array, dtype: StoredTensor['dtype']): CodedTensor['codes'] {
  switch (dtype) {
    case 'uint8':
      return new Uint8Array(buffer, byteOffset, length)
    case 'int8':
      return new Int8Array(buffer, byteOffset, length)
    case 'int16':
      return new Int16Array(buffer, byteOffset, length / 2)
  }
}

function checkRange({ form, codes }: CodedTensor, count: number, what: (item: number) => string): void {
  if (form !== 'split') return
  const { low, high } = forms.split
  const length = codes.length / count
  for (let i = 0; i < codes.length; i++)
    if (codes[i]! < low || codes[i]! > high)
      throw new SpecError(
        `${what(Math.floor(i / length))}: code ${codes[i]} at ${i % length}; expected ${low} … ${high}`,
      )
}

function compareItem(trace: StoredCodes, index: number, memory: Memory): Map<string, CodedTensor> {
  const { file, items, tensors } = trace
  const facts = items[index]
  if (facts === undefined) throw new SimFault(`${file}: item ${index} of ${items.length}`)
  const read = new Map<string, CodedTensor>()
  // One is hashed before the next is read: they may be read into the same memory.
  function* each() {
    for (const [t, { name }] of tensors.entries()) {
      const tensor = readCodes(trace, t, [index, 1], memory)
      read.set(name, tensor)
      yield tensor
    }
  }
  if (codesSha256(each()) !== facts.codesSha256)
    throw new SpecError(
      `${file}: item ${index}: the codes do not have the sha256 that was recorded; the file is damaged`,
    )
  return read
}
