// Numbers → codes: weights to e, activations to 8-bit codes (docs/values.md, section 1).
import { ModelError } from '../base/errors.js'
import type { InputSpec, WeightSpec } from './spec.js'
import type { CodeForm, Layer, QuantisedWeights, SignedInput, TensorQuantisation, WeightMatrix } from './types.js'

/** Round half to even, as ONNX QuantizeLinear does. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value)
  const rest = value - floor
  if (rest !== 0.5) return Math.round(value)
  return floor % 2 === 0 ? floor : floor + 1
}

/**
 * The integers e of a layer as matrices, one a group (or one block-diagonal matrix).
 * Float weights: symmetric int8, scale = max|w|/127 per output channel or per tensor. Integer weights: code − zero point, bit for bit.
 */
export function quantiseWeights(
  layer: Layer,
  spec: WeightSpec,
  packing: 'separate' | 'block-diagonal',
): QuantisedWeights {
  const groups = layer.geometry.groups
  const groupOut = layer.geometry.groupOut
  const outputs = groups * groupOut
  const rows = (layer.weights.kind === 'float' ? layer.weights.values : layer.weights.codes).length / outputs
  const order = rowOrder(layer, spec, rows)
  const source =
    layer.weights.kind === 'float'
      ? fromFloat(layer.weights.values, outputs, rows, spec)
      : fromInteger(layer, outputs, rows)
  const { scale, exactZeros } = source
  const matrices: WeightMatrix[] = []
  for (let g = 0; g < groups; g++) matrices.push(matrixOf(source, g, rows, groupOut, order))
  const packed = packing === 'block-diagonal' && groups > 1 ? [packDiagonal(matrices, rows, groupOut)] : matrices
  return { matrices: packed, scale, weightCount: rows * outputs, exactZeros }
}

/** Integers of a layer, made where they are put: large layers do not fit into memory twice. */
interface CodeSource {
  /** per output */
  readonly scale: Float64Array
  /** weights whose number in the model is zero */
  readonly exactZeros: number
  /** Writes e of a row (in channel-major order) of the outputs first … end − 1 to into[at] and behind it. */
  readonly write: (row: number, first: number, end: number, into: Int16Array, at: number) => void
}

/** Added and taken away again it rounds half to even, as roundHalfEven does: doubles of this size are whole numbers (|value| < 2^51). */
const wholeNumbers = 1.5 * 2 ** 52

function fromFloat(values: Float32Array, outputs: number, rows: number, spec: WeightSpec): CodeSource {
  const scale = new Float64Array(outputs)
  // Numbers without their sign are ordered as their bits are.
  const bits = new Int32Array(values.buffer, values.byteOffset, values.length)
  const tops = new Int32Array(outputs)
  let nonZeros = 0
  for (let o = 0; o < outputs; o++) {
    let top = 0
    for (let i = o * rows; i < (o + 1) * rows; i++) {
      const size = bits[i]! & 0x7fffffff
      if (size > top) top = size
      nonZeros += (0 - size) >>> 31
    }
    tops[o] = top
  }
  scale.set(new Float32Array(tops.buffer))
  if (spec.scale === 'per-tensor') scale.fill(scale.reduce((a, b) => Math.max(a, b), 0))
  for (let o = 0; o < outputs; o++) scale[o] = scale[o] === 0 ? 1 : scale[o]! / 127
  return {
    scale,
    exactZeros: rows * outputs - nonZeros,
    write(row, first, end, into, at) {
      for (let o = first, i = first * rows + row; o < end; o++, i += rows)
        into[at++] = values[i]! / scale[o]! + wholeNumbers - wholeNumbers
    },
  }
}

function fromInteger(layer: Layer, outputs: number, rows: number): CodeSource {
  if (layer.weights.kind !== 'integer') throw new ModelError(`${layer.name}: expected integer weights`)
  const { codes, zeroPoint, scale: given } = layer.weights
  const zeros = Int32Array.from({ length: outputs }, (_, o) => zeroPoint[zeroPoint.length === 1 ? 0 : o]!)
  let exactZeros = 0
  for (let o = 0; o < outputs; o++)
    for (let i = o * rows; i < (o + 1) * rows; i++) if (codes[i] === zeros[o]) exactZeros++
  return {
    scale: Float64Array.from({ length: outputs }, (_, o) => given[given.length === 1 ? 0 : o]!),
    exactZeros,
    write(row, first, end, into, at) {
      for (let o = first, i = first * rows + row; o < end; o++, i += rows) {
        const value = codes[i]! - zeros[o]!
        if (value < -32_768 || value > 32_767)
          throw new ModelError(`${layer.name}: weight code ${codes[i]} minus its zero point exceeds 16 bits`)
        into[at++] = value
      }
    },
  }
}

/** Row r of the mapped matrix → row in channel-major order. */
function rowOrder(layer: Layer, spec: WeightSpec, rows: number): Int32Array {
  if (layer.geometry.kind === 'matmul' || spec.rowOrder === 'channel-major')
    return Int32Array.from({ length: rows }, (_, r) => r)
  const { groupIn } = layer.geometry
  const positions = rows / groupIn
  return Int32Array.from({ length: rows }, (_, r) => (r % groupIn) * positions + Math.floor(r / groupIn))
}

/** Outputs that are written side by side: whole cache lines of the matrix, and as many streams to read from. */
const columnsAtOnce = 32

function matrixOf(source: CodeSource, group: number, rows: number, cols: number, order: Int32Array): WeightMatrix {
  const e = new Int16Array(rows * cols)
  for (let first = 0; first < cols; first += columnsAtOnce) {
    const end = Math.min(cols, first + columnsAtOnce)
    for (let r = 0; r < rows; r++)
      source.write(order[r]!, group * cols + first, group * cols + end, e, r * cols + first)
  }
  return { rows, cols, e, diagonal: null }
}

function packDiagonal(matrices: readonly WeightMatrix[], rows: number, cols: number): WeightMatrix {
  const width = matrices.length * cols
  const e = new Int16Array(matrices.length * rows * width)
  for (const [g, matrix] of matrices.entries()) {
    for (let r = 0; r < rows; r++) e.set(matrix.e.subarray(r * cols, (r + 1) * cols), (g * rows + r) * width + g * cols)
  }
  return { rows: matrices.length * rows, cols: width, e, diagonal: { rows, cols } }
}

/** How the codes of one tensor are made. */
export interface Coding {
  readonly form: CodeForm
  readonly scale: number
  readonly zeroPoint: number
}

/** Range of the values of a float tensor: what calibration needs. */
export interface Range {
  readonly min: number
  readonly max: number
}

/** Codes of a float tensor whose values (after clipping) lie in a range. A tensor that is never negative is unsigned. */
export function codingOfRange(range: Range, signed: SignedInput): Coding {
  const min = Math.min(0, range.min)
  const max = Math.max(0, range.max)
  // Below 1e-300 the division would lose its digits or give 0: such a tensor counts as all zero.
  const scaled = (span: number, steps: number) => (span < 1e-300 ? 1 : span / steps)
  if (min >= 0) return { form: 'unsigned', scale: scaled(max, 255), zeroPoint: 0 }
  const top = Math.max(max, -min)
  if (signed === 'twos-complement') return { form: 'twos-complement', scale: scaled(top, 127), zeroPoint: 0 }
  if (signed === 'split') return { form: 'split', scale: scaled(top, 255), zeroPoint: 0 }
  const scale = scaled(max - min, 255)
  return { form: 'unsigned', scale, zeroPoint: roundHalfEven(-min / scale) }
}

/** Codes of a tensor that the model quantises itself. */
export function codingOfModel(q: TensorQuantisation, signed: SignedInput): Coding {
  // A zero point that is computed may be anything.
  if (signed === 'split' && (q.dtype === 'int8' || q.zeroPoint > 0 || q.zeroPointTensor !== undefined))
    return { form: 'split', scale: q.scale, zeroPoint: 0 }
  if (q.dtype === 'uint8') return { form: 'unsigned', scale: q.scale, zeroPoint: q.zeroPoint }
  if (signed === 'twos-complement') return { form: 'twos-complement', scale: q.scale, zeroPoint: q.zeroPoint }
  return { form: 'unsigned', scale: q.scale, zeroPoint: q.zeroPoint + 128 }
}

const limits: Readonly<Record<CodeForm, readonly [number, number]>> = {
  unsigned: [0, 255],
  'twos-complement': [-128, 127],
  split: [-255, 255],
}

export type Codes = Uint8Array | Int8Array | Int16Array

export function emptyCodes(form: CodeForm, length: number): Codes {
  if (form === 'unsigned') return new Uint8Array(length)
  return form === 'split' ? new Int16Array(length) : new Int8Array(length)
}

/** round-half-even(x/scale) + zero point, limited to the range of the form; written to out from `at` on. */
export function encodeFloats(values: ArrayLike<number>, coding: Coding, out: Codes, at: number): void {
  const [low, high] = limits[coding.form]
  for (let i = 0; i < values.length; i++) {
    const code = roundHalfEven(values[i]! / coding.scale) + coding.zeroPoint
    out[at + i] = Math.max(low, Math.min(high, code))
  }
}

/** The model's own integer codes q in the form of `codingOfModel`. */
export function encodeIntegers(
  codes: ArrayLike<number>,
  q: TensorQuantisation,
  coding: Coding,
  out: Codes,
  at: number,
): void {
  const shift = coding.zeroPoint - q.zeroPoint
  for (let i = 0; i < codes.length; i++) out[at + i] = codes[i]! + shift
}

/** Range that a calibration keeps, from the exact range and a histogram of the values over it. */
export function calibratedRange(range: Range, histogram: Float64Array, spec: InputSpec): Range {
  if (spec.calibration === 'min-max' || range.max <= range.min) return range
  return spec.calibration === 'percentile'
    ? percentileRange(range, histogram, spec.percentile)
    : mseRange(range, histogram, spec.signed)
}

/** Cuts the same number of values off both ends (off the top alone when nothing is negative). */
function percentileRange(range: Range, histogram: Float64Array, percentile: number): Range {
  const total = histogram.reduce((a, b) => a + b, 0)
  const cut = total * (1 - percentile / 100) * (range.min < 0 ? 0.5 : 1)
  const width = (range.max - range.min) / histogram.length
  let low = 0
  let high = histogram.length
  for (let sum = histogram[low]!; range.min < 0 && sum <= cut && low < high - 1; ) sum += histogram[++low]!
  for (let sum = histogram[high - 1]!; sum <= cut && high - 1 > low; ) sum += histogram[--high - 1]!
  return { min: range.min + low * width, max: range.min + high * width }
}

/** The share (100 % … 20 %) of the range with the least squared quantisation error over the histogram. */
function mseRange(range: Range, histogram: Float64Array, signed: SignedInput): Range {
  let best = range
  let least = Number.POSITIVE_INFINITY
  const width = (range.max - range.min) / histogram.length
  const out = new Int16Array(1)
  for (let percent = 100; percent >= 20; percent--) {
    const candidate = { min: (range.min * percent) / 100, max: (range.max * percent) / 100 }
    const coding = codingOfRange(candidate, signed)
    let error = 0
    for (let bin = 0; bin < histogram.length; bin++) {
      if (histogram[bin] === 0) continue
      const centre = range.min + (bin + 0.5) * width
      encodeFloats([centre], coding, out, 0)
      error += histogram[bin]! * (centre - coding.scale * (out[0]! - coding.zeroPoint)) ** 2
    }
    if (error < least) {
      least = error
      best = candidate
    }
  }
  return best
}
