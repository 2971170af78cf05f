// What recording leaves behind: the integer activations of every layer with constant weights, for a number of items. Plain data;
// one recorded trace gives the same run on every machine, whatever the inference runtime's floating-point kernels do.
import type { InputSpec } from '../../models/nn/spec.js'
import type { CodedTensor } from '../../models/nn/types.js'

/** The machine parameters that decided the codes; a trace is only valid for machines that agree. */
export type InputSettings = Pick<InputSpec, 'signed' | 'calibration' | 'percentile'>

/** A product of two activations as it was recorded: not on arrays, only counted. */
export interface RecordedProduct {
  readonly name: string
  /** ONNX operator: MatMul, Gemm, Conv */
  readonly op: string
  /** shapes of the first operand, the second operand and the result, for one item */
  readonly shapes: readonly [readonly number[], readonly number[], readonly number[]]
  /** multiply-accumulates of one item */
  readonly macs: number
}

export interface RecordedTrace {
  /** SHA-256 of the model file, lower-case hexadecimal */
  readonly modelSha256: string
  readonly items: number
  /** graph tensor name (`Layer.inputTensor`) → codes; shapes have the batch axis as recorded (1 where it is symbolic) */
  readonly tensors: ReadonlyMap<string, CodedTensor>
  readonly products: readonly RecordedProduct[]
  /** per item: index of the largest value of the network's first output (ties: lowest index) */
  readonly predictions: Int32Array
  readonly settings: InputSettings
}
