// The elements of one tensor in the bytes of the file, to be overwritten in place: raw_data, or the typed fields float_data, int32_data and
// double_data, packed or not.
import { ModelError } from '../../base/errors.js'
import { fieldsOf, type Span, varint } from './wire.js'

/** Overwrites element i with an integer code (0 for floats). */
export type ElementWriter = (i: number, code: number) => void

const fields = { floatData: 4, int32Data: 5, rawData: 9, doubleData: 10 }

interface Storage {
  readonly rawBits: number
  /** typed field that holds the type where there are no raw data */
  readonly field: number
  /** bytes of an element of that field; 0: a varint */
  readonly width: number
}

const ofInt32 = (rawBits: number): Storage => ({ rawBits, field: fields.int32Data, width: 0 })

const storages: Readonly<Record<string, Storage>> = {
  float: { rawBits: 32, field: fields.floatData, width: 4 },
  double: { rawBits: 64, field: fields.doubleData, width: 8 },
  float16: ofInt32(16),
  bfloat16: ofInt32(16),
  int8: ofInt32(8),
  uint8: ofInt32(8),
  int4: ofInt32(4),
  uint4: ofInt32(4),
}

/**
 * @param dtype ONNX element type, lower case
 * @param count elements of the tensor
 * @param what file and tensor, for messages
 * @throws ModelError for types and layouts that cannot be overwritten in place
 */
export function elementWriter(
  bytes: Uint8Array,
  tensor: Span,
  dtype: string,
  count: number,
  what: string,
): ElementWriter {
  const storage = storages[dtype]
  if (storage === undefined)
    throw new ModelError(
      `${what}: weights of type ${dtype} cannot be pruned; expected ${Object.keys(storages).join(', ')}`,
    )
  const all = [...fieldsOf(bytes, tensor, what)]
  // A field that is given twice counts as the last one says.
  const raw = all.findLast((field) => field.number === fields.rawData && field.span.end > field.span.start)
  if (raw !== undefined) return rawWriter(bytes, raw.span, storage.rawBits, count, what)
  if (storage.rawBits === 4)
    throw new ModelError(
      `${what}: 4-bit weights outside raw_data cannot be overwritten in place; save the model with raw data`,
    )
  const spans = all
    .filter((field) => field.number === storage.field)
    .flatMap((field) => elementsOf(bytes, field.wire, field.span, storage.width, what))
  if (spans.length !== count) throw new ModelError(`${what}: expected ${count} values, found ${spans.length}`)
  if (storage.width > 0) return (i) => void bytes.fill(0, spans[i]!.start, spans[i]!.end)
  return (i, code) => overwriteVarint(bytes, spans[i]!, code, what)
}

function rawWriter(bytes: Uint8Array, span: Span, bits: number, count: number, what: string): ElementWriter {
  const expected = Math.ceil((count * bits) / 8)
  if (span.end - span.start !== expected)
    throw new ModelError(`${what}: expected ${expected} bytes, found ${span.end - span.start}`)
  if (bits === 4) {
    return (i, code) => {
      const at = span.start + (i >> 1)
      const shift = 4 * (i & 1)
      bytes[at] = (bytes[at]! & ~(15 << shift)) | ((code & 15) << shift)
    }
  }
  const width = bits / 8
  // Little-endian; only 8-bit codes are ever other than zero.
  return (i, code) => {
    const at = span.start + i * width
    bytes[at] = code & 255
    bytes.fill(0, at + 1, at + width)
  }
}

/** One element, or all of a packed field. */
function elementsOf(bytes: Uint8Array, wire: number, span: Span, width: number, what: string): Span[] {
  if (wire !== 2) return [span]
  const found: Span[] = []
  for (let at = span.start; at < span.end; ) {
    const next = width > 0 ? at + width : varint(bytes, at, span.end, what).next
    found.push({ start: at, end: next })
    at = next
  }
  return found
}

/** Same number of bytes, padded with empty continuation bytes where the number is shorter; every protobuf reader takes that. */
function overwriteVarint(bytes: Uint8Array, { start, end }: Span, code: number, what: string): void {
  let rest = BigInt.asUintN(64, BigInt(code))
  for (let at = start; at < end; at++) {
    bytes[at] = Number(rest & 127n) | (at < end - 1 ? 128 : 0)
    rest >>= 7n
  }
  if (rest !== 0n)
    throw new ModelError(
      `${what}: zero point ${code} needs more bytes than the weight it replaces; save the model with raw data`,
    )
}
