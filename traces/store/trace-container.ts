// What a trace needs of a file format: where the codes of a tensor begin, and what stands around them. One file and one line per format.
import { SpecError } from '../../models/base/errors.js'
import { unknownName } from '../../models/base/registry.js'
import type { ByteSource } from './source.js'
import type { StoredTensor } from './trace-schema.js'

/** A file that was opened. */
export interface TraceContainer {
  readonly text: Uint8Array
  /** name of the text, for messages */
  readonly textName: string
  /** the codes of a tensor, items × its shape; @throws SpecError when type, shape or size are not those of the text */
  codes(tensor: StoredTensor): ByteSource
  /** @throws SpecError naming what the text does not */
  checkComplete(tensors: readonly StoredTensor[]): void
}

/** A piece of a file. */
export interface Piece {
  readonly at: number
  readonly bytes: Uint8Array
}

/** A file to be written: its codes stand at known places, the rest is written when all codes are. */
export interface TraceLayout {
  /** per tensor: where the codes of item 0 go; items stand one behind the other */
  readonly starts: readonly number[]
  /** per tensor: bytes in front of the codes that its checksum covers */
  readonly prefixes: readonly Uint8Array[]
  /** everything that is not codes; @param crcs per tensor: CRC-32 of prefix and codes */
  finish(text: string, crcs: readonly number[]): Piece[]
}

export interface TraceFormat {
  readonly name: string
  /** ending of the file name */
  readonly extension: string
  readonly doc: string
  /** @param bytes the first 16 (or all) */
  recognises(bytes: Uint8Array): boolean
  open(source: ByteSource): TraceContainer
  /** @param longestText a text as long as the final one can become */
  layout(tensors: readonly StoredTensor[], longestText: () => string): TraceLayout
}

export function formatOf(file: string, formats: readonly TraceFormat[]): TraceFormat {
  const found = formats.find((format) => file.endsWith(format.extension))
  if (found !== undefined) return found
  const ending = /\.[^./\\]*$/.exec(file)?.[0] ?? ''
  throw new SpecError(
    `${file}: ${unknownName(
      'trace format',
      ending,
      formats.map((format) => format.extension),
    )}`,
  )
}
