// Zip archives (.npz): written with a fixed time stamp so that equal content gives equal bytes; read as untrusted: every size, method
// and checksum is looked at, and an entry is unpacked only when somebody asks for it and says how large it may be.
import { inflateRawSync } from 'node:zlib'
import { zipSync } from 'fflate'
import { SpecError } from '../../models/base/errors.js'

const stamp = new Date(1980, 0, 1, 0, 0, 0)

const maxEntries = 65_535
/** deflate cannot pack better than 1032 : 1; an entry that claims more is forged */
const maxRatio = 1032

/** @param entries kept in this order; names that are whole numbers would lose it and are not used */
export function packZip(entries: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const files = Object.fromEntries(
    [...entries].map(([name, bytes]) => [
      name,
      [bytes, { mtime: stamp, level: 9 as const }] as [Uint8Array, { mtime: Date; level: 9 }],
    ]),
  )
  return zipSync(files)
}

interface Entry {
  readonly method: number
  readonly crc: number
  readonly packed: number
  readonly size: number
  readonly offset: number
}

export interface ZipArchive {
  /** in the order of the archive */
  readonly names: readonly string[]
  /** unpacked bytes that the archive claims for an entry; 0 when there is none */
  sizeOf(name: string): number
  /**
   * @param largest bytes that the entry may have
   * @throws SpecError naming file and entry: missing, larger, cut off, checksum wrong
   */
  read(name: string, largest: number): Uint8Array
}

export function openZip(bytes: Uint8Array, file: string): ZipArchive {
  const entries = directoryOf(bytes, file)
  return {
    names: [...entries.keys()],
    sizeOf: (name) => entries.get(name)?.size ?? 0,
    read(name, largest) {
      const entry = entries.get(name)
      if (entry === undefined) throw new SpecError(`${file}: ${name}: missing from the archive`)
      if (entry.size > largest)
        throw new SpecError(`${file}: ${name}: unpacks to ${entry.size} bytes, at most ${largest} expected; refused`)
      return unpack(bytes, entry, `${file}: ${name}`)
    },
  }
}

/** The central directory (PKWARE APPNOTE 4.3.12, 4.3.16). */
function directoryOf(bytes: Uint8Array, file: string): Map<string, Entry> {
  const fail = (why: string): never => {
    throw new SpecError(`${file}: not a readable .npz archive (${why}); is the file cut off?`)
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const end = findEnd(view) ?? fail('no end record')
  const count = view.getUint16(end + 10, true)
  const listed = view.getUint32(end + 16, true)
  if (count === maxEntries || listed === 0xffffffff) fail('the 64-bit form is not supported')
  const entries = new Map<string, Entry>()
  let at = listed
  for (let i = 0; i < count; i++) {
    if (at + 46 > end || view.getUint32(at, true) !== 0x02014b50) fail(`damaged directory at entry ${i}`)
    const nameEnd = at + 46 + view.getUint16(at + 28, true)
    if (nameEnd > end) fail(`damaged directory at entry ${i}`)
    const name = new TextDecoder().decode(bytes.subarray(at + 46, nameEnd))
    const entry: Entry = {
      method: view.getUint16(at + 10, true),
      crc: view.getUint32(at + 16, true),
      packed: view.getUint32(at + 20, true),
      size: view.getUint32(at + 24, true),
      offset: view.getUint32(at + 42, true),
    }
    if ((view.getUint16(at + 8, true) & 1) !== 0) fail(`entry "${name}" is encrypted`)
    if (entry.method !== 0 && entry.method !== 8) fail(`entry "${name}" is packed by method ${entry.method}`)
    if (entry.size === 0xffffffff || entry.packed === 0xffffffff) fail(`entry "${name}" is larger than 4 GiB`)
    if (entry.size > maxRatio * (entry.packed + 8))
      fail(`entry "${name}" of ${entry.packed} bytes claims ${entry.size} unpacked`)
    if (entries.has(name)) fail(`entry "${name}" is there twice`)
    entries.set(name, entry)
    at = nameEnd + view.getUint16(at + 30, true) + view.getUint16(at + 32, true)
  }
  return entries
}

function findEnd(view: DataView): number | null {
  const last = view.byteLength - 22
  for (let at = last; at >= 0 && at >= last - 65_535; at--) if (view.getUint32(at, true) === 0x06054b50) return at
  return null
}

function unpack(bytes: Uint8Array, entry: Entry, what: string): Uint8Array {
  const fail = (why: string): never => {
    throw new SpecError(`${what}: ${why}; the file is damaged`)
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const { offset } = entry
  if (offset + 30 > bytes.length || view.getUint32(offset, true) !== 0x04034b50)
    fail('no such entry where it should be')
  const start = offset + 30 + view.getUint16(offset + 26, true) + view.getUint16(offset + 28, true)
  if (start + entry.packed > bytes.length) fail('cut off')
  const packed = bytes.subarray(start, start + entry.packed)
  const content = entry.method === 0 ? packed : inflate(packed, entry.size, fail)
  if (content.length !== entry.size) fail(`holds ${content.length} bytes, its directory says ${entry.size}`)
  if (crc32(content) !== entry.crc) fail('checksum does not match')
  return content
}

function inflate(packed: Uint8Array, size: number, fail: (why: string) => never): Uint8Array {
  try {
    return inflateRawSync(packed, { maxOutputLength: Math.max(1, size) })
  } catch (cause) {
    return fail(`cannot unpack (${cause instanceof Error ? cause.message : String(cause)})`)
  }
}

const crcTable = Int32Array.from({ length: 256 }, (_, n) => {
  let c = n
  for (let k = 0; k < 8; k++) c = (c & 1) !== 0 ? (c >>> 1) ^ 0xedb88320 : c >>> 1
  return c
})

/** CRC-32 of zip archives (IEEE 802.3 polynomial). */
function crc32(bytes: Uint8Array): number {
  let c = -1
  for (let i = 0; i < bytes.length; i++) c = (c >>> 8) ^ crcTable[(c ^ bytes[i]!) & 255]!
  return ~c >>> 0
}
