// Large weights stay in their file: they are read when somebody asks for them, and forgotten when nobody uses them any more.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { ModelError } from '../base/errors.js'
import type { LayerWeights } from './types.js'

/** The file of a model that is being read. */
export interface ModelStorage {
  readonly path: string
  readonly bytes: Uint8Array
}

/** Bytes of weights from which on they are not kept. */
export const smallestStored = 2 ** 24

/** Bytes that one call of the operating system may read. */
const chunk = 2 ** 28

/**
 * Where bytes of the model stand in its file, as a function that reads them again.
 * @returns null when they are few, or stand elsewhere
 */
export function rereader(raw: Uint8Array | null, storage: ModelStorage | null): (() => Float32Array) | null {
  if (raw === null || storage === null || raw.length < smallestStored || raw.buffer !== storage.bytes.buffer)
    return null
  const { path, bytes } = storage
  const { length } = bytes
  const offset = raw.byteOffset - bytes.byteOffset
  const count = raw.length / 4
  return () => {
    const values = new Float32Array(count)
    readAt(path, length, offset, new Uint8Array(values.buffer))
    return values
  }
}

/** Weights of a layer behind a reader. One reading serves everybody who still has it. */
export function storedWeights(read: () => Float32Array): LayerWeights {
  let last: WeakRef<Float32Array> | null = null
  return {
    kind: 'float',
    get values() {
      const known = last?.deref()
      if (known !== undefined) return known
      const values = read()
      last = new WeakRef(values)
      return values
    },
  }
}

/** @throws ModelError when the file is gone or not what it was */
function readAt(path: string, size: number, offset: number, into: Uint8Array): void {
  let fd: number
  try {
    fd = openSync(path, 'r')
  } catch (cause) {
    throw new ModelError(`${path}: cannot read its weights again (${(cause as NodeJS.ErrnoException).code})`)
  }
  try {
    if (fstatSync(fd).size !== size) throw new ModelError(`${path}: changed while it was in use; start again`)
    for (let at = 0; at < into.length; ) {
      const got = readSync(fd, into, at, Math.min(chunk, into.length - at), offset + at)
      if (got === 0) throw new ModelError(`${path}: ended while it was read`)
      at += got
    }
  } finally {
    closeSync(fd)
  }
}
