// trace.json as untrusted text → head and items, and where the codes of one item stand among those of all.
import { z } from 'zod'
import { SpecError } from '../../models/base/errors.js'
import type { CodedTensor } from '../../models/nn/types.js'
import { traceVersion } from '../record/header.js'
import type { ItemFacts, TraceHead } from '../record/trace.js'
import type { NpyType } from './npy.js'

const size = z
  .int()
  .min(0)
  .max(2 ** 31)
const output = z
  .int()
  .min(0)
  .max(2 ** 31 - 1)
const hash = z.string().regex(/^[0-9a-f]{64}$/)
const longestName = 4096
/** bytes of trace.json: about 250 an item */
export const largestText = 2 ** 28

const schema = z.strictObject({
  schema_version: z.literal(traceVersion),
  model_sha256: hash,
  settings: z.strictObject({
    signed: z.enum(['offset', 'twos-complement', 'split']),
    calibration: z.enum(['min-max', 'percentile', 'mse']),
    percentile: z.number(),
  }),
  tensors: z
    .array(
      z.strictObject({
        name: z.string().max(longestName),
        key: z.string().regex(/^tensor-\d{3,6}$/),
        form: z.enum(['unsigned', 'twos-complement', 'split']),
        shape: z.array(size).max(16),
        scale: z.number().positive(),
        zero_point: z.int().min(-255).max(255),
      }),
    )
    .max(65_000),
  products: z.array(
    z.strictObject({
      name: z.string().max(longestName),
      op: z.string().max(longestName),
      shapes: z.tuple([z.array(size).max(16), z.array(size).max(16), z.array(size).max(16)]),
      macs: z.int().min(0),
    }),
  ),
  items: z
    .array(
      z.strictObject({
        prediction: output,
        labels: z.array(output).max(100_000).nullable(),
        codes_sha256: hash,
        inputs_sha256: hash.nullable(),
      }),
    )
    .min(1)
    .max(1_000_000),
})

/** How the codes of a form are stored: element type, range of the codes and of the zero point. */
export const forms = {
  unsigned: { dtype: 'uint8', bytes: 1, low: 0, high: 255, zeroLow: 0, zeroHigh: 255 },
  'twos-complement': { dtype: 'int8', bytes: 1, low: -128, high: 127, zeroLow: -128, zeroHigh: 127 },
  split: { dtype: 'int16', bytes: 2, low: -255, high: 255, zeroLow: 0, zeroHigh: 0 },
} as const satisfies Record<CodedTensor['form'], { dtype: NpyType; [key: string]: unknown }>

/** One tensor as files have it. */
export interface StoredTensor {
  readonly name: string
  readonly key: string
  readonly dtype: 'uint8' | 'int8' | 'int16'
  /** items first */
  readonly shape: readonly number[]
  /** of one item */
  readonly itemBytes: number
}

export interface ParsedHead {
  readonly head: TraceHead
  readonly items: readonly ItemFacts[]
  readonly tensors: readonly StoredTensor[]
}

/** @param what file and entry, for messages; @throws SpecError naming what does not fit */
export function parseHead(text: Uint8Array, what: string): ParsedHead {
  const fail = (why: string): never => {
    throw new SpecError(`${what}: ${why}`)
  }
  const parsed = schema.safeParse(parseJson(text, what))
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!
    return fail(`${issue.path.join('.')}: ${issue.message}; record the trace again if it is from another version`)
  }
  const { data } = parsed
  for (const field of ['name', 'key'] as const) {
    const all = data.tensors.map((tensor) => tensor[field])
    const twice = new Set(all).size < all.length ? all.find((entry, i) => all.indexOf(entry) !== i) : undefined
    if (twice !== undefined) fail(`tensor ${field} "${twice}" is there twice`)
  }
  for (const [i, tensor] of data.tensors.entries()) {
    const { zeroLow, zeroHigh } = forms[tensor.form]
    if (tensor.zero_point < zeroLow || tensor.zero_point > zeroHigh)
      fail(`tensors.${i}.zero_point: ${tensor.zero_point} does not fit form ${tensor.form}`)
    if (!Number.isSafeInteger(tensor.shape.reduce((a, b) => a * b, data.items.length * 2)))
      fail(`tensors.${i}.shape: [${tensor.shape}] is too large`)
  }
  const head: TraceHead = {
    modelSha256: data.model_sha256,
    items: data.items.length,
    tensors: new Map(
      data.tensors.map(({ name, form, shape, scale, zero_point }) => [
        name,
        { form, shape, scale, zeroPoint: zero_point },
      ]),
    ),
    products: data.products,
    settings: data.settings,
  }
  const items = data.items.map(({ prediction, labels, codes_sha256, inputs_sha256 }) => ({
    prediction,
    labels,
    codesSha256: codes_sha256,
    inputsSha256: inputs_sha256,
  }))
  return { head, items, tensors: storedTensors(head, (i) => data.tensors[i]!.key) }
}

export function storedTensors(head: TraceHead, key: (position: number) => string): StoredTensor[] {
  return [...head.tensors].map(([name, tensor], i) => ({
    name,
    key: key(i),
    dtype: forms[tensor.form].dtype,
    shape: [head.items, ...tensor.shape],
    itemBytes: tensor.shape.reduce((a, b) => a * b, forms[tensor.form].bytes),
  }))
}

function parseJson(bytes: Uint8Array, what: string): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    throw new SpecError(`${what} is not JSON`)
  }
}
