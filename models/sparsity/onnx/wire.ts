// Where the tensors of an ONNX file lie in its bytes: a walk over the protobuf wire format (tag = field number · 8 + wire type; varints of
// seven bits a byte; wire types 0 varint, 1 eight bytes, 2 length and bytes, 5 four bytes). Field numbers: models/nn/proto/onnx-subset.proto.
import { ModelError } from '../../base/errors.js'

/** Half-open range of bytes. */
export interface Span {
  readonly start: number
  readonly end: number
}

export interface Field {
  readonly number: number
  readonly wire: number
  /** its value, without tag and length */
  readonly span: Span
}

/** @throws ModelError when the bytes end inside a field */
export function* fieldsOf(bytes: Uint8Array, span: Span, file: string): Generator<Field> {
  let at = span.start
  while (at < span.end) {
    const tag = varint(bytes, at, span.end, file)
    const wire = tag.value % 8
    let { next } = tag
    let end = next
    if (wire === 0) end = varint(bytes, next, span.end, file).next
    else if (wire === 1) end = next + 8
    else if (wire === 5) end = next + 4
    else if (wire === 2) {
      const length = varint(bytes, next, span.end, file)
      next = length.next
      end = next + length.value
    } else throw new ModelError(`${file}: wire type ${wire} at byte ${at}; expected an ONNX model`)
    if (end > span.end)
      throw new ModelError(`${file}: a field at byte ${at} ends beyond byte ${span.end}; the file is cut off`)
    yield { number: Math.floor(tag.value / 8), wire, span: { start: next, end } }
    at = end
  }
}

/** Value (exact below 2^53) and the byte behind it. */
export function varint(bytes: Uint8Array, at: number, end: number, file: string): { value: number; next: number } {
  let value = 0
  for (let i = 0; i < 10 && at + i < end; i++) {
    const byte = bytes[at + i]!
    value += (byte & 127) * 2 ** (7 * i)
    if (byte < 128) return { value, next: at + i + 1 }
  }
  throw new ModelError(`${file}: no number at byte ${at}; the file is cut off or no ONNX model`)
}

const model = { graph: 7 }
const graph = { node: 1, initializer: 5 }
const node = { output: 2, opType: 4, attribute: 5 }
const attribute = { name: 1, tensor: 5 }
const tensorName = 8

export interface TensorSpans {
  /** initializers by name */
  readonly initializers: ReadonlyMap<string, Span>
  /** attribute `value` of Constant nodes, by the name of their output */
  readonly constants: ReadonlyMap<string, Span>
}

export function locateTensors(bytes: Uint8Array, file: string): TensorSpans {
  const text = new TextDecoder()
  const initializers = new Map<string, Span>()
  const constants = new Map<string, Span>()
  const inside = (span: Span) => fieldsOf(bytes, span, file)
  const textOf = (span: Span, number: number) => {
    let found = ''
    for (const field of inside(span))
      if (field.number === number && field.wire === 2)
        found = text.decode(bytes.subarray(field.span.start, field.span.end))
    return found
  }
  const constantOf = (span: Span) => {
    for (const field of inside(span)) {
      if (field.number !== node.attribute || textOf(field.span, attribute.name) !== 'value') continue
      for (const part of inside(field.span))
        if (part.number === attribute.tensor) constants.set(textOf(span, node.output), part.span)
    }
  }
  for (const top of inside({ start: 0, end: bytes.length })) {
    if (top.number !== model.graph || top.wire !== 2) continue
    for (const field of inside(top.span)) {
      if (field.number === graph.initializer) initializers.set(textOf(field.span, tensorName), field.span)
      else if (field.number === graph.node && textOf(field.span, node.opType) === 'Constant') constantOf(field.span)
    }
  }
  return { initializers, constants }
}
