// Change of size and crop of one image. Pixel centres stand at half coordinates; what lies outside does not count.
import { SpecError } from '../../models/base/errors.js'
import type { Pixels } from './images.js'
import type { OneInput } from './spec.js'

type Resize = NonNullable<OneInput['resize']>
type Crop = NonNullable<OneInput['crop']>

/** @throws SpecError when the fields name no size */
export function resized(image: Pixels, resize: Resize, what: string): Pixels {
  const [height, width] = newSize(image, resize)
  if (height === image.height && width === image.width) return image
  if (height * width > 2 ** 26) throw new SpecError(`${what}: ${width} × ${height} pixels after resize`)
  const data =
    resize.method === 'nearest'
      ? nearest(image, height, width)
      : separable(image, height, width, resize.method === 'antialias')
  // Whole pixels stay whole pixels, as image libraries keep them.
  if (image.whole) for (let i = 0; i < data.length; i++) data[i] = Math.floor(data[i]! + 0.5)
  return { ...image, height, width, data }
}

/** The longer side is rounded down, as torchvision does. */
function newSize(image: Pixels, resize: Resize): [number, number] {
  const { shorter, height, width } = resize
  if (shorter === undefined) return [height!, width!]
  const longer = (side: number, other: number) => Math.max(1, Math.floor((shorter * side) / other))
  return image.height <= image.width
    ? [shorter, longer(image.width, image.height)]
    : [longer(image.height, image.width), shorter]
}

function nearest(image: Pixels, height: number, width: number): Float64Array {
  const { channels } = image
  const out = new Float64Array(height * width * channels)
  const from = (i: number, size: number, all: number) => Math.min(all - 1, Math.floor(((i + 0.5) * all) / size))
  for (let y = 0, at = 0; y < height; y++) {
    const row = from(y, height, image.height) * image.width
    for (let x = 0; x < width; x++) {
      const base = (row + from(x, width, image.width)) * channels
      for (let c = 0; c < channels; c++) out[at++] = image.data[base + c]!
    }
  }
  return out
}

interface Taps {
  readonly first: number
  readonly weights: readonly number[]
}

/** Triangle filter around the centre of every new pixel, of half width 1, or the reduction where `wide` is set. */
function tapsOf(size: number, all: number, wide: boolean): Taps[] {
  const ratio = all / size
  const reach = wide ? Math.max(ratio, 1) : 1
  return Array.from({ length: size }, (_, i) => {
    const centre = (i + 0.5) * ratio
    const first = Math.max(0, Math.floor(centre - reach + 0.5))
    const last = Math.min(all, Math.floor(centre + reach + 0.5))
    const raw = Array.from({ length: last - first }, (_, k) =>
      Math.max(0, 1 - Math.abs(first + k + 0.5 - centre) / reach),
    )
    const sum = raw.reduce((a, b) => a + b, 0)
    return { first, weights: raw.map((weight) => weight / sum) }
  })
}

function separable(image: Pixels, height: number, width: number, wide: boolean): Float64Array {
  const { channels } = image
  const across = tapsOf(width, image.width, wide)
  const rows = new Float64Array(image.height * width * channels)
  for (let y = 0, at = 0; y < image.height; y++) {
    for (const { first, weights } of across) {
      for (let c = 0; c < channels; c++) {
        let sum = 0
        for (let k = 0; k < weights.length; k++)
          sum += weights[k]! * image.data[(y * image.width + first + k) * channels + c]!
        rows[at++] = sum
      }
    }
  }
  const line = width * channels
  const out = new Float64Array(height * line)
  for (const [y, { first, weights }] of tapsOf(height, image.height, wide).entries()) {
    for (const [k, weight] of weights.entries()) {
      const base = (first + k) * line
      for (let x = 0; x < line; x++) out[y * line + x] = out[y * line + x]! + weight * rows[base + x]!
    }
  }
  return out
}

/** @throws SpecError when the crop is larger than the image */
export function cropped(image: Pixels, crop: Crop, what: string): Pixels {
  const { height, width } = crop
  const top = crop.top ?? Math.floor((image.height - height) / 2)
  const left = crop.left ?? Math.floor((image.width - width) / 2)
  if (top < 0 || left < 0 || top + height > image.height || left + width > image.width)
    throw new SpecError(
      `${what}: a crop of ${width} × ${height} at column ${left}, row ${top} does not fit into ${image.width} × ${image.height} pixels; resize first`,
    )
  const { channels } = image
  const data = new Float64Array(height * width * channels)
  for (let y = 0, at = 0; y < height; y++) {
    const base = ((y + top) * image.width + left) * channels
    for (let x = 0; x < width * channels; x++) data[at++] = image.data[base + x]!
  }
  return { ...image, height, width, data }
}
