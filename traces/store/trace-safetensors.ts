// A trace as .safetensors: 8 bytes length of the header, a JSON header padded with spaces, then the tensors without a gap
// (huggingface/safetensors, README "Format"). The tensors have the names of the graph; trace.json stands as text in __metadata__.
import { z } from 'zod'
import { SpecError } from '../../models/base/errors.js'
import type { ByteSource } from './source.js'
import type { TraceFormat } from './trace-container.js'
import { largestText, type StoredTensor } from './trace-schema.js'

const dtypes = { uint8: 'U8', int8: 'I8', int16: 'I16' } as const
const metadata = '__metadata__'
/** bytes of the header; it holds trace.json as a JSON string */
const largestHeader = 2 * largestText

const offset = z.int().min(0)
const entry = z.strictObject({
  dtype: z.string().max(16),
  shape: z.array(offset).max(32),
  data_offsets: z.tuple([offset, offset]),
})
const texts = z.looseObject({ trace: z.string() })

type Entry = z.infer<typeof entry>

export const safetensors: TraceFormat = {
  name: 'safetensors',
  extension: '.safetensors',
  doc: 'safetensors: safe_open(FILE, framework="np").get_tensor(NAME)',
  recognises: (bytes) => bytes.length > 8 && bytes[8] === 0x7b,
  open(source) {
    const { header, start } = readHeader(source)
    const entries = new Map<string, Entry>()
    for (const [name, value] of Object.entries(header)) {
      if (name === metadata) continue
      const parsed = entry.safeParse(value)
      if (!parsed.success)
        throw new SpecError(`${source.name}: header: tensor "${name}" is not described as it must be`)
      entries.set(name, parsed.data)
    }
    const text = texts.safeParse(header[metadata])
    if (!text.success)
      throw new SpecError(
        `${source.name}: its header holds no trace in ${metadata}; expected a trace written by "cimulator record"`,
      )
    return {
      text: new TextEncoder().encode(text.data.trace),
      textName: `${source.name}: ${metadata}.trace`,
      codes(tensor) {
        const found = entries.get(tensor.name)
        const what = `${source.name}: tensor "${tensor.name}"`
        if (found === undefined) throw new SpecError(`${what}: missing from the file`)
        return codesOf(source, start, found, tensor, what)
      },
      checkComplete(tensors) {
        const known = new Set(tensors.map((tensor) => tensor.name))
        const extra = [...entries.keys()].find((name) => !known.has(name))
        if (extra !== undefined) throw new SpecError(`${source.name}: tensor "${extra}": not named in the trace`)
      },
    }
  },
  layout(tensors, longestText) {
    // Two-byte tensors first, so that every tensor is aligned to its elements.
    const order = [...tensors.keys()].sort((a, b) => width(tensors[b]!) - width(tensors[a]!) || a - b)
    const offsets = new Array<number>(tensors.length).fill(0)
    let end = 0
    for (const i of order) {
      offsets[i] = end
      end += tensors[i]!.itemBytes * tensors[i]!.shape[0]!
    }
    const headerOf = (text: string) =>
      new TextEncoder().encode(
        JSON.stringify({
          [metadata]: { format: 'cimulator trace', trace: text },
          ...Object.fromEntries(order.map((i) => [tensors[i]!.name, described(tensors[i]!, offsets[i]!)])),
        }),
      )
    if (tensors.some((tensor) => tensor.name === metadata))
      throw new SpecError(`a tensor of the name ${metadata} cannot stand in a .safetensors file; write .npz`)
    const start = 8 + Math.ceil(headerOf(longestText()).length / 8) * 8
    return {
      starts: offsets.map((at) => start + at),
      prefixes: tensors.map(() => new Uint8Array(0)),
      finish(text) {
        const bytes = new Uint8Array(start).fill(0x20)
        new DataView(bytes.buffer).setBigUint64(0, BigInt(start - 8), true)
        bytes.set(headerOf(text), 8)
        return [{ at: 0, bytes }]
      },
    }
  },
}

const width = (tensor: StoredTensor) => (tensor.dtype === 'int16' ? 2 : 1)

function described(tensor: StoredTensor, at: number): Entry {
  return {
    dtype: dtypes[tensor.dtype],
    shape: [...tensor.shape],
    data_offsets: [at, at + tensor.itemBytes * tensor.shape[0]!],
  }
}

function readHeader(source: ByteSource): { header: Record<string, unknown>; start: number } {
  const fail = (why: string): never => {
    throw new SpecError(`${source.name}: not a readable .safetensors file (${why})`)
  }
  if (source.length < 8) fail('cut off')
  const length = Number(new DataView(source.read(0, 8).slice().buffer).getBigUint64(0, true))
  if (length > largestHeader) fail(`a header of ${length} bytes`)
  if (8 + length > source.length) fail('cut off in its header')
  let header: unknown
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(source.read(8, length)))
  } catch {
    return fail('its header is not JSON')
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header)) return fail('its header is no map')
  return { header: header as Record<string, unknown>, start: 8 + length }
}

function codesOf(source: ByteSource, start: number, found: Entry, tensor: StoredTensor, what: string): ByteSource {
  const [begin, end] = found.data_offsets
  if (found.dtype !== dtypes[tensor.dtype] || found.shape.join() !== tensor.shape.join())
    throw new SpecError(
      `${what}: ${found.dtype} [${found.shape}]; the trace says ${dtypes[tensor.dtype]} [${tensor.shape}]`,
    )
  const bytes = tensor.itemBytes * tensor.shape[0]!
  if (end - begin !== bytes) throw new SpecError(`${what}: ${end - begin} bytes for a shape that needs ${bytes}`)
  if (start + end > source.length) throw new SpecError(`${what}: cut off`)
  return {
    name: what,
    length: bytes,
    read: (at, count, into) => source.read(start + begin + at, count, into),
    close() {},
  }
}
