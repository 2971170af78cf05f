// The file of a recorded trace: an .npz archive with trace.json and one array of codes per tensor. Deterministic (it names no tool version:
// the same recording is the same file in every release); read as untrusted.
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { SimFault, SpecError } from '../../models/base/errors.js'
import type { CodedTensor } from '../../models/nn/types.js'
import type { RecordedTrace } from '../record/trace.js'
import { writeFileWhole } from './atomic.js'
import { type NpyData, npyBytes, readNpy, writeNpy } from './npy.js'
import { openZip, packZip, type ZipArchive } from './zip.js'

const size = z
  .int()
  .min(0)
  .max(2 ** 31)
const int32 = z
  .int()
  .min(0)
  .max(2 ** 31 - 1)
const longestName = 4096
/** bytes of trace.json */
const largestHeader = 2 ** 26

const header = z.strictObject({
  schema_version: z.literal(1),
  model_sha256: z.string().regex(/^[0-9a-f]{64}$/),
  items: z.int().min(1).max(1_000_000),
  settings: z.strictObject({
    signed: z.enum(['offset', 'twos-complement', 'split']),
    calibration: z.enum(['min-max', 'percentile', 'mse']),
    percentile: z.number(),
  }),
  tensors: z.array(
    z.strictObject({
      name: z.string().max(longestName),
      entry: z.string().regex(/^tensor-\d{3,6}\.npy$/),
      form: z.enum(['unsigned', 'twos-complement', 'split']),
      shape: z.array(size).max(16),
      scale: z.number().positive(),
      zero_point: z.int().min(-255).max(255),
    }),
  ),
  products: z.array(
    z.strictObject({
      name: z.string().max(longestName),
      op: z.string().max(longestName),
      shapes: z.tuple([z.array(size).max(16), z.array(size).max(16), z.array(size).max(16)]),
      macs: z.int().min(0),
    }),
  ),
  predictions: z.array(int32),
  labels: z.array(int32).nullable(),
})

export interface StoredTrace {
  readonly trace: RecordedTrace
  readonly labels: Int32Array | null
  /** of the content, see `traceSha256` */
  readonly sha256: string
}

export function encodeTrace(trace: RecordedTrace, labels: Int32Array | null): Uint8Array {
  return packZip(entriesOf(trace, labels))
}

/**
 * SHA-256 of trace.json and the arrays, one after the other, unpacked: what `unzip -p FILE | sha256sum` prints. A trace that was just
 * recorded has the same one as the file that stores it.
 */
export function traceSha256(trace: RecordedTrace, labels: Int32Array | null): string {
  return contentSha256([...entriesOf(trace, labels).values()])
}

function contentSha256(parts: readonly Uint8Array[]): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest('hex')
}

function entriesOf(trace: RecordedTrace, labels: Int32Array | null): Map<string, Uint8Array> {
  const entries = new Map<string, Uint8Array>()
  const tensors = [...trace.tensors].map(([name, tensor], i) => {
    const entry = `tensor-${String(i).padStart(3, '0')}.npy`
    const shape = [trace.items, ...tensor.shape]
    if (shape.reduce((a, b) => a * b, 1) !== tensor.codes.length)
      throw new SimFault(`recorded tensor "${name}": ${tensor.codes.length} codes for shape [${shape}]`)
    entries.set(entry, writeNpy({ shape, data: tensor.codes }))
    return {
      name,
      entry,
      form: tensor.form,
      shape: [...tensor.shape],
      scale: tensor.scale,
      zero_point: tensor.zeroPoint,
    }
  })
  const { signed, calibration, percentile } = trace.settings
  const text = JSON.stringify({
    schema_version: 1,
    model_sha256: trace.modelSha256,
    items: trace.items,
    settings: { signed, calibration, percentile },
    tensors,
    products: trace.products.map(({ name, op, shapes, macs }) => ({ name, op, shapes, macs })),
    predictions: Array.from(trace.predictions),
    labels: labels === null ? null : Array.from(labels),
  })
  return new Map([['trace.json', new TextEncoder().encode(text)], ...entries])
}

export async function writeTrace(
  file: string,
  trace: RecordedTrace,
  extra: { readonly labels: Int32Array | null; readonly force: boolean },
): Promise<void> {
  await writeFileWhole(file, encodeTrace(trace, extra.labels), extra.force)
}

export async function readTrace(file: string): Promise<StoredTrace> {
  const bytes = await readFile(file).catch((cause: NodeJS.ErrnoException) => {
    throw new SpecError(
      `${file}: cannot read the trace (${cause.code ?? cause.message}); record one with: cimulator record`,
    )
  })
  return decodeTrace(bytes, file)
}

/** @param file for messages; @throws SpecError naming file and entry for anything that `encodeTrace` would not have written */
export function decodeTrace(bytes: Uint8Array, file: string): StoredTrace {
  if (bytes.length === 0)
    throw new SpecError(`${file}: the file is empty; expected a trace written by "cimulator record"`)
  const archive = openZip(bytes, file)
  if (!archive.names.includes('trace.json'))
    throw new SpecError(`${file}: holds no trace.json; expected a trace written by "cimulator record"`)
  const text = archive.read('trace.json', largestHeader)
  const head = checkHeader(parseJson(text, file), archive, file)
  const arrays = head.tensors.map((tensor) => readTensor(archive, tensor, head.items, file))
  const trace: RecordedTrace = {
    modelSha256: head.model_sha256,
    items: head.items,
    tensors: new Map(head.tensors.map((tensor, i) => [tensor.name, arrays[i]!.tensor])),
    products: head.products,
    predictions: Int32Array.from(head.predictions),
    settings: head.settings,
  }
  const sha256 = contentSha256([text, ...arrays.map((array) => array.bytes)])
  return { trace, labels: head.labels === null ? null : Int32Array.from(head.labels), sha256 }
}

type Header = z.infer<typeof header>

/** What a schema cannot say: counts agree, nothing is there twice, nothing is left over. */
function checkHeader(value: unknown, archive: ZipArchive, file: string): Header {
  const fail = (why: string): never => {
    throw new SpecError(`${file}: trace.json: ${why}`)
  }
  const parsed = header.safeParse(value)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!
    return fail(`${issue.path.join('.')}: ${issue.message}`)
  }
  const head = parsed.data
  if (head.predictions.length !== head.items) fail(`${head.predictions.length} predictions for ${head.items} items`)
  if (head.labels !== null && head.labels.length !== head.items)
    fail(`${head.labels.length} labels for ${head.items} items`)
  for (const key of ['name', 'entry'] as const) {
    const twice = head.tensors.map((t) => t[key]).find((text, i, all) => all.indexOf(text) !== i)
    if (twice !== undefined) fail(`tensor ${key} "${twice}" is there twice`)
  }
  const known = new Set(['trace.json', ...head.tensors.map((tensor) => tensor.entry)])
  const extra = archive.names.find((name) => !known.has(name))
  if (extra !== undefined) throw new SpecError(`${file}: ${extra}: not named in trace.json`)
  return head
}

function parseJson(bytes: Uint8Array, file: string): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    throw new SpecError(`${file}: trace.json is not JSON`)
  }
}

/** Element type of the array, range of the codes and of the zero point. */
const forms = {
  unsigned: { type: Uint8Array, low: 0, high: 255, zeroLow: 0, zeroHigh: 255 },
  'twos-complement': { type: Int8Array, low: -128, high: 127, zeroLow: -128, zeroHigh: 127 },
  split: { type: Int16Array, low: -255, high: 255, zeroLow: 0, zeroHigh: 0 },
} as const

function readTensor(
  archive: ZipArchive,
  tensor: Header['tensors'][number],
  items: number,
  file: string,
): { readonly tensor: CodedTensor; readonly bytes: Uint8Array } {
  const what = `${file}: ${tensor.entry}`
  const form = forms[tensor.form]
  const shape = [items, ...tensor.shape]
  const { most } = npyBytes(shape, form.type.BYTES_PER_ELEMENT)
  const bytes = archive.read(tensor.entry, most)
  const array = readNpy(bytes, what)
  if (array.shape.join() !== shape.join())
    throw new SpecError(`${what}: shape [${array.shape}]; trace.json says [${shape}]`)
  if (!(array.data instanceof form.type))
    throw new SpecError(`${what}: element type ${array.dtype} does not fit form ${tensor.form}`)
  if (tensor.zero_point < form.zeroLow || tensor.zero_point > form.zeroHigh)
    throw new SpecError(`${what}: zero point ${tensor.zero_point} does not fit form ${tensor.form}`)
  const codes = array.data as NpyData as CodedTensor['codes']
  for (let i = 0; i < codes.length; i++) {
    if (codes[i]! < form.low || codes[i]! > form.high)
      throw new SpecError(`${what}: code ${codes[i]} at ${i}; expected ${form.low} … ${form.high}`)
  }
  return {
    tensor: { form: tensor.form, shape: tensor.shape, codes, scale: tensor.scale, zeroPoint: tensor.zero_point },
    bytes,
  }
}
