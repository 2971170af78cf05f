// NumPy's .npy arrays, read from untrusted bytes and written deterministically (format version 1.0; NEP 1).
import { SpecError } from '../../models/base/errors.js'

export type NpyData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array

export interface NpyArray {
  readonly dtype: NpyType
  readonly shape: readonly number[]
  readonly data: NpyData
}

export const npyTypes = ['float32', 'float64', 'int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'int64'] as const

const types = {
  float32: { code: '<f4', bytes: 4, make: (b: ArrayBuffer) => new Float32Array(b) },
  float64: { code: '<f8', bytes: 8, make: (b: ArrayBuffer) => new Float64Array(b) },
  int8: { code: '|i1', bytes: 1, make: (b: ArrayBuffer) => new Int8Array(b) },
  uint8: { code: '|u1', bytes: 1, make: (b: ArrayBuffer) => new Uint8Array(b) },
  int16: { code: '<i2', bytes: 2, make: (b: ArrayBuffer) => new Int16Array(b) },
  uint16: { code: '<u2', bytes: 2, make: (b: ArrayBuffer) => new Uint16Array(b) },
  int32: { code: '<i4', bytes: 4, make: (b: ArrayBuffer) => new Int32Array(b) },
  uint32: { code: '<u4', bytes: 4, make: (b: ArrayBuffer) => new Uint32Array(b) },
  int64: { code: '<i8', bytes: 8, make: (b: ArrayBuffer) => new BigInt64Array(b) },
} as const

export type NpyType = keyof typeof types

/** bytes; NumPy itself refuses longer ones */
const longestHeader = 10_000

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]

/** bytes from the beginning of a file that hold any header */
export const npyHeadBytes = longestHeader + 12

export interface NpyHead {
  readonly dtype: NpyType
  readonly shape: readonly number[]
  /** column-major */
  readonly fortran: boolean
  /** bytes before the data */
  readonly start: number
  /** bytes of the data */
  readonly bytes: number
}

export function elementBytes(dtype: NpyType): number {
  return types[dtype].bytes
}

/**
 * Elements out of little-endian bytes, in memory of their own: typed arrays need alignment, and the file can be let go. Bytes that fill their
 * buffer have such memory already.
 */
export function elementsOf(dtype: NpyType, bytes: Uint8Array): NpyData {
  const { buffer } = bytes
  const own = buffer instanceof ArrayBuffer && buffer.byteLength === bytes.length
  return types[dtype].make(own ? buffer : new Uint8Array(bytes).buffer)
}

/**
 * @param bytes the beginning of a file, at least `npyHeadBytes` of it or all
 * @param what file (and entry), for messages
 * @throws SpecError when it is not the header of a plain array
 */
export function readNpyHead(bytes: Uint8Array, what: string): NpyHead {
  const fail = (why: string): never => {
    throw new SpecError(`${what}: ${why}; expected a NumPy .npy array`)
  }
  if (bytes.length < 10 || magic.some((byte, i) => bytes[i] !== byte)) fail('not a .npy file')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes[6]! < 1 || bytes[6]! > 3) fail(`format version ${bytes[6]} is not known`)
  const start = bytes[6]! >= 2 ? 12 : 10
  if (bytes.length < start) fail('cut off in its header')
  const headerLength = start === 12 ? view.getUint32(8, true) : view.getUint16(8, true)
  if (headerLength > longestHeader) fail(`header of ${headerLength} bytes`)
  if (start + headerLength > bytes.length) fail('cut off in its header')
  const header = new TextDecoder('latin1').decode(bytes.subarray(start, start + headerLength))
  const descr = /'descr':\s*'([^']*)'/.exec(header)?.[1] ?? fail('its header names no plain element type')
  const fortran = (/'fortran_order':\s*(True|False)/.exec(header)?.[1] ?? fail('its header names no order')) === 'True'
  const shapeText = /'shape':\s*\(([^)]*)\)/.exec(header)?.[1] ?? fail('its header names no shape')
  const sizes = shapeText.split(',').map((part) => part.trim())
  if (sizes.at(-1) === '') sizes.pop()
  if (sizes.length > 32 || !sizes.every((part) => /^\d{1,15}$/.test(part)))
    fail(`shape (${shapeText}) is not a list of sizes`)
  const shape = sizes.map(Number)
  const dtype = (Object.keys(types) as NpyType[]).find(
    (name) => types[name].code === descr || (types[name].bytes === 1 && types[name].code.slice(1) === descr.slice(1)),
  )
  if (dtype === undefined) {
    const known = Object.values(types).map((type) => type.code)
    return fail(`element type ${descr} is not supported (${known.join(', ')}); convert it with numpy's astype`)
  }
  const needed = shape.reduce((a, b) => a * b, types[dtype].bytes)
  return { dtype, shape, fortran, start: start + headerLength, bytes: needed }
}

/** @throws SpecError unless the data fill exactly what the shape needs */
export function checkNpyBody(head: NpyHead, given: number, what: string): void {
  if (given !== head.bytes)
    throw new SpecError(
      `${what}: shape (${head.shape.join(', ')}) of ${head.dtype} needs ${head.bytes} bytes, the file holds ${given}; expected a NumPy .npy array`,
    )
}

/** @param what file (and entry), for messages; @throws SpecError for anything that is not a plain array whose data fit its shape */
export function readNpy(bytes: Uint8Array, what: string): NpyArray {
  const head = readNpyHead(bytes, what)
  const body = bytes.subarray(head.start)
  checkNpyBody(head, body.length, what)
  const data = elementsOf(head.dtype, body)
  return {
    dtype: head.dtype,
    shape: head.shape,
    data: head.fortran && head.shape.length > 1 ? rowMajor(data, head.shape) : data,
  }
}

/** Column-major data in row-major order. */
function rowMajor(data: NpyData, shape: readonly number[]): NpyData {
  const out = data.slice() as NpyData
  const strides = shape.map((_, d) => shape.slice(0, d).reduce((a, b) => a * b, 1))
  const at = shape.map(() => 0)
  for (let i = 0; i < data.length; i++) {
    out[i] = data[at.reduce((sum, x, d) => sum + x * strides[d]!, 0)]!
    for (let d = shape.length - 1; d >= 0 && ++at[d]! === shape[d]; d--) at[d] = 0
  }
  return out
}

export function writeNpy(array: { readonly shape: readonly number[]; readonly data: NpyData }): Uint8Array {
  const head = npyHeader(npyTypeOf(array.data), array.shape)
  const body = new Uint8Array(array.data.buffer, array.data.byteOffset, array.data.byteLength)
  const bytes = new Uint8Array(head.length + body.length)
  bytes.set(head)
  bytes.set(body, head.length)
  return bytes
}

export function npyTypeOf(data: NpyData): NpyType {
  return npyTypes.find((name) => types[name].make(new ArrayBuffer(0)).constructor === data.constructor)!
}

/** The bytes in front of row-major data. */
export function npyHeader(dtype: NpyType, shape: readonly number[]): Uint8Array {
  const list = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`
  const text = `{'descr': '${types[dtype].code}', 'fortran_order': False, 'shape': ${list}, }`
  const padded = `${text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11)}\n`
  const bytes = new Uint8Array(10 + padded.length)
  bytes.set([...magic, 1, 0, padded.length & 255, padded.length >> 8])
  bytes.set(new TextEncoder().encode(padded), 10)
  return bytes
}
