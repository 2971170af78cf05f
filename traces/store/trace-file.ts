// The file of a recorded trace: an .npz archive with one array of codes per tensor and trace.json. Deterministic; read as untrusted.
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { SpecError } from '../../models/base/errors.js'
import type { CodedTensor } from '../../models/nn/types.js'
import type { RecordedTrace } from '../record/trace.js'
import { writeFileWhole } from './atomic.js'
import { type NpyData, readNpy, writeNpy } from './npy.js'
import { packZip, unpackZip } from './zip.js'

const size = z
  .int()
  .min(0)
  .max(2 ** 31)
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
      name: z.string(),
      entry: z.string(),
      form: z.enum(['unsigned', 'twos-complement', 'split']),
      shape: z.array(size).max(16),
      scale: z.number().positive(),
      zero_point: z.int().min(-255).max(255),
    }),
  ),
  products: z.array(
    z.strictObject({
      name: z.string(),
      op: z.string(),
      shapes: z.tuple([z.array(size), z.array(size), z.array(size)]),
      macs: z.number().min(0),
    }),
  ),
  predictions: z.array(z.int()),
  labels: z.array(z.int()).nullable(),
})

export interface StoredTrace {
  readonly trace: RecordedTrace
  readonly labels: Int32Array | null
  readonly sha256: string
}

export function encodeTrace(trace: RecordedTrace, labels: Int32Array | null): Uint8Array {
  const entries = new Map<string, Uint8Array>()
  const tensors = [...trace.tensors].map(([name, tensor], i) => {
    const entry = `tensor-${String(i).padStart(3, '0')}.npy`
    entries.set(entry, writeNpy({ shape: [trace.items, ...tensor.shape], data: tensor.codes }))
    return {
      name,
      entry,
      form: tensor.form,
      shape: [...tensor.shape],
      scale: tensor.scale,
      zero_point: tensor.zeroPoint,
    }
  })
  const text = JSON.stringify({
    schema_version: 1,
    model_sha256: trace.modelSha256,
    items: trace.items,
    settings: trace.settings,
    tensors,
    products: trace.products,
    predictions: Array.from(trace.predictions),
    labels: labels === null ? null : Array.from(labels),
  })
  return packZip(new Map([['trace.json', new TextEncoder().encode(text)], ...entries]))
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

export function decodeTrace(bytes: Uint8Array, file: string): StoredTrace {
  const entries = unpackZip(bytes, file)
  const text = entries.get('trace.json')
  if (text === undefined)
    throw new SpecError(`${file}: holds no trace.json; expected a trace written by "cimulator record"`)
  const parsed = header.safeParse(parseJson(text, file))
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!
    throw new SpecError(`${file}: trace.json: ${issue.path.join('.')}: ${issue.message}`)
  }
  const head = parsed.data
  if (head.predictions.length !== head.items || (head.labels !== null && head.labels.length !== head.items)) {
    throw new SpecError(`${file}: trace.json: predictions or labels do not match ${head.items} items`)
  }
  const tensors = new Map(head.tensors.map((tensor) => [tensor.name, readTensor(entries, tensor, head.items, file)]))
  const trace: RecordedTrace = {
    modelSha256: head.model_sha256,
    items: head.items,
    tensors,
    products: head.products,
    predictions: Int32Array.from(head.predictions),
    settings: head.settings,
  }
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  return { trace, labels: head.labels === null ? null : Int32Array.from(head.labels), sha256 }
}

function parseJson(bytes: Uint8Array, file: string): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes))
  } catch {
    throw new SpecError(`${file}: trace.json is not JSON`)
  }
}

const containers = { unsigned: Uint8Array, 'twos-complement': Int8Array, split: Int16Array } as const

function readTensor(
  entries: ReadonlyMap<string, Uint8Array>,
  tensor: z.infer<typeof header>['tensors'][number],
  items: number,
  file: string,
): CodedTensor {
  const what = `${file}: ${tensor.entry}`
  const bytes = entries.get(tensor.entry)
  if (bytes === undefined) throw new SpecError(`${what}: missing from the archive`)
  const array = readNpy(bytes, what)
  const shape = [items, ...tensor.shape]
  if (array.shape.join() !== shape.join())
    throw new SpecError(`${what}: shape [${array.shape}]; trace.json says [${shape}]`)
  if (!(array.data instanceof containers[tensor.form]))
    throw new SpecError(`${what}: element type ${array.dtype} does not fit form ${tensor.form}`)
  const low = tensor.form === 'split' ? array.data.findIndex((code: number) => code < -255 || code > 255) : -1
  if (low >= 0) throw new SpecError(`${what}: code out of −255 … 255 at ${low}`)
  return {
    form: tensor.form,
    shape: tensor.shape,
    codes: array.data as NpyData as CodedTensor['codes'],
    scale: tensor.scale,
    zeroPoint: tensor.zero_point,
  }
}
