// Seeded inputs that look natural to a convolution: neighbouring pixels alike, the same contrast in every octave (a spectrum of about 1/f, Field,
// J. Opt. Soc. Am. A 4, 1987), colours that mostly follow the brightness.
import seedrandom from 'seedrandom'
import type { InputItem } from '../../traces/record/session.js'
import { input, type Topology } from './graph.js'
import { normals } from './weights.js'

/** @returns item `index` of the seed: 1 × channels × side × side floats, every channel with mean 0 and deviation 1 */
export function image(topology: Pick<Topology, 'channels' | 'side'>, seed: string, index: number): InputItem {
  return images(topology, seed, index, 1)
}

/** Items `first` … `first + count` − 1 along the batch axis. */
export function images(
  topology: Pick<Topology, 'channels' | 'side'>,
  seed: string,
  first: number,
  count: number,
): InputItem {
  const { channels, side } = topology
  const area = side * side
  const data = new Float32Array(count * channels * area)
  for (let i = 0; i < count; i++) {
    const stream = `${seed} image ${first + i}`
    const brightness = octaves(side, stream)
    for (let c = 0; c < channels; c++) {
      const colour = channels === 1 ? null : octaves(side, `${stream} channel ${c}`)
      const plane = brightness.map((value, at) => value + (colour === null ? 0 : 0.3 * colour[at]!))
      data.set(standardised(plane), (i * channels + c) * area)
    }
  }
  return new Map([[input, { dtype: 'float32', shape: [count, channels, side, side], data }]])
}

/** Sum of random lattices, from one cell over the whole side down to one pixel, each interpolated bilinearly and with the same deviation. */
function octaves(side: number, stream: string): Float32Array {
  const normal = normals(seedrandom.alea(stream))
  const sum = new Float32Array(side * side)
  for (let cell = side; cell >= 1; cell /= 2) {
    const points = Math.ceil(side / cell) + 1
    const lattice = Float32Array.from({ length: points * points }, normal)
    const layer = new Float32Array(side * side)
    for (let y = 0; y < side; y++) {
      const v = Math.floor(y / cell)
      const dy = y / cell - v
      for (let x = 0; x < side; x++) {
        const u = Math.floor(x / cell)
        const dx = x / cell - u
        const at = v * points + u
        const top = lattice[at]! * (1 - dx) + lattice[at + 1]! * dx
        const bottom = lattice[at + points]! * (1 - dx) + lattice[at + points + 1]! * dx
        layer[y * side + x] = top * (1 - dy) + bottom * dy
      }
    }
    for (const [i, value] of standardised(layer).entries()) sum[i]! += value
  }
  return sum
}

function standardised(values: Float32Array): Float32Array {
  let mean = 0
  for (const value of values) mean += value / values.length
  let variance = 0
  for (const value of values) variance += (value - mean) ** 2 / values.length
  const deviation = Math.sqrt(variance) || 1
  return values.map((value) => (value - mean) / deviation)
}
