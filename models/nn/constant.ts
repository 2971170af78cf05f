// Constant tensors: what initializers hold and what constant folding computes.
import { ModelError } from '../base/errors.js'
import { toBigInt, toInteger } from './int64.js'
import { onnx } from './proto/onnx.js'

/** float32 and shorter → Float32Array; float64, uint32 → Float64Array; int64, uint64 → BigInt64Array; other integers, bool → Int32Array */
export type Values = Float32Array | Float64Array | Int32Array | BigInt64Array

/** The integers behind a dequantised constant: value = scale · (code − zeroPoint). */
export interface Grid {
  /** same shape as the constant */
  readonly codes: Int16Array
  /** one entry, or one per index of `axis` */
  readonly scale: Float64Array
  readonly zeroPoint: Int32Array
  /** dimension that scale and zeroPoint run along; null when they have one entry */
  readonly axis: number | null
}

export interface Constant {
  readonly dims: readonly number[]
  /** ONNX element type, lower case: float, int8, int64 … */
  readonly dtype: string
  /** row-major */
  readonly values: Values
  /** set when the constant came out of DequantizeLinear on 8-bit (or shorter) integers and was only moved since */
  readonly grid: Grid | null
  /** reads the values again, where they are large and stand in the model's file as they are */
  readonly stored?: () => Float32Array
}

const types = onnx.TensorProto.DataType
type Tensor = onnx.TensorProto.$Properties

/** Dimensions of a tensor; NumPy and the runtimes stop earlier. */
export const mostDimensions = 64

/** Number of elements of a shape; exact or refused. */
export function elements(dims: readonly number[], what: string): number {
  if (dims.length > mostDimensions)
    throw new ModelError(`${what}: ${dims.length} dimensions; expected at most ${mostDimensions}`)
  let count = 1
  for (const dim of dims) {
    if (!Number.isSafeInteger(dim) || dim < 0) throw new ModelError(`${what}: dimension ${dim} is not a size`)
    count *= dim
    if (count > 2 ** 31) throw new ModelError(`${what}: shape [${dims.join(', ')}] has more than 2^31 elements`)
  }
  return count
}

/** Elements that an operator may make out of fewer: only the file's own tensors may be larger. */
const mostMade = 2 ** 26

/**
 * Number of elements of a shape that an operator makes.
 * @param given elements that it makes them of
 */
export function madeElements(dims: readonly number[], given: number, what: string): number {
  const count = elements(dims, what)
  if (count > given && count > mostMade)
    throw new ModelError(`${what}: makes a constant of shape [${dims.join(', ')}]; expected at most 2^26 elements`)
  return count
}

/** Name of an ONNX element type in lower case, or "type 99". */
export function typeName(type: number | null | undefined): string {
  return types[type ?? 0]?.toLowerCase() ?? `type ${type}`
}

/** Its data lie in another file. */
export function isExternal(tensor: Tensor): boolean {
  return tensor.data_location === onnx.TensorProto.DataLocation.EXTERNAL || (tensor.external_data?.length ?? 0) > 0
}

/**
 * Decodes a tensor. Sizes are compared with the data before anything is allocated.
 * @param what file and tensor, for messages
 * @param external gives the bytes of a tensor whose data lie in another file; null: it has its own
 * @throws ModelError for sizes that do not fit the data and element types that cannot be read
 */
export function readTensor(
  tensor: Tensor,
  what: string,
  external: (() => Uint8Array<ArrayBuffer>) | null = null,
): Constant {
  const dims = (tensor.dims ?? []).map((dim) => toInteger(dim, `${what}: dimension`))
  const count = elements(dims, what)
  if (external === null && isExternal(tensor)) {
    throw new ModelError(
      `${what}: its data lie in another file (external data), which is read for initializers alone; save the model with all weights inside`,
    )
  }
  const own = tensor.raw_data != null && tensor.raw_data.length > 0 ? tensor.raw_data : null
  const raw = external?.() ?? own
  const values = raw === null ? readFields(tensor, count, what) : readRaw(tensor.data_type ?? 0, raw, count, what)
  return { dims, dtype: typeName(tensor.data_type), values, grid: null }
}

/** Bits of an element in raw and external data, by element type. */
export const rawBits: Readonly<Record<number, number>> = {
  [types.FLOAT]: 32,
  [types.DOUBLE]: 64,
  [types.FLOAT16]: 16,
  [types.BFLOAT16]: 16,
  [types.UINT8]: 8,
  [types.INT8]: 8,
  [types.BOOL]: 8,
  [types.UINT16]: 16,
  [types.INT16]: 16,
  [types.INT32]: 32,
  [types.UINT32]: 32,
  [types.INT64]: 64,
  [types.UINT4]: 4,
  [types.INT4]: 4,
}

function readRaw(type: number, raw: Uint8Array, count: number, what: string): Values {
  const bits = rawBits[type]
  if (bits === undefined) throw new ModelError(`${what}: element type ${typeName(type)} is not supported`)
  const expected = Math.ceil((count * bits) / 8)
  if (raw.length !== expected) {
    throw new ModelError(`${what}: expected ${expected} bytes of ${typeName(type)} data, got ${raw.length}`)
  }
  // The bytes of a file start at any address, typed arrays need theirs aligned: bytes that own their buffer are taken as they are.
  const whole = raw.byteOffset === 0 && raw.buffer.byteLength === raw.length && raw.buffer instanceof ArrayBuffer
  const buffer = whole ? (raw.buffer as ArrayBuffer) : new Uint8Array(raw).buffer
  return convertRaw(type, buffer, count)
}

function convertRaw(type: number, buffer: ArrayBuffer, count: number): Values {
  switch (type) {
    case types.FLOAT:
      return new Float32Array(buffer)
    case types.DOUBLE:
      return new Float64Array(buffer)
    case types.FLOAT16:
      return Float32Array.from(new Uint16Array(buffer), halfToNumber)
    case types.BFLOAT16:
      return Float32Array.from(new Uint16Array(buffer), bfloat16ToNumber)
    case types.UINT8:
    case types.BOOL:
      return Int32Array.from(new Uint8Array(buffer))
    case types.INT8:
      return Int32Array.from(new Int8Array(buffer))
    case types.UINT16:
      return Int32Array.from(new Uint16Array(buffer))
    case types.INT16:
      return Int32Array.from(new Int16Array(buffer))
    case types.UINT32:
      return Float64Array.from(new Uint32Array(buffer))
    case types.INT64:
      return new BigInt64Array(buffer)
    case types.UINT4:
    case types.INT4:
      return nibbles(new Uint8Array(buffer), count, type === types.INT4)
    default:
      return new Int32Array(buffer)
  }
}

/** 4-bit integers lie two in a byte, the first in the low half. */
function nibbles(bytes: Uint8Array, count: number, signed: boolean): Int32Array {
  const out = new Int32Array(count)
  for (let i = 0; i < count; i++) {
    const code = (bytes[i >> 1]! >> (4 * (i & 1))) & 15
    out[i] = signed && code > 7 ? code - 16 : code
  }
  return out
}

function readFields(tensor: Tensor, count: number, what: string): Values {
  const type = tensor.data_type ?? 0
  const sized = <T>(data: readonly T[] | null | undefined): readonly T[] => {
    const got = data?.length ?? 0
    if (got !== count) throw new ModelError(`${what}: expected ${count} values of ${typeName(type)}, got ${got}`)
    return data ?? []
  }
  switch (type) {
    case types.FLOAT:
      return Float32Array.from(sized(tensor.float_data))
    case types.DOUBLE:
      return Float64Array.from(sized(tensor.double_data))
    case types.INT64:
      return BigInt64Array.from(sized(tensor.int64_data), toBigInt)
    case types.FLOAT16:
      return Float32Array.from(sized(tensor.int32_data), halfToNumber)
    case types.BFLOAT16:
      return Float32Array.from(sized(tensor.int32_data), bfloat16ToNumber)
    case types.UINT32:
      return Float64Array.from(sized(tensor.uint64_data), (v) => toInteger(v, what))
    case types.INT32:
    case types.INT16:
    case types.UINT16:
    case types.INT8:
    case types.UINT8:
    case types.BOOL:
      return Int32Array.from(sized(tensor.int32_data))
    case types.UINT4:
    case types.INT4:
      return packedNibbles(tensor, count, type === types.INT4, what)
    default:
      throw new ModelError(`${what}: element type ${typeName(type)} is not supported`)
  }
}

function packedNibbles(tensor: Tensor, count: number, signed: boolean, what: string): Int32Array {
  const bytes = Uint8Array.from(tensor.int32_data ?? [])
  const expected = Math.ceil(count / 2)
  if (bytes.length !== expected) throw new ModelError(`${what}: expected ${expected} bytes, got ${bytes.length}`)
  return nibbles(bytes, count, signed)
}

/** IEEE 754 binary16 to a number; exact. */
export function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 31
  const fraction = bits & 1023
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25)
}

const word = new Uint32Array(1)
const wordAsFloat = new Float32Array(word.buffer)

function bfloat16ToNumber(bits: number): number {
  word[0] = bits << 16
  return wordAsFloat[0]!
}

/** Values as numbers. @throws ModelError for a 64-bit integer beyond ±2^53 */
export function numbers(constant: Constant, what: string): Float64Array {
  const { values } = constant
  if (!(values instanceof BigInt64Array)) return Float64Array.from(values)
  return Float64Array.from(values, (value) => {
    const number = Number(value)
    if (!Number.isSafeInteger(number)) throw new ModelError(`${what}: ${value} is beyond ±2^53`)
    return number
  })
}
