import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { encode } from 'fast-png'
import jpeg from 'jpeg-js'
import { afterAll, describe, expect, it } from 'vitest'
import { SpecError } from '../../../models/base/errors.js'
import { type Pixels, readImage } from '../../../traces/inputs/images.js'
import { cropped, resized } from '../../../traces/inputs/resize.js'

const folder = mkdtempSync(join(tmpdir(), 'cimulator-images-'))
afterAll(() => rmSync(folder, { recursive: true }))
let files = 0
function save(bytes: Uint8Array): string {
  const file = join(folder, `${files++}`)
  writeFileSync(file, bytes)
  return file
}

const png = (width: number, height: number, channels: number, data: Uint8Array | Uint16Array, more = {}) =>
  save(encode({ width, height, channels, data, ...more }))

describe('image files', () => {
  it('PNG: the pixels that were stored', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 9 }),
        fc.constantFrom(1, 3),
        fc.infiniteStream(fc.nat(255)),
        (width, height, channels, stream) => {
          const data = Uint8Array.from(stream.take(width * height * channels))
          const image = readImage(png(width, height, channels, data), 'png')
          expect([image.width, image.height, image.channels]).toEqual([width, height, channels])
          expect(Array.from(image.data)).toEqual(Array.from(data))
        },
      ),
      { numRuns: 25 },
    )
  })

  it('PNG of 16 bits, with a palette, with few bits, with an opaque alpha channel', () => {
    const wide = Uint16Array.of(0, 1000, 65_535, 7)
    expect(Array.from(readImage(png(2, 2, 1, wide, { depth: 16 }), 'png').data)).toEqual(Array.from(wide))
    const palette = [
      [255, 0, 0],
      [0, 0, 9],
    ]
    const indexed = png(3, 1, 1, Uint8Array.of(0b01000000), { depth: 1, palette })
    expect(Array.from(readImage(indexed, 'png').data)).toEqual([255, 0, 0, 0, 0, 9, 255, 0, 0])
    const bits = png(5, 2, 1, Uint8Array.of(0b10110000, 0b01001000), { depth: 1 })
    expect(Array.from(readImage(bits, 'png').data)).toEqual([1, 0, 1, 1, 0, 0, 1, 0, 0, 1].map((bit) => bit * 255))
    const opaque = png(1, 2, 4, Uint8Array.of(1, 2, 3, 255, 4, 5, 6, 255))
    expect(Array.from(readImage(opaque, 'png').data)).toEqual([1, 2, 3, 4, 5, 6])
    const clear = png(1, 2, 4, Uint8Array.of(1, 2, 3, 255, 4, 5, 6, 254))
    expect(() => readImage(clear, 'png')).toThrow(/transparent/)
  })

  it('JPEG: nearly the pixels that were stored', () => {
    const data = Uint8Array.from({ length: 16 * 16 * 4 }, (_, i) => (i % 4 === 3 ? 255 : 60 + (i >> 6) * 5))
    const image = readImage(save(jpeg.encode({ width: 16, height: 16, data }, 100).data), 'jpeg')
    expect([image.width, image.height, image.channels]).toEqual([16, 16, 3])
    for (let p = 0; p < 256; p++) expect(Math.abs(image.data[p * 3]! - data[p * 4]!)).toBeLessThanOrEqual(2)
  })

  it('what is no image, is cut off, or claims to be huge, is refused with its name', () => {
    const small = encode({ width: 4, height: 4, channels: 3, data: new Uint8Array(48).fill(7) })
    const huge = Uint8Array.from(small)
    new DataView(huge.buffer).setUint32(16, 1 << 20)
    const photo = jpeg.encode({ width: 8, height: 8, data: new Uint8Array(256) }, 50).data
    // Size in the frame header: 16 bits each behind the marker, length and precision (ITU-T T.81, B.2.2).
    const large = Uint8Array.from(photo)
    const frame = photo.findIndex((byte, i) => byte === 0xff && photo[i + 1] === 0xc0)
    large.fill(0xff, frame + 5, frame + 9)
    for (const [bytes, format] of [
      [new Uint8Array(0), 'png'],
      [photo, 'png'],
      [small, 'jpeg'],
      [huge, 'png'],
      [large, 'jpeg'],
      [photo.subarray(0, 300), 'jpeg'],
    ] as const) {
      const file = save(bytes)
      expect(() => readImage(file, format)).toThrow(SpecError)
      expect(() => readImage(file, format)).toThrow(file)
    }
    for (let length = 0; length < small.length - 12; length += 3) {
      const file = save(small.subarray(0, length))
      expect(() => readImage(file, 'png')).toThrow(SpecError)
    }
  })
})

const image = (height: number, width: number, data: number[], channels = 1, whole = false): Pixels => ({
  height,
  width,
  channels,
  data,
  whole,
})
const methods = ['bilinear', 'antialias', 'nearest'] as const

describe('change of size', () => {
  it('by hand: two columns become four, four become two', () => {
    const wide = (method: (typeof methods)[number]) =>
      Array.from(resized(image(1, 2, [0, 8]), { height: 1, width: 4, method }, 'x').data)
    // New centres lie at 0.25, 0.75, 1.25, 1.75 of old pixels with centres 0.5 and 1.5.
    expect(wide('bilinear')).toEqual([0, 2, 6, 8])
    expect(wide('antialias')).toEqual([0, 2, 6, 8])
    expect(wide('nearest')).toEqual([0, 0, 8, 8])
    const half = (method: (typeof methods)[number]) =>
      Array.from(resized(image(1, 4, [0, 8, 16, 40]), { height: 1, width: 2, method }, 'x').data)
    expect(half('bilinear')).toEqual([4, 28])
    // Triangle of half width 2 around 1: weights 3/4, 3/4, 1/4 of pixels 0, 1, 2, divided by their sum 7/4.
    expect(half('antialias')[0]).toBeCloseTo((0.75 * 0 + 0.75 * 8 + 0.25 * 16) / 1.75, 12)
    expect(half('nearest')).toEqual([8, 40])
  })

  it('a constant stays constant, the mean of a ramp stays the same, the same size changes nothing', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 20 }),
        fc.constantFrom(...methods),
        (h, w, height, width, method) => {
          const flat = resized(image(h, w, new Array<number>(h * w * 2).fill(3.5), 2), { height, width, method }, 'x')
          expect(flat.data.length).toBe(height * width * 2)
          for (let i = 0; i < flat.data.length; i++) expect(flat.data[i]).toBeCloseTo(3.5, 9)
          const ramp = image(
            h,
            w,
            Array.from({ length: h * w }, (_, i) => i % w),
          )
          const mean = (list: ArrayLike<number>) => Array.from(list).reduce((a, b) => a + b, 0) / list.length
          if (method !== 'nearest')
            expect(mean(resized(ramp, { height, width, method }, 'x').data)).toBeCloseTo((w - 1) / 2, 6)
          expect(resized(ramp, { height: h, width: w, method }, 'x')).toBe(ramp)
        },
      ),
    )
  })

  it('the shorter side gets the length, the longer one follows, rounded down', () => {
    const size = (h: number, w: number, shorter: number) => {
      const { height, width } = resized(
        image(h, w, new Array<number>(h * w).fill(0)),
        { shorter, method: 'nearest' },
        'x',
      )
      return [height, width]
    }
    expect(size(2, 3, 4)).toEqual([4, 6])
    expect(size(3, 2, 5)).toEqual([7, 5])
    expect(size(9, 100, 3)).toEqual([3, 33])
  })

  it('pixels stay whole numbers', () => {
    const { data } = resized(image(1, 2, [0, 1], 1, true), { height: 1, width: 4, method: 'bilinear' }, 'x')
    expect(Array.from(data)).toEqual([0, 0, 1, 1])
  })

  it('a crop holds the pixels that were there', () => {
    const grid = image(
      3,
      4,
      Array.from({ length: 12 }, (_, i) => i),
    )
    expect(Array.from(cropped(grid, { height: 2, width: 2 }, 'x').data)).toEqual([1, 2, 5, 6])
    expect(Array.from(cropped(grid, { height: 1, width: 4, top: 2 }, 'x').data)).toEqual([8, 9, 10, 11])
    expect(() => cropped(grid, { height: 4, width: 1 }, 'x')).toThrow(SpecError)
  })
})
