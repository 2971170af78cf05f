// A model file on disk: its bytes and the network in it.
import { readFileSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { ModelError, SpecError } from '../base/errors.js'
import { loadNetwork } from './network.js'
import type { Network } from './types.js'

export interface ModelFile {
  readonly network: Network
  /** of the .onnx file alone, in bytes */
  readonly length: number
  /** Reads the .onnx file again: large ones need not wait in memory. @throws ModelError when it is not the same any more */
  read(): Uint8Array
  /** where external data lie; null for a model that is not on disk */
  readonly folder: string | null
}

/** A protobuf message ends here, and with it every .onnx file. */
const largest = 2 ** 31 - 1

/**
 * @throws SpecError when the file cannot be read
 * @throws ModelError as `loadNetwork`
 */
export function openModel(path: string): ModelFile {
  const bytes = readModel(path)
  // Absolute: the runtime looks from another place.
  const folder = dirname(resolve(path))
  const { length } = bytes
  const network = loadNetwork(bytes, path, folder, true)
  const read = () => {
    const again = readModel(path)
    if (again.length !== length) throw new ModelError(`${path}: changed while it was in use; start again`)
    return again
  }
  return { network, length, read, folder }
}

function readModel(path: string): Uint8Array {
  try {
    const stat = statSync(path)
    if (!stat.isFile()) throw new SpecError(`${path}: is no regular file; give the path of a .onnx file`)
    if (stat.size > largest) {
      throw new ModelError(
        `${path}: ${stat.size} bytes; an ONNX file ends at 2 GiB, save the model with external data (onnx.save_model with save_as_external_data)`,
      )
    }
    return readFileSync(path)
  } catch (cause) {
    if (cause instanceof SpecError || cause instanceof ModelError) throw cause
    const { code, message } = cause as NodeJS.ErrnoException
    throw new SpecError(`${path}: cannot read the model (${code ?? message}); give the path of a .onnx file`)
  }
}
