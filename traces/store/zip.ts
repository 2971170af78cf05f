// Zip archives (.npz): written with a fixed time stamp so that equal content gives equal bytes; read as untrusted: every size, method
// and checksum is looked at, and an entry is unpacked only when somebody asks for it and says how large it may be.
import { crc32, inflateRawSync } from 'node:zlib'
import { zipSync } from 'fflate'
import { SpecError } from '../../models/base/errors.js'
import { type ByteSource, memorySource } from './source.js'

/** Time of every entry: the first one that the format knows. */
export const stamp = new Date(1980, 0, 1, 0, 0, 0)

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
  /** Where an entry that is not packed stands in the archive (its checksum is not looked at); null for a packed one. @throws SpecError when it is missing */
  stored(name: string): ByteSource | null
}

export function openZip(bytes: Uint8Array, file: string): ZipArchive {
  return zipOf(memorySource(bytes, file))
}

export function zipOf(source: ByteSource): ZipArchive {
  const entries = directoryOf(source)
  const find = (name: string) => {
    const entry = entries.get(name)
    if (entry === undefined) throw new SpecError(`${source.name}: ${name}: missing from the archive`)
    return entry
  }
  return {
    names: [...entries.keys()],
    sizeOf: (name) => entries.get(name)?.size ?? 0,
    read(name, largest) {
      const entry = find(name)
      if (entry.size > largest)
        throw new SpecError(
          `${source.name}: ${name}: unpacks to ${entry.size} bytes, at most ${largest} expected; refused`,
        )
      return unpack(source, entry, `${source.name}: ${name}`)
    },
    stored(name) {
      const entry = find(name)
      const what = `${source.name}: ${name}`
      if (entry.method !== 0) return null
      if (entry.packed !== entry.size)
        throw new SpecError(
          `${what}: holds ${entry.packed} bytes, its directory says ${entry.size}; the file is damaged`,
        )
      const start = startOf(source, entry, what)
      return {
        name: what,
        length: entry.size,
        read(at, count, into) {
          if (at < 0 || at + count > entry.size)
            throw new SpecError(`${what}: bytes ${at} … ${at + count - 1} lie outside its ${entry.size} bytes`)
          return source.read(start + at, count, into)
        },
        close() {},
      }
    },
  }
}

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** The central directory (PKWARE APPNOTE 4.3.12 … 4.3.16), 64-bit form included. */
function directoryOf(source: ByteSource): Map<string, Entry> {
  const fail = (why: string): never => {
    throw new SpecError(`${source.name}: not a readable .npz archive (${why}); is the file cut off?`)
  }
  const { count, listed, end } = findEnd(source, fail)
  const bytes = source.read(listed, end - listed)
  const view = viewOf(bytes)
  const entries = new Map<string, Entry>()
  let at = 0
  for (let i = 0; i < count; i++) {
    if (at + 46 > bytes.length || view.getUint32(at, true) !== 0x02014b50) fail(`damaged directory at entry ${i}`)
    const nameEnd = at + 46 + view.getUint16(at + 28, true)
    const extraEnd = nameEnd + view.getUint16(at + 30, true)
    if (extraEnd > bytes.length) fail(`damaged directory at entry ${i}`)
    const name = new TextDecoder().decode(bytes.subarray(at + 46, nameEnd))
    const [size, packed, offset] = wideFields(
      [view.getUint32(at + 24, true), view.getUint32(at + 20, true), view.getUint32(at + 42, true)],
      bytes.subarray(nameEnd, extraEnd),
      () => fail(`entry "${name}" has no 64-bit sizes`),
    )
    const entry: Entry = {
      method: view.getUint16(at + 10, true),
      crc: view.getUint32(at + 16, true),
      packed: packed!,
      size: size!,
      offset: offset!,
    }
    if ((view.getUint16(at + 8, true) & 1) !== 0) fail(`entry "${name}" is encrypted`)
    if (entry.method !== 0 && entry.method !== 8) fail(`entry "${name}" is packed by method ${entry.method}`)
    if (entry.size > maxRatio * (entry.packed + 8))
      fail(`entry "${name}" of ${entry.packed} bytes claims ${entry.size} unpacked`)
    if (entries.has(name)) fail(`entry "${name}" is there twice`)
    entries.set(name, entry)
    at = extraEnd + view.getUint16(at + 32, true)
  }
  return entries
}

/** Fields that read 0xffffffff stand in the extra field 0x0001, in this order (APPNOTE 4.5.3). */
function wideFields(narrow: readonly number[], extra: Uint8Array, fail: () => never): number[] {
  if (!narrow.includes(0xffffffff)) return [...narrow]
  const view = viewOf(extra)
  let at = 0
  while (at + 4 <= extra.length && view.getUint16(at, true) !== 1) at += 4 + view.getUint16(at + 2, true)
  const end = at + 4 <= extra.length ? at + 4 + view.getUint16(at + 2, true) : 0
  at += 4
  return narrow.map((value) => {
    if (value !== 0xffffffff) return value
    if (at + 8 > Math.min(end, extra.length)) return fail()
    const wide = Number(view.getBigUint64(at, true))
    at += 8
    return Number.isSafeInteger(wide) ? wide : fail()
  })
}

/** The end record: entries, where the directory begins and where it ends at the latest. */
function findEnd(source: ByteSource, fail: (why: string) => never) {
  const tailLength = Math.min(source.length, 22 + 65_535 + 20)
  const tailStart = source.length - tailLength
  const tail = viewOf(source.read(tailStart, tailLength))
  let at = tailLength - 22
  while (at >= 0 && tail.getUint32(at, true) !== 0x06054b50) at--
  if (at < 0) return fail('no end record')
  const narrow = { count: tail.getUint16(at + 10, true), listed: tail.getUint32(at + 16, true) }
  if (narrow.count !== maxEntries && narrow.listed !== 0xffffffff) {
    if (narrow.listed > tailStart + at) fail('its directory lies outside')
    return { ...narrow, end: tailStart + at }
  }
  const locator = at - 20
  if (locator < 0 || tail.getUint32(locator, true) !== 0x07064b50) return fail('no 64-bit end record')
  const place = Number(tail.getBigUint64(locator + 8, true))
  if (place + 56 > source.length) fail('no 64-bit end record')
  const wide = viewOf(source.read(place, 56))
  if (wide.getUint32(0, true) !== 0x06064b50) fail('no 64-bit end record')
  const [count, listed] = [Number(wide.getBigUint64(32, true)), Number(wide.getBigUint64(48, true))]
  if (listed > place || count > (place - listed) / 46) fail('its directory lies outside')
  return { count, listed, end: place }
}

function startOf(source: ByteSource, entry: Entry, what: string): number {
  const fail = (why: string): never => {
    throw new SpecError(`${what}: ${why}; the file is damaged`)
  }
  if (entry.offset + 30 > source.length) fail('no such entry where it should be')
  const view = viewOf(source.read(entry.offset, 30))
  if (view.getUint32(0, true) !== 0x04034b50) fail('no such entry where it should be')
  const start = entry.offset + 30 + view.getUint16(26, true) + view.getUint16(28, true)
  if (start + entry.packed > source.length) fail('cut off')
  return start
}

function unpack(source: ByteSource, entry: Entry, what: string): Uint8Array {
  const fail = (why: string): never => {
    throw new SpecError(`${what}: ${why}; the file is damaged`)
  }
  const packed = source.read(startOf(source, entry, what), entry.packed)
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
