// Arrays of which a part is read at a time: .npy files, raw bytes, and the arrays of an .npz archive (packed ones and column-major ones
// are read at once).
import { SpecError } from '../../models/base/errors.js'
import {
  checkNpyBody,
  elementBytes,
  elementsOf,
  type NpyData,
  type NpyType,
  npyHeadBytes,
  readNpy,
  readNpyHead,
} from '../store/npy.js'
import type { ByteSource } from '../store/source.js'
import { zipOf } from '../store/zip.js'

export interface ArraySource {
  /** file (and array), for messages */
  readonly name: string
  readonly dtype: NpyType
  readonly shape: readonly number[]
  /** elements, row-major */
  read(from: number, count: number): NpyData
}

/** bytes that an .npz with inputs may unpack to, and a column-major array may have */
const largestInMemory = 2 ** 32

export const sizeOf = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1)

export function npyArray(source: ByteSource): ArraySource {
  const head = readNpyHead(source.read(0, Math.min(source.length, npyHeadBytes)), source.name)
  checkNpyBody(head, source.length - head.start, source.name)
  if (head.fortran && head.shape.length > 1) {
    if (source.length > largestInMemory)
      throw new SpecError(`${source.name}: column-major and larger than 4 GiB; store it with numpy.ascontiguousarray`)
    const { dtype, shape, data } = readNpy(source.read(0, source.length), source.name)
    return { name: source.name, dtype, shape, read: (from, count) => data.slice(from, from + count) as NpyData }
  }
  return rawArray(source, head.dtype, head.shape, head.start)
}

/** @param start of the elements; @throws SpecError unless the elements fill the rest exactly */
export function rawArray(source: ByteSource, dtype: NpyType, shape: readonly number[], start = 0): ArraySource {
  const width = elementBytes(dtype)
  const needed = sizeOf(shape) * width
  if (!Number.isSafeInteger(needed) || source.length - start !== needed)
    throw new SpecError(
      `${source.name}: shape [${shape.join(', ')}] of ${dtype} needs ${needed} bytes, the file holds ${source.length - start}`,
    )
  return {
    name: source.name,
    dtype,
    shape,
    read: (from, count) => elementsOf(dtype, source.read(start + from * width, count * width)),
  }
}

/** The arrays of an archive by name, opened when they are asked for. */
export function npzArrays(source: ByteSource): { readonly names: readonly string[]; open(name: string): ArraySource } {
  const archive = zipOf(source)
  const entries = new Map(archive.names.map((entry) => [entry.replace(/\.npy$/, ''), entry]))
  let left = largestInMemory
  return {
    names: [...entries.keys()],
    open(name) {
      const entry = entries.get(name)!
      const stored = archive.stored(entry)
      if (stored !== null) return npyArray(stored)
      const bytes = archive.read(entry, left)
      left -= archive.sizeOf(entry)
      const { dtype, shape, data } = readNpy(bytes, `${source.name}: ${entry}`)
      return {
        name: `${source.name}: ${entry}`,
        dtype,
        shape,
        read: (from, count) => data.slice(from, from + count) as NpyData,
      }
    },
  }
}
