// What the output tensor of a layer says in numbers, for comparison with the layer's integer product.
import type { CodedTensor, Layer } from './types.js'

/** Range of the codes of a quantised tensor. */
export function codeRange(dtype: 'uint8' | 'int8'): readonly [number, number] {
  return dtype === 'uint8' ? [0, 255] : [-128, 127]
}

/** Real numbers that the values of `layer.outputTensor` stand for. */
export function realResults(layer: Layer, data: ArrayLike<number>): ArrayLike<number> {
  const codes = layer.outputCodes
  if (codes === undefined) return data
  return Float64Array.from(data, (code) => codes.scale * (code - codes.zeroPoint))
}

/** The number nearest to a result that `layer.outputTensor` can hold: codes end at the range of their type. */
export function representable(layer: Layer, value: number): number {
  const codes = layer.outputCodes
  if (codes === undefined) return value
  const [low, high] = codeRange(codes.dtype)
  return Math.min(codes.scale * (high - codes.zeroPoint), Math.max(codes.scale * (low - codes.zeroPoint), value))
}

/** Names of the recorded tensors that feed a layer: its codes, and their zero points where the model computes them. */
export function layerTensorNames(layer: Layer): string[] {
  const dynamic = layer.input?.zeroPointTensor
  return dynamic === undefined ? [layer.inputTensor] : [layer.inputTensor, dynamic]
}

/**
 * The recorded tensor of a layer, with the zero points of its items where the model computes them.
 * @returns undefined when the trace does not hold it
 */
export function layerTensor(
  tensors: { get(name: string): CodedTensor | undefined },
  layer: Layer,
): CodedTensor | undefined {
  const tensor = tensors.get(layer.inputTensor)
  const dynamic = layer.input?.zeroPointTensor
  if (tensor === undefined || dynamic === undefined || tensor.form === 'split') return tensor
  const zeros = tensors.get(dynamic)
  if (zeros === undefined) return undefined
  // int8 codes that became uint8 codes moved by 128, and their zero points with them.
  const shift = tensor.form === 'unsigned' && layer.input!.dtype === 'int8' ? 128 : 0
  const zeroPoints = Int32Array.from(zeros.codes, (zero) => zero + shift)
  return { ...tensor, zeroPoint: zeroPoints[0] ?? tensor.zeroPoint, zeroPoints }
}
