// The labelled images of the embedded network: shapes of eight classes at random place, size, rotation and contrast sign, with clutter
// and noise, 16 × 16 pixels. Only + − × ÷ and square roots are used, so every machine draws the same pixels.
import seedrandom from 'seedrandom'

export const side = 16
export const classes = ['disc', 'ring', 'square', 'frame', 'bar', 'twin bars', 'cross', 'corner'] as const

export interface Sample {
  /** side × side values, row-major, around 0 */
  readonly pixels: Float32Array
  readonly label: number
}

/** Named streams: 'train', 'test', 'shipped' … never share a number. */
export function samples(stream: string, count: number): Sample[] {
  const random = seedrandom.alea(`cimulator embedded ${stream}`)
  return Array.from({ length: count }, (_, i) => draw(i % classes.length, random))
}

function draw(label: number, random: () => number): Sample {
  const between = (low: number, high: number) => low + random() * (high - low)
  const size = between(3.2, 5.4)
  const [x0, y0] = [between(size + 0.6, side - 1.6 - size), between(size + 0.6, side - 1.6 - size)]
  const t = between(-0.414, 0.414)
  // Rational points of the circle: a rotation by up to ±45° without sine and cosine.
  const [c, s] = [(1 - t * t) / (1 + t * t), (2 * t) / (1 + t * t)]
  const turn = random() < 0.5
  const sign = random() < 0.5 ? -1 : 1
  const contrast = sign * between(0.8, 1.2)
  const pixels = new Float32Array(side * side)
  const tilt = [between(-0.02, 0.02), between(-0.02, 0.02)]
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const [dx, dy] = [(x - x0) / size, (y - y0) / size]
      const [u, v] = [c * dx + s * dy, c * dy - s * dx]
      const inside = coverage(label, turn ? v : u, turn ? u : v, size)
      const noise = (random() + random() + random() - 1.5) * 0.14
      pixels[y * side + x] = contrast * inside + noise + tilt[0]! * (x - 8) + tilt[1]! * (y - 8)
    }
  }
  clutter(pixels, random)
  return { pixels, label }
}

/** Share of a pixel that the shape covers; (u, v) in units of the shape's size. */
function coverage(label: number, u: number, v: number, size: number): number {
  const radius = Math.sqrt(u * u + v * v)
  const [au, av] = [Math.abs(u), Math.abs(v)]
  const box = Math.max(au, av)
  const distances = [
    radius - 0.85,
    Math.abs(radius - 0.8) - 0.2,
    box - 0.75,
    Math.abs(box - 0.75) - 0.17,
    Math.max(au - 0.22, av - 1),
    Math.max(Math.abs(au - 0.55) - 0.2, av - 0.95),
    Math.min(Math.max(au - 0.2, av - 1), Math.max(av - 0.2, au - 1)),
    Math.min(Math.max(Math.abs(u + 0.6) - 0.2, av - 0.8), Math.max(Math.abs(v - 0.6) - 0.2, au - 0.8)),
  ]
  return Math.min(1, Math.max(0, 0.5 - distances[label]! * size))
}

/** A few single bright or dark pixels. */
function clutter(pixels: Float32Array, random: () => number): void {
  for (let n = 0; n < 3; n++) {
    const at = Math.floor(random() * pixels.length)
    pixels[at] = pixels[at]! + (random() < 0.5 ? -0.6 : 0.6)
  }
}
