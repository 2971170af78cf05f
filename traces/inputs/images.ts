// PNG and JPEG files → pixels. Sizes are checked before anything is unpacked.
import { convertIndexedToRgb, decode as decodePng } from 'fast-png'
import jpeg from 'jpeg-js'
import { SpecError } from '../../models/base/errors.js'
import { fileSource } from '../store/source.js'

/** Rows, columns and channels of one image, in this order. */
export interface Pixels {
  readonly height: number
  readonly width: number
  readonly channels: number
  /** height × width × channels */
  readonly data: ArrayLike<number>
  /** whole numbers, as in a file of 8-bit pixels */
  readonly whole: boolean
}

export type ImageFormat = 'png' | 'jpeg'

const largestFile = 2 ** 28
/** pixels of one image */
const largestImage = 2 ** 26

/**
 * 8-bit files give 0 … 255, 16-bit ones 0 … 65535; grey files of less than 8 bits are stretched to 0 … 255. One channel (grey) or three (RGB);
 * JPEG always three. An alpha channel must be opaque and is left out.
 * @throws SpecError naming the file
 */
export function readImage(file: string, format: ImageFormat): Pixels {
  const source = fileSource(file, ['image', 'give a .png or .jpg file'])
  try {
    if (source.length > largestFile)
      throw new SpecError(`${file}: ${source.length} bytes; an image has at most ${largestFile}`)
    const bytes = source.read(0, source.length)
    return format === 'png' ? readPng(bytes, file) : readJpeg(bytes, file)
  } finally {
    source.close()
  }
}

function readPng(bytes: Uint8Array, file: string): Pixels {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  // PNG 11.2.2: signature of 8 bytes, length and name of IHDR, then width and height.
  if (bytes.length < 33 || view.getUint32(0) !== 0x89504e47 || view.getUint32(12) !== 0x49484452)
    throw new SpecError(`${file}: not a PNG file`)
  checkSize(view.getUint32(16), view.getUint32(20), file)
  const image = decoded(() => decodePng(bytes, { checkCrc: true }), file, 'PNG')
  const { width, height, depth } = image
  const expand = () => unpacked(image.data, width, height, depth)
  const [data, channels] =
    image.palette !== undefined
      ? [decoded(() => convertIndexedToRgb(image), file, 'PNG'), image.palette[0]?.length ?? 3]
      : [depth < 8 ? expand() : image.data, image.channels]
  if (data.length !== width * height * channels)
    throw new SpecError(`${file}: a PNG with ${data.length} values for ${width} × ${height} × ${channels}`)
  return withoutAlpha({ height, width, channels, data, whole: true }, depth === 16 ? 65_535 : 255, file)
}

/** Grey values of 1, 2 or 4 bits, rows padded to bytes. */
function unpacked(data: ArrayLike<number>, width: number, height: number, depth: number): Uint8Array {
  const out = new Uint8Array(width * height)
  const rowBytes = Math.ceil((width * depth) / 8)
  const top = (1 << depth) - 1
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const bit = x * depth
      const value = (data[y * rowBytes + (bit >> 3)]! >> (8 - depth - (bit & 7))) & top
      out[y * width + x] = (value * 255) / top
    }
  }
  return out
}

function readJpeg(bytes: Uint8Array, file: string): Pixels {
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) throw new SpecError(`${file}: not a JPEG file`)
  const options = {
    useTArray: true,
    formatAsRGBA: false,
    tolerantDecoding: false,
    maxResolutionInMP: largestImage / 1e6,
    maxMemoryUsageInMB: 1024,
  } as const
  const { width, height, data } = decoded(() => jpeg.decode(bytes, options), file, 'JPEG')
  checkSize(width, height, file)
  return { height, width, channels: 3, data, whole: true }
}

function decoded<T>(decode: () => T, file: string, what: string): T {
  try {
    return decode()
  } catch (cause) {
    throw new SpecError(
      `${file}: not a readable ${what} file (${cause instanceof Error ? cause.message : String(cause)})`,
    )
  }
}

function checkSize(width: number, height: number, file: string): void {
  if (width < 1 || height < 1 || width * height > largestImage)
    throw new SpecError(`${file}: ${width} × ${height} pixels; expected 1 … ${largestImage} pixels`)
}

function withoutAlpha(pixels: Pixels, opaque: number, file: string): Pixels {
  const { channels, data, width, height } = pixels
  if (channels === 1 || channels === 3) return pixels
  const kept = channels - 1
  const out = new Uint16Array(width * height * kept)
  for (let i = 0; i < width * height; i++) {
    if (data[i * channels + kept] !== opaque)
      throw new SpecError(`${file}: has transparent pixels; flatten the image first`)
    for (let c = 0; c < kept; c++) out[i * kept + c] = data[i * channels + c]!
  }
  return { ...pixels, channels: kept, data: out }
}
