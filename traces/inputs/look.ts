// What a network would see: sizes and numbers of its inputs, by channel, over all items.
import type { InputArray } from '../record/session.js'
import type { DescribedInput } from './described.js'

export interface ChannelFigures {
  /** R, G, B, grey, a number, or "all" where nobody knows the channels */
  readonly channel: string
  readonly min: number
  readonly max: number
  readonly mean: number
  /** population standard deviation */
  readonly std: number
}

export interface InputLook {
  readonly name: string
  readonly dtype: string
  /** of one item */
  readonly shape: readonly number[]
  readonly layout: string | null
  readonly channels: string | null
  readonly figures: readonly ChannelFigures[]
}

/** More channels than this are features, not colours: they are looked at together. */
const mostChannels = 16

/** Axis of the channels of an item, or null. */
export function channelAxis(input: Pick<DescribedInput, 'layout'>, shape: readonly number[]): number | null {
  const axis = input.layout === 'NHWC' ? 3 : input.layout === 'NCHW' ? 1 : null
  return axis !== null && (shape[axis] ?? 0) <= mostChannels ? axis : null
}

interface Sums {
  min: number
  max: number
  sum: number
  squares: number
  count: number
}

/** @param onItem called after every item, with the item; items × inputs are read once */
export async function lookAt(
  inputs: readonly DescribedInput[],
  count: number,
  onItem: (index: number, arrays: readonly InputArray[]) => void,
): Promise<InputLook[]> {
  const shapes: (readonly number[])[] = []
  const sums: Sums[][] = inputs.map(() => [])
  for (let index = 0; index < count; index++) {
    const arrays: InputArray[] = []
    for (const [i, input] of inputs.entries()) {
      const array = await input.take(index)
      shapes[i] ??= array.shape
      add(sums[i]!, input, array)
      arrays.push(array)
    }
    onItem(index, arrays)
  }
  return inputs.map((input, i) => ({
    name: input.name,
    dtype: input.dtype,
    shape: shapes[i] ?? [],
    layout: input.layout,
    channels: input.channels,
    figures: sums[i]!.map((s, c) => ({
      channel: channelName(input, c, sums[i]!.length),
      min: s.min,
      max: s.max,
      mean: s.sum / s.count,
      std: Math.sqrt(Math.max(0, s.squares / s.count - (s.sum / s.count) ** 2)),
    })),
  }))
}

function add(sums: Sums[], input: DescribedInput, { shape, data }: InputArray): void {
  const axis = channelAxis(input, shape)
  const channels = axis === null ? 1 : shape[axis]!
  const stride = axis === null ? data.length : shape.slice(axis + 1).reduce((a, b) => a * b, 1)
  for (let i = 0; i < data.length; i++) {
    const c = axis === null ? 0 : Math.floor(i / stride) % channels
    sums[c] ??= { min: Number.POSITIVE_INFINITY, max: Number.NEGATIVE_INFINITY, sum: 0, squares: 0, count: 0 }
    const s = sums[c]
    const value = Number(data[i])
    if (value < s.min) s.min = value
    if (value > s.max) s.max = value
    s.sum += value
    s.squares += value * value
    s.count++
  }
}

function channelName(input: DescribedInput, channel: number, channels: number): string {
  if (channels === 3 && (input.channels === 'RGB' || input.channels === 'BGR')) return input.channels[channel]!
  if (channels > 1) return String(channel)
  return input.channels === 'grey' ? 'grey' : 'all'
}
