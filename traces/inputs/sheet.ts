// A contact sheet: the first items as the network sees them, side by side in one PNG. Every channel is stretched from its smallest to its
// largest number over all items, so that a wrong order of channels or a wrong mean is seen at once.
import { encode } from 'fast-png'
import type { InputArray } from '../record/session.js'
import type { DescribedInput } from './described.js'
import { type ChannelFigures, channelAxis } from './look.js'

/** pixels of a tile: small items are enlarged by a whole number, large ones are thinned out */
const tileSide = { least: 64, most: 256 }
const gap = 4
const background = 128

interface Tile {
  readonly height: number
  readonly width: number
  /** red, green, blue */
  readonly pixels: Uint8Array
}

/** @param figures of the input over all items, for the range of the colours */
export function contactSheet(
  input: DescribedInput,
  items: readonly InputArray[],
  figures: readonly ChannelFigures[],
): Uint8Array {
  const tiles = items.map((item) => tileOf(input, item, figures))
  const columns = Math.max(1, Math.ceil(Math.sqrt(tiles.length)))
  const rows = Math.ceil(tiles.length / columns)
  const cell = {
    height: Math.max(...tiles.map((tile) => tile.height)) + gap,
    width: Math.max(...tiles.map((tile) => tile.width)) + gap,
  }
  const [height, width] = [rows * cell.height + gap, columns * cell.width + gap]
  const data = new Uint8Array(height * width * 3).fill(background)
  for (const [t, tile] of tiles.entries()) {
    const top = Math.floor(t / columns) * cell.height + gap
    const left = (t % columns) * cell.width + gap
    for (let y = 0; y < tile.height; y++)
      data.set(tile.pixels.subarray(y * tile.width * 3, (y + 1) * tile.width * 3), ((top + y) * width + left) * 3)
  }
  return encode({ width, height, channels: 3, data })
}

function tileOf(input: DescribedInput, item: InputArray, figures: readonly ChannelFigures[]): Tile {
  const view = viewOf(input, item)
  const longest = Math.max(view.height, view.width)
  const enlarge = Math.max(1, Math.ceil(tileSide.least / longest))
  const thin = Math.max(1, Math.ceil(longest / tileSide.most))
  const height = Math.ceil(view.height / thin) * enlarge
  const width = Math.ceil(view.width / thin) * enlarge
  const pixels = new Uint8Array(height * width * 3)
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let colour = 0; colour < 3; colour++) {
        const channel = view.channel(colour)
        const { min, max } = figures[Math.min(channel, figures.length - 1)]!
        const value = view.value(Math.floor(y / enlarge) * thin, Math.floor(x / enlarge) * thin, channel)
        pixels[at++] = max > min ? Math.round((255 * (value - min)) / (max - min)) : background
      }
    }
  }
  return { height, width, pixels }
}

/** An item as rows, columns and colours; what is no image becomes rows of its last axis. */
function viewOf(input: DescribedInput, { shape, data }: InputArray) {
  const axis = channelAxis(input, shape)
  if (axis !== null && (shape[axis] === 1 || shape[axis] === 3)) {
    const channels = shape[axis]
    const [height, width] = axis === 1 ? [shape[2]!, shape[3]!] : [shape[1]!, shape[2]!]
    const value = (y: number, x: number, c: number) =>
      Number(data[axis === 1 ? (c * height + y) * width + x : (y * width + x) * channels + c])
    // The sheet shows red as red, wherever the network wants it.
    const channel = (colour: number) => (channels === 1 ? 0 : input.channels === 'BGR' ? 2 - colour : colour)
    return { height, width, value, channel }
  }
  const width = shape.at(-1) ?? 1
  const height = Math.max(1, data.length / width)
  return { height, width, value: (y: number, x: number) => Number(data[y * width + x]), channel: () => 0 }
}
