// A trace as .npz: one .npy of codes a tensor, not packed so that an item is read without the others, and trace.json at the end.
// A packed archive is read as well: its arrays are unpacked in memory.
import { crc32 } from 'node:zlib'
import { SpecError } from '../../models/base/errors.js'
import { checkNpyBody, npyHeadBytes, npyHeader, readNpyHead } from './npy.js'
import { type ByteSource, memorySource } from './source.js'
import type { TraceFormat } from './trace-container.js'
import { largestText } from './trace-schema.js'
import { zipOf } from './zip.js'
import { directory, localHeader, placeEntries } from './zip-write.js'

/** bytes of all arrays of a packed archive */
const largestPacked = 2 ** 31

export const npz: TraceFormat = {
  name: 'npz',
  extension: '.npz',
  doc: 'NumPy archive: numpy.load(FILE)["tensor-000"]',
  recognises: (bytes) => bytes[0] === 0x50 && bytes[1] === 0x4b,
  open(source) {
    const archive = zipOf(source)
    if (!archive.names.includes('trace.json'))
      throw new SpecError(`${source.name}: holds no trace.json; expected a trace written by "cimulator record"`)
    let left = largestPacked
    return {
      text: archive.read('trace.json', largestText),
      textName: `${source.name}: trace.json`,
      codes(tensor) {
        const entry = `${tensor.key}.npy`
        const stored = archive.stored(entry)
        const content = stored ?? memorySource(archive.read(entry, left), `${source.name}: ${entry}`)
        if (stored === null) left -= content.length
        return codesOf(content, tensor.dtype, tensor.shape)
      },
      checkComplete(tensors) {
        const known = new Set(['trace.json', ...tensors.map((tensor) => `${tensor.key}.npy`)])
        const extra = archive.names.find((name) => !known.has(name))
        if (extra !== undefined) throw new SpecError(`${source.name}: ${extra}: not named in trace.json`)
      },
    }
  },
  layout(tensors) {
    const prefixes = tensors.map((tensor) => npyHeader(tensor.dtype, tensor.shape))
    const { entries, end } = placeEntries(
      tensors.map((tensor, i) => ({
        name: `${tensor.key}.npy`,
        size: prefixes[i]!.length + tensor.itemBytes * tensor.shape[0]!,
      })),
    )
    return {
      starts: entries.map((entry, i) => entry.start + prefixes[i]!.length),
      prefixes,
      finish(text, crcs) {
        const bytes = new TextEncoder().encode(text)
        const last = placeEntries([{ name: 'trace.json', size: bytes.length }], end)
        const all = [...entries, ...last.entries]
        const sums = [...crcs, crc32(bytes)]
        return [
          ...entries.map((entry, i) => ({
            at: entry.offset,
            bytes: Buffer.concat([localHeader(entry, crcs[i]!), prefixes[i]!]),
          })),
          {
            at: end,
            bytes: Buffer.concat([localHeader(last.entries[0]!, sums.at(-1)!), bytes, directory(all, sums, last.end)]),
          },
        ]
      },
    }
  },
}

function codesOf(content: ByteSource, dtype: string, shape: readonly number[]): ByteSource {
  const head = readNpyHead(content.read(0, Math.min(content.length, npyHeadBytes)), content.name)
  checkNpyBody(head, content.length - head.start, content.name)
  if (head.shape.join() !== shape.join())
    throw new SpecError(`${content.name}: shape [${head.shape}]; trace.json says [${shape}]`)
  if (head.dtype !== dtype)
    throw new SpecError(`${content.name}: element type ${head.dtype} does not fit: trace.json wants ${dtype}`)
  if (head.fortran && shape.length > 1)
    throw new SpecError(`${content.name}: column-major; expected row-major codes (numpy.ascontiguousarray)`)
  return {
    name: content.name,
    length: head.bytes,
    read: (at, count, into) => content.read(head.start + at, count, into),
    close() {},
  }
}
