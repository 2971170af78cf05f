// Files of recorded traces: opened to read items one at a time or tensors of many items, written while items come in. Read as untrusted;
// deterministic (they name no tool version: the same recording is the same file in every release).
import { createHash } from 'node:crypto'
import { closeSync, fstatSync, fsyncSync, openSync, writeSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { crc32 } from 'node:zlib'
import { Interrupted, SimFault, SpecError } from '../../models/base/errors.js'
import type { CodedTensor, Network } from '../../models/nn/types.js'
import { byteView, tensorKey, traceText } from '../record/header.js'
import {
  type ItemFacts,
  itemsOf,
  type RecordedItem,
  type RecordedTrace,
  type TraceHead,
  type TraceSource,
} from '../record/trace.js'
import { wholeTrace } from '../record/whole.js'
import { realFiles, renamePatiently, withTemporary, writeFileWhole } from './atomic.js'
import { npyHeader } from './npy.js'
import { checkNewFile } from './place.js'
import { type ByteSource, fileSource, memorySource } from './source.js'
import { itemCheck, type Memory, readItem, readTensor, type StoredCodes } from './trace-codes.js'
import { formatOf, type TraceFormat } from './trace-container.js'
import { npz } from './trace-npz.js'
import { safetensors } from './trace-safetensors.js'
import { parseHead, storedTensors } from './trace-schema.js'
import { packZip } from './zip.js'

/** Adding a format = a file and an entry here. */
export const traceFormats: readonly TraceFormat[] = [npz, safetensors]

export interface TraceFile extends TraceSource {
  readonly format: string
  /** of every item, without reading codes */
  readonly items: readonly ItemFacts[]
  /** see `readTensor` */
  readTensor(name: string, items: readonly [number, number], memory: Memory): CodedTensor[] | undefined
  /** see `itemCheck` */
  checkItem(index: number): void
}

/** @throws SpecError naming file and entry for anything that no recording wrote */
export async function openTrace(file: string): Promise<TraceFile> {
  const source = fileSource(file, ['trace', 'record one with: cimulator record'])
  try {
    return traceOf(source)
  } catch (cause) {
    source.close()
    throw cause
  }
}

/** A trace in memory. @param name for messages */
export function openTraceBytes(bytes: Uint8Array, name: string): TraceFile {
  return traceOf(memorySource(bytes, name))
}

function traceOf(source: ByteSource): TraceFile {
  if (source.length === 0)
    throw new SpecError(`${source.name}: the file is empty; expected a trace written by "cimulator record"`)
  const start = source.read(0, Math.min(16, source.length))
  const format = traceFormats.find((entry) => entry.recognises(start))
  if (format === undefined)
    throw new SpecError(
      `${source.name}: not a readable trace; expected ${traceFormats.map((entry) => entry.extension).join(' or ')}, written by "cimulator record"`,
    )
  const container = format.open(source)
  const { head, items, tensors } = parseHead(container.text, container.textName)
  container.checkComplete(tensors)
  const codes = tensors.map((tensor) => container.codes(tensor))
  const trace: StoredCodes = { file: source.name, head, items, tensors, codes }
  return {
    format: format.name,
    head,
    items,
    labels: (index) => items[index]?.labels ?? null,
    readItem: async (index) => readItem(trace, index),
    readTensor: (name, range, memory) => readTensor(trace, name, range, memory),
    checkItem: itemCheck(trace),
    sha256: () => createHash('sha256').update(container.text).digest('hex'),
    close: async () => source.close(),
  }
}

export interface WriteOptions {
  readonly force: boolean
  /** packed .npz, made in memory: small files, but no item is read without all of them */
  readonly pack?: boolean
  readonly signal?: AbortSignal
  readonly onItem?: (done: number, total: number) => void
}

/**
 * Writes the items of a source as they come; at most one is in memory. The file is there at the end, whole, or not at all.
 * @throws SpecError when the file exists (without force), its ending names no format, or it cannot be written; Interrupted
 */
export async function writeTraceFile(
  file: string,
  source: TraceSource,
  options: WriteOptions,
): Promise<{ readonly sha256: string; readonly bytes: number }> {
  const format = formatOf(file, traceFormats)
  checkNewFile(file, options.force)
  if (options.pack === true) return writePacked(file, format, source, options)
  let written = { sha256: '', bytes: 0 }
  await withTemporary(file, realFiles, async (temporary) => {
    const descriptor = openSync(temporary, 'w')
    try {
      written = await writeItems(descriptor, format, source, options)
      fsyncSync(descriptor)
    } finally {
      closeSync(descriptor)
    }
    await renamePatiently(realFiles, temporary, file)
  })
  return written
}

async function writePacked(file: string, format: TraceFormat, source: TraceSource, options: WriteOptions) {
  if (format !== npz) throw new SpecError(`${file}: only .npz can be packed`)
  const bytes = await packTrace(source)
  await writeFileWhole(file, bytes, options.force)
  return { sha256: openTraceBytes(bytes, file).sha256(), bytes: bytes.length }
}

/** A trace as a packed .npz, all of it in memory. */
export async function packTrace(source: TraceSource): Promise<Uint8Array> {
  const { head } = source
  const items: ItemFacts[] = []
  const tensors = storedTensors(head, tensorKey)
  const entries = tensors.map((tensor) => {
    const prefix = npyHeader(tensor.dtype, tensor.shape)
    const bytes = new Uint8Array(prefix.length + tensor.itemBytes * head.items)
    bytes.set(prefix)
    return { tensor, bytes, start: prefix.length }
  })
  for await (const item of itemsOf(source)) {
    items.push(factsOf(item))
    for (const { tensor, bytes, start } of entries)
      bytes.set(byteView(item.tensors.get(tensor.name)!.codes), start + item.index * tensor.itemBytes)
  }
  const text = new TextEncoder().encode(traceText(head, items))
  return packZip(
    new Map([
      ...entries.map(({ tensor, bytes }): [string, Uint8Array] => [`${tensor.key}.npy`, bytes]),
      ['trace.json', text],
    ]),
  )
}

async function writeItems(descriptor: number, format: TraceFormat, source: TraceSource, options: WriteOptions) {
  const { head } = source
  const tensors = storedTensors(head, tensorKey)
  const items: ItemFacts[] = []
  const first = await source.readItem(0)
  const layout = format.layout(tensors, () => traceText(head, longestFacts(source)))
  const crcs = layout.prefixes.map((prefix) => crc32(prefix))
  for (let index = 0; index < head.items; index++) {
    await setImmediate()
    if (options.signal?.aborted === true) throw new Interrupted('interrupted: the trace was not written')
    const item = index === 0 ? first : await source.readItem(index)
    for (const [t, tensor] of tensors.entries()) {
      const bytes = byteView(item.tensors.get(tensor.name)!.codes)
      if (bytes.length !== tensor.itemBytes)
        throw new SimFault(`recorded tensor "${tensor.name}": ${bytes.length} bytes for shape [${tensor.shape}]`)
      crcs[t] = crc32(bytes, crcs[t])
      writeAll(descriptor, bytes, layout.starts[t]! + index * tensor.itemBytes)
    }
    items.push(factsOf(item))
    options.onItem?.(index + 1, head.items)
  }
  const text = traceText(head, items)
  for (const piece of layout.finish(text, crcs)) writeAll(descriptor, piece.bytes, piece.at)
  return { sha256: createHash('sha256').update(text).digest('hex'), bytes: fstatSync(descriptor).size }
}

/** Facts whose text is at least as long as that of the real ones: labels are known beforehand, the rest has a longest form. */
function longestFacts(source: TraceSource): ItemFacts[] {
  const hash = 'f'.repeat(64)
  return Array.from({ length: source.head.items }, (_, index) => ({
    prediction: 2 ** 31 - 1,
    labels: source.labels(index),
    codesSha256: hash,
    inputsSha256: hash,
  }))
}

function writeAll(descriptor: number, bytes: Uint8Array, at: number): void {
  for (let done = 0; done < bytes.length; )
    done += writeSync(descriptor, bytes, done, Math.min(bytes.length - done, 2 ** 30), at + done)
}

function factsOf({ prediction, labels, codesSha256, inputsSha256 }: RecordedItem): ItemFacts {
  return { prediction, labels, codesSha256, inputsSha256 }
}

export interface StoredTrace {
  readonly trace: RecordedTrace
  /** indices of the network's output that count as right, per item */
  readonly labels: readonly (readonly number[])[] | null
  readonly sha256: string
}

/** All items of a file at once. */
export async function readTrace(file: string): Promise<StoredTrace> {
  const source = await openTrace(file)
  try {
    return { ...(await wholeTrace(source)), sha256: source.sha256() }
  } finally {
    await source.close()
  }
}

/** @throws SpecError unless the trace was recorded from this network */
export function checkTraceModel(file: string, head: TraceHead, network: Network): void {
  if (head.modelSha256 !== network.sha256)
    throw new SpecError(
      `${file}: recorded from another model: the trace says sha256 ${head.modelSha256}, ${network.file} has ${network.sha256}; record it again`,
    )
}
