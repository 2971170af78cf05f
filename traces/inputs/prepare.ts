// One image → the tensor that the network is fed: channels, size, crop, normalisation, order of the axes.
import { SpecError } from '../../models/base/errors.js'
import type { NpyData } from '../store/npy.js'
import type { Pixels } from './images.js'
import { cropped, resized } from './resize.js'
import type { ChannelOrder, Layout, OneInput } from './spec.js'

export interface PreparedImage {
  /** with a batch axis of 1 */
  readonly shape: readonly number[]
  readonly values: Float64Array
}

export function prepare(image: Pixels, spec: OneInput, what: string): PreparedImage {
  const sized = spec.resize === undefined ? image : resized(image, spec.resize, what)
  const cut = spec.crop === undefined ? sized : cropped(sized, spec.crop, what)
  const { height, width, channels, data } = inOrder(cut, spec, what)
  const change = normaliser(spec, channels, what)
  const first = (spec.network?.layout ?? 'NCHW') === 'NCHW'
  const values = new Float64Array(height * width * channels)
  const plane = height * width
  for (let p = 0; p < plane; p++)
    for (let c = 0; c < channels; c++)
      values[first ? c * plane + p : p * channels + c] = change(data[p * channels + c]!, c)
  return { shape: first ? [1, channels, height, width] : [1, height, width, channels], values }
}

/** Channels that the network gets. */
export function networkChannels(spec: OneInput, channels: number): ChannelOrder | null {
  return spec.network?.channels ?? spec.channels ?? (channels === 1 ? 'grey' : channels === 3 ? 'RGB' : null)
}

/** Weights of red, green and blue in grey: ITU-R BT.601-7, section 2.5.1. */
const luma = [0.299, 0.587, 0.114] as const

function inOrder(image: Pixels, spec: OneInput, what: string): Pixels {
  const given = spec.channels ?? (image.channels === 1 ? 'grey' : 'RGB')
  const wanted = spec.network?.channels ?? given
  const count = given === 'grey' ? 1 : 3
  // Arrays of other numbers of channels are taken as they are, when nobody says what they are.
  if (image.channels !== count) {
    if (spec.channels === undefined && spec.network?.channels === undefined) return image
    throw new SpecError(`${what}: ${image.channels} channels, expected ${count} (${given})`)
  }
  if (given === wanted) return image
  const { data } = image
  const pixels = image.height * image.width
  const out = new Float64Array(pixels * (wanted === 'grey' ? 1 : 3))
  for (let p = 0; p < pixels; p++) {
    if (wanted === 'grey') {
      for (let c = 0; c < 3; c++) out[p] = out[p]! + luma[given === 'BGR' ? 2 - c : c]! * data[p * 3 + c]!
    } else for (let c = 0; c < 3; c++) out[p * 3 + c] = given === 'grey' ? data[p]! : data[p * 3 + 2 - c]!
  }
  return { ...image, channels: wanted === 'grey' ? 1 : 3, data: out }
}

/** (x ÷ divide − mean) ÷ std · scale, every one of them by channel. */
export function normaliser(spec: OneInput, channels: number, what: string): (x: number, channel: number) => number {
  const list = (name: 'mean' | 'std' | 'scale'): number[] => {
    const given = spec[name]
    if (typeof given === 'number') return new Array<number>(channels).fill(given)
    if (given.length !== channels)
      throw new SpecError(
        `${what}: ${name} has ${given.length} entries for ${channels} channels; give one number or one a channel`,
      )
    return given
  }
  const [mean, std, scale] = [list('mean'), list('std'), list('scale')]
  return (x, c) => ((x / spec.divide - mean[c]!) / std[c]!) * scale[c]!
}

/** Item of an array of images as rows, columns, channels. @param shape of one item */
export function pixelsOf(data: NpyData, shape: readonly number[], layout: Layout, whole: boolean): Pixels {
  const axes = layout.replace('N', '')
  const size = (axis: string) => (axes.includes(axis) ? shape[axes.indexOf(axis)]! : 1)
  const [height, width, channels] = [size('H'), size('W'), size('C')]
  const values = data instanceof BigInt64Array ? Float64Array.from(data, Number) : data
  if (axes !== 'CHW') return { height, width, channels, data: values, whole }
  const out = new Float64Array(values.length)
  for (let c = 0, at = 0; c < channels; c++)
    for (let p = 0; p < height * width; p++) out[p * channels + c] = values[at++]!
  return { height, width, channels, data: out, whole }
}
