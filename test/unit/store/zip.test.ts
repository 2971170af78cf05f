import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32, deflateRawSync } from 'node:zlib'
import fc from 'fast-check'
import { unzipSync } from 'fflate'
import { describe, expect, it } from 'vitest'
import { SpecError } from '../../../models/base/errors.js'
import { fileSource } from '../../../traces/store/source.js'
import { openZip, packZip, zipOf } from '../../../traces/store/zip.js'
import { directory, localHeader, placeEntries } from '../../../traces/store/zip-write.js'

const text = (words: string) => new TextEncoder().encode(words)
const limit = 1 << 20

describe('zip archives', () => {
  it('give back what was packed, as another reader sees it too', () => {
    const entries = fc.uniqueArray(
      fc.tuple(fc.stringMatching(/^[a-z]{1,8}\.npy$/), fc.uint8Array({ maxLength: 400 })),
      {
        selector: ([name]) => name,
        maxLength: 6,
      },
    )
    fc.assert(
      fc.property(entries, (list) => {
        const packed = packZip(new Map(list))
        const archive = openZip(packed, 'f')
        expect(archive.names).toEqual(list.map(([name]) => name))
        for (const [name, bytes] of list) {
          expect(archive.sizeOf(name)).toBe(bytes.length)
          expect(Buffer.from(archive.read(name, limit)).equals(bytes)).toBe(true)
        }
        expect(Object.keys(unzipSync(packed))).toEqual(list.map(([name]) => name))
      }),
    )
  })

  it('have no clock in them', () => {
    const packed = packZip(new Map([['a', text('x')]]))
    // DOS date of 1980-01-01, time 0: APPNOTE 4.4.6, at offset 10 of the local header
    expect([...packed.subarray(10, 14)]).toEqual([0, 0, 0x21, 0])
  })

  it('any cut or changed byte is noticed or changes nothing', () => {
    const bytes = text('a text that is long enough to be packed, packed, packed, packed')
    const packed = packZip(new Map([['a', bytes]]))
    const same = (copy: Uint8Array) => {
      try {
        const archive = openZip(copy, 'f')
        return archive.names[0] !== 'a' || Buffer.from(archive.read('a', limit)).equals(bytes)
      } catch (cause) {
        return cause instanceof SpecError
      }
    }
    for (let length = 0; length < packed.length; length++)
      expect(() => openZip(packed.subarray(0, length), 'f')).toThrow(SpecError)
    for (let at = 0; at < packed.length; at++) {
      for (const flip of [1, 128, 255]) {
        const copy = packed.slice()
        copy[at]! ^= flip
        expect(same(copy), `byte ${at}`).toBe(true)
      }
    }
  })

  it('refuse bombs before unpacking', () => {
    const bomb = packZip(new Map([['a', new Uint8Array(5_000_000)]]))
    expect(() => openZip(bomb, 'f').read('a', limit)).toThrow(
      'f: a: unpacks to 5000000 bytes, at most 1048576 expected',
    )
    // A small entry that claims 3 GB.
    const forged = packZip(new Map([['a', text('hello hello hello')]]))
    const view = new DataView(forged.buffer)
    const directory = forged.length - 22 - 47
    view.setUint32(directory + 24, 3_000_000_000, true)
    expect(() => openZip(forged, 'f')).toThrow(/claims 3000000000 unpacked/)
  })

  it('refuse an entry that unpacks to more than it says', () => {
    const long = deflateRawSync(new Uint8Array(4000))
    const packed = packZip(new Map([['a', new Uint8Array(4000)]]))
    expect(packed.length).toBeGreaterThan(long.length)
    new DataView(packed.buffer).setUint32(packed.length - 22 - 47 + 24, 100, true)
    expect(() => openZip(packed, 'f').read('a', limit)).toThrow(/f: a: cannot unpack/)
  })

  it('refuse a name that is there twice', () => {
    const packed = packZip(
      new Map([
        ['a', text('1')],
        ['b', text('2')],
      ]),
    )
    packed[packed.length - 22 - 1] = 'a'.charCodeAt(0)
    expect(() => openZip(packed, 'f')).toThrow(/entry "a" is there twice/)
  })

  it('beyond 4 GiB: sizes and offsets of 64 bits, in a file that is mostly a hole', () => {
    const folder = mkdtempSync(join(tmpdir(), 'cimulator-zip-'))
    try {
      const file = join(folder, 'large.npz')
      const { entries, end } = placeEntries([
        { name: 'hole', size: 5 * 2 ** 30 },
        { name: 'text', size: 5 },
      ])
      const handle = openSync(file, 'w')
      const write = (bytes: Uint8Array, at: number) => void writeSync(handle, bytes, 0, bytes.length, at)
      const crcs = [0, crc32(text('hello'))]
      for (const [i, entry] of entries.entries()) write(localHeader(entry, crcs[i]!), entry.offset)
      write(text('hello'), entries[1]!.start)
      write(directory(entries, crcs, end), end)
      closeSync(handle)
      const source = fileSource(file, ['archive', ''])
      const archive = zipOf(source)
      expect(archive.names).toEqual(['hole', 'text'])
      expect(archive.sizeOf('hole')).toBe(5 * 2 ** 30)
      expect(Buffer.from(archive.read('text', 10)).toString()).toBe('hello')
      expect(archive.stored('hole')!.read(5 * 2 ** 30 - 2, 2)).toEqual(Uint8Array.of(0, 0))
      expect(() => archive.stored('hole')!.read(5 * 2 ** 30 - 1, 2)).toThrow(/hole: bytes .* lie outside/)
      source.close()
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('written by position: other readers find the same', () => {
    const { entries, end } = placeEntries([
      { name: 'a.npy', size: 3 },
      { name: 'ü', size: 0 },
    ])
    const bytes = [text('abc'), new Uint8Array(0)]
    const crcs = bytes.map((content) => crc32(content))
    const file = Buffer.concat([
      ...entries.flatMap((entry, i) => [localHeader(entry, crcs[i]!), bytes[i]!]),
      directory(entries, crcs, end),
    ])
    expect(unzipSync(file)['a.npy']).toEqual(text('abc'))
    expect([...file.subarray(10, 14)]).toEqual([0, 0, 0x21, 0])
  })

  it('name a missing entry', () => {
    expect(() => openZip(packZip(new Map()), 'f.npz').read('a', limit)).toThrow('f.npz: a: missing')
  })
})
