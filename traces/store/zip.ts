// Zip archives (.npz): written with a fixed time stamp so that equal content gives equal bytes, read with limits.
import { unzipSync, zipSync } from 'fflate'
import { SpecError } from '../../models/base/errors.js'

/** Largest unpacked archive: 4 GiB; a small file that claims more is refused before anything is unpacked. */
const largest = 2 ** 32

const stamp = new Date(1980, 0, 1, 0, 0, 0)

export function packZip(entries: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const files = Object.fromEntries(
    [...entries].map(([name, bytes]) => [
      name,
      [bytes, { mtime: stamp, level: 9 as const }] as [Uint8Array, { mtime: Date; level: 9 }],
    ]),
  )
  return zipSync(files)
}

export function unpackZip(bytes: Uint8Array, file: string): Map<string, Uint8Array> {
  let total = 0
  try {
    const entries = unzipSync(bytes, {
      filter: (entry) => {
        total += entry.originalSize
        if (total > largest || entry.originalSize > 1100 * (entry.size + 64))
          throw new SpecError(`${file}: entry "${entry.name}" unpacks to ${entry.originalSize} bytes; refused`)
        return true
      },
    })
    return new Map(Object.entries(entries))
  } catch (cause) {
    if (cause instanceof SpecError) throw cause
    throw new SpecError(
      `${file}: not a readable .npz archive (${cause instanceof Error ? cause.message : String(cause)})`,
    )
  }
}
