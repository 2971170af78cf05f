// External data of ONNX tensors: byte ranges of other files in the model's folder. Locations come from an untrusted file, so they may not
// leave that folder; all of them are checked when the model is read, their bytes only when somebody asks for them.
import { createHash } from 'node:crypto'
import { closeSync, openSync, readSync, realpathSync, statSync } from 'node:fs'
import { join, sep } from 'node:path'
import { ModelError } from '../base/errors.js'
import { bodiesOf } from './bodies.js'
import { isExternal, rawBits } from './constant.js'
import { toInteger } from './int64.js'
import type { onnx } from './proto/onnx.js'

type Tensor = onnx.TensorProto.$Properties

export interface ExternalData {
  /** names of the other files as the model gives them, sorted */
  readonly locations: readonly string[]
  /** The bytes of a tensor. @throws ModelError when the file cannot be read */
  read(tensor: Tensor, what: string): Uint8Array<ArrayBuffer>
}

/**
 * @param folder folder of the model; null: the model has none, and external data are refused
 * @throws ModelError for locations outside the folder, missing files and ranges that do not fit file or shape
 */
export function externalData(model: onnx.ModelProto.$Properties, folder: string | null, file: string): ExternalData {
  const tensors = model.graph == null ? [] : externalTensors(model.graph)
  const paths = new Map<string, { readonly path: string; readonly size: number }>()
  for (const tensor of tensors) {
    const what = `${file}: tensor "${tensor.name ?? ''}"`
    if (folder === null) throw new ModelError(`${what}: its data lie in another file, but the model is in no folder`)
    const location = entry(tensor, 'location') ?? ''
    if (!paths.has(location)) paths.set(location, locate(folder, location, what))
    rangeOf(tensor, paths.get(location)!.size, what)
  }
  return {
    locations: [...paths.keys()].sort(),
    read(tensor, what) {
      const known = paths.get(entry(tensor, 'location') ?? '')
      if (known === undefined) throw new ModelError(`${what}: external data are only read for tensors of the graph`)
      const { offset, length } = rangeOf(tensor, known.size, what)
      return readRange(known.path, offset, length, what)
    },
  }
}

/** Every tensor with external data, graphs inside nodes included. */
function externalTensors(graph: onnx.GraphProto.$Properties): Tensor[] {
  const own = (graph.initializer ?? []).filter(isExternal)
  const values = (graph.node ?? []).flatMap((node) => [
    ...(node.attribute ?? []).flatMap((attribute) =>
      attribute.t != null && isExternal(attribute.t) ? [attribute.t] : [],
    ),
    ...bodiesOf(node).flatMap(externalTensors),
  ])
  return [...own, ...values]
}

function entry(tensor: Tensor, key: string): string | undefined {
  return tensor.external_data?.find((pair) => pair.key === key)?.value ?? undefined
}

/** The file behind a location, links followed. */
function locate(folder: string, location: string, what: string) {
  const refuse = (why: string): never => {
    throw new ModelError(
      `${what}: its data are said to be in "${location}", ${why}; expected a file in the folder of the model`,
    )
  }
  if (location === '' || location.includes('\0')) refuse('which names no file')
  if (/^([/\\]|[A-Za-z]:)/.test(location)) refuse('an absolute path')
  if (location.split(/[/\\]/).includes('..')) refuse('a path that leaves the folder')
  try {
    const root = realpathSync(folder)
    const path = realpathSync(join(root, location))
    if (!path.startsWith(root.endsWith(sep) ? root : root + sep)) refuse('a link that leaves the folder')
    const stat = statSync(path)
    if (!stat.isFile()) refuse('which is no regular file')
    return { path, size: stat.size }
  } catch (cause) {
    if (cause instanceof ModelError) throw cause
    return refuse(`which cannot be read (${(cause as NodeJS.ErrnoException).code ?? String(cause)})`)
  }
}

/** Which bytes. Tensors that no layer reads may have types and sizes that could not be read; onnxruntime reads them itself. */
function rangeOf(tensor: Tensor, size: number, what: string): { readonly offset: number; readonly length: number } {
  const expected = bytesOf(tensor, what)
  const offset = number(tensor, 'offset', 0, what)
  const length = number(tensor, 'length', expected ?? Math.max(0, size - offset), what)
  if (expected !== null && length !== expected) {
    const dims = (tensor.dims ?? []).join(', ')
    throw new ModelError(`${what}: ${length} bytes of external data for shape [${dims}]; expected ${expected}`)
  }
  if (offset + length > size) {
    throw new ModelError(
      `${what}: bytes ${offset} … ${offset + length} of "${entry(tensor, 'location')}", which has ${size}; is the file cut off?`,
    )
  }
  return { offset, length }
}

/** Bytes that type and shape call for; null for a type of unknown size. */
function bytesOf(tensor: Tensor, what: string): number | null {
  const bits = rawBits[tensor.data_type ?? 0]
  if (bits === undefined) return null
  const bytes = (tensor.dims ?? []).reduce<number>((a, dim) => {
    const size = toInteger(dim, `${what}: dimension`)
    if (size < 0) throw new ModelError(`${what}: dimension ${size} is not a size`)
    return a * size
  }, bits / 8)
  if (bytes > Number.MAX_SAFE_INTEGER) throw new ModelError(`${what}: a shape of ${bytes} bytes`)
  return Math.ceil(bytes)
}

function number(tensor: Tensor, key: string, fallback: number, what: string): number {
  const text = entry(tensor, key)
  if (text === undefined) return fallback
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
  if (!Number.isSafeInteger(value))
    throw new ModelError(`${what}: ${key} "${text.slice(0, 40)}" of its external data; expected a size in bytes`)
  return value
}

/** Bytes that one call of the operating system may read. */
const chunk = 2 ** 28

function readRange(path: string, offset: number, length: number, what: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length)
  const fd = open(path, what)
  try {
    for (let at = 0; at < length; ) {
      const got = readSync(fd, bytes, at, Math.min(chunk, length - at), offset + at)
      if (got === 0) throw new ModelError(`${what}: "${path}" ended while it was read`)
      at += got
    }
  } finally {
    closeSync(fd)
  }
  return bytes
}

function open(path: string, what: string): number {
  try {
    return openSync(path, 'r')
  } catch (cause) {
    throw new ModelError(`${what}: cannot read "${path}" (${(cause as NodeJS.ErrnoException).code ?? String(cause)})`)
  }
}

/**
 * SHA-256 of the model: of its file, followed by the whole files of its external data in the order of their names
 * (`cat model.onnx data… | sha256sum`).
 */
export function modelSha256(bytes: Uint8Array, folder: string | null, locations: readonly string[]): string {
  const hash = createHash('sha256').update(bytes)
  const buffer = new Uint8Array(2 ** 24)
  for (const location of locations) {
    const { path } = locate(folder!, location, location)
    const fd = open(path, location)
    try {
      for (let got = readSync(fd, buffer); got > 0; got = readSync(fd, buffer)) hash.update(buffer.subarray(0, got))
    } finally {
      closeSync(fd)
    }
  }
  return hash.digest('hex')
}
