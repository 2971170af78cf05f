// The layers that the embedded network is made of, with forward and backward pass for one sample, in plain arithmetic.

export interface ConvShape {
  readonly name: string
  readonly inputs: number
  readonly outputs: number
  readonly size: number
  readonly stride: number
  readonly depthwise: boolean
}

export interface Parameters {
  readonly weights: Float32Array
  readonly bias: Float32Array
}

export const outSize = (shape: ConvShape): number => Math.ceil(shape.size / shape.stride)
const fanIn = (shape: ConvShape) => (shape.depthwise ? 1 : shape.inputs)
export const weightCount = (shape: ConvShape): number => shape.outputs * fanIn(shape) * 9

/** 3 × 3 convolution, padding 1: calls visit(output position, input position, tap) for every tap inside the image. */
function forTaps(shape: ConvShape, visit: (out: number, source: number, tap: number) => void): void {
  const n = outSize(shape)
  for (let y = 0; y < n; y++) {
    for (let x = 0; x < n; x++) {
      for (let tap = 0; tap < 9; tap++) {
        const sy = y * shape.stride - 1 + Math.floor(tap / 3)
        const sx = x * shape.stride - 1 + (tap % 3)
        if (sy >= 0 && sx >= 0 && sy < shape.size && sx < shape.size) visit(y * n + x, sy * shape.size + sx, tap)
      }
    }
  }
}

/** Columns [position][input · 9 + tap] of one sample; zeros outside the image. */
export function columns(shape: ConvShape, input: Float32Array): Float32Array {
  const rows = shape.inputs * 9
  const area = shape.size * shape.size
  const out = new Float32Array(outSize(shape) ** 2 * rows)
  forTaps(shape, (position, source, tap) => {
    for (let c = 0; c < shape.inputs; c++) out[position * rows + c * 9 + tap] = input[c * area + source]!
  })
  return out
}

export function convForward(shape: ConvShape, p: Parameters, cols: Float32Array): Float32Array {
  const area = outSize(shape) ** 2
  const rows = shape.inputs * 9
  const taps = fanIn(shape) * 9
  const out = new Float32Array(shape.outputs * area)
  for (let o = 0; o < shape.outputs; o++) {
    const first = shape.depthwise ? o * 9 : 0
    for (let v = 0; v < area; v++) {
      let sum = p.bias[o]!
      const base = v * rows + first
      for (let r = 0; r < taps; r++) sum += p.weights[o * taps + r]! * cols[base + r]!
      out[o * area + v] = sum
    }
  }
  return out
}

/** Adds the gradients of weights and bias; returns that of the input. */
export function convBackward(
  shape: ConvShape,
  p: Parameters,
  grad: Parameters,
  cols: Float32Array,
  dOut: Float32Array,
): Float32Array {
  const area = outSize(shape) ** 2
  const rows = shape.inputs * 9
  const taps = fanIn(shape) * 9
  const dCols = new Float32Array(cols.length)
  for (let o = 0; o < shape.outputs; o++) {
    const first = shape.depthwise ? o * 9 : 0
    for (let v = 0; v < area; v++) {
      const d = dOut[o * area + v]!
      if (d === 0) continue
      grad.bias[o] = grad.bias[o]! + d
      const base = v * rows + first
      for (let r = 0; r < taps; r++) {
        grad.weights[o * taps + r] = grad.weights[o * taps + r]! + d * cols[base + r]!
        dCols[base + r] = dCols[base + r]! + d * p.weights[o * taps + r]!
      }
    }
  }
  const inArea = shape.size * shape.size
  const dIn = new Float32Array(shape.inputs * inArea)
  forTaps(shape, (position, source, tap) => {
    for (let c = 0; c < shape.inputs; c++)
      dIn[c * inArea + source] = dIn[c * inArea + source]! + dCols[position * rows + c * 9 + tap]!
  })
  return dIn
}

export function relu(values: Float32Array): Float32Array {
  return values.map((value) => Math.max(0, value))
}

/** Gradient in front of a ReLU whose result is `out`. */
export function reluBackward(out: Float32Array, dOut: Float32Array): Float32Array {
  return dOut.map((d, i) => (out[i]! > 0 ? d : 0))
}
