// A zip archive whose entries are written by position, not packed, before all of them are known: sizes come first, contents in any order,
// checksums at the end. 64-bit fields (PKWARE APPNOTE 4.5.3, 4.3.14, 4.3.15) only where a number needs them, so that small archives are
// plain ones. The time stamp is fixed: equal content gives equal bytes.
import { SimFault } from '../../models/base/errors.js'

/** DOS time 0:00 and date 1980-01-01 (APPNOTE 4.4.6) */
const stamp = 0x0021_0000
const narrow = 0xffff_ffff

export interface StoredEntry {
  readonly name: string
  readonly size: number
}

export interface PlacedEntry extends StoredEntry {
  /** of the local header */
  readonly offset: number
  /** of the content */
  readonly start: number
}

/** Where entries of known sizes stand, one behind the other from `from` on. */
export function placeEntries(entries: readonly StoredEntry[], from = 0): { entries: PlacedEntry[]; end: number } {
  let at = from
  const placed = entries.map((entry) => {
    const offset = at
    const start = offset + 30 + Buffer.byteLength(entry.name) + (entry.size >= narrow ? 20 : 0)
    at = start + entry.size
    return { ...entry, offset, start }
  })
  return { entries: placed, end: at }
}

/** The header in front of the content: APPNOTE 4.3.7. */
export function localHeader(entry: PlacedEntry, crc: number): Uint8Array {
  const name = Buffer.from(entry.name)
  const bytes = Buffer.alloc(entry.start - entry.offset)
  const wide = entry.size >= narrow
  bytes.writeUInt32LE(0x04034b50, 0)
  bytes.writeUInt16LE(wide ? 45 : 20, 4)
  bytes.writeUInt32LE(stamp, 10)
  bytes.writeUInt32LE(crc, 14)
  bytes.writeUInt32LE(wide ? narrow : entry.size, 18)
  bytes.writeUInt32LE(wide ? narrow : entry.size, 22)
  bytes.writeUInt16LE(name.length, 26)
  bytes.writeUInt16LE(wide ? 20 : 0, 28)
  name.copy(bytes, 30)
  if (wide) extra([entry.size, entry.size]).copy(bytes, 30 + name.length)
  return bytes
}

/** Central directory and end records; @param at where they stand: behind the last entry */
export function directory(entries: readonly PlacedEntry[], crcs: readonly number[], at: number): Uint8Array {
  const records = entries.map((entry, i) => directoryRecord(entry, crcs[i]!))
  const size = records.reduce((sum, record) => sum + record.length, 0)
  const wide = at >= narrow || entries.length >= 0xffff
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  for (const place of [8, 10]) end.writeUInt16LE(wide ? 0xffff : entries.length, place)
  end.writeUInt32LE(wide ? narrow : size, 12)
  end.writeUInt32LE(wide ? narrow : at, 16)
  return Buffer.concat([...records, ...(wide ? [wideEnd(entries.length, size, at)] : []), end])
}

function directoryRecord(entry: PlacedEntry, crc: number): Buffer {
  const name = Buffer.from(entry.name)
  const wideSize = entry.size >= narrow
  const wideOffset = entry.offset >= narrow
  const more = [...(wideSize ? [entry.size, entry.size] : []), ...(wideOffset ? [entry.offset] : [])]
  const bytes = Buffer.alloc(46)
  bytes.writeUInt32LE(0x02014b50, 0)
  bytes.writeUInt16LE(more.length > 0 ? 45 : 20, 4)
  bytes.writeUInt16LE(more.length > 0 ? 45 : 20, 6)
  bytes.writeUInt32LE(stamp, 12)
  bytes.writeUInt32LE(crc, 16)
  bytes.writeUInt32LE(wideSize ? narrow : entry.size, 20)
  bytes.writeUInt32LE(wideSize ? narrow : entry.size, 24)
  bytes.writeUInt16LE(name.length, 28)
  const tail = more.length > 0 ? extra(more) : Buffer.alloc(0)
  bytes.writeUInt16LE(tail.length, 30)
  bytes.writeUInt32LE(wideOffset ? narrow : entry.offset, 42)
  return Buffer.concat([bytes, name, tail])
}

function extra(values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 + 8 * values.length)
  bytes.writeUInt16LE(1, 0)
  bytes.writeUInt16LE(8 * values.length, 2)
  for (const [i, value] of values.entries()) {
    if (!Number.isSafeInteger(value)) throw new SimFault(`a zip field of ${value}`)
    bytes.writeBigUInt64LE(BigInt(value), 4 + 8 * i)
  }
  return bytes
}

function wideEnd(count: number, size: number, at: number): Buffer {
  const record = Buffer.alloc(56 + 20)
  record.writeUInt32LE(0x06064b50, 0)
  record.writeBigUInt64LE(44n, 4)
  record.writeUInt16LE(45, 12)
  record.writeUInt16LE(45, 14)
  for (const [place, value] of [
    [24, count],
    [32, count],
    [40, size],
    [48, at],
  ] as const)
    record.writeBigUInt64LE(BigInt(value), place)
  record.writeUInt32LE(0x07064b50, 56)
  record.writeBigUInt64LE(BigInt(at + size), 64)
  record.writeUInt32LE(1, 72)
  return record
}
