// What recording leaves behind: the integer activations of every layer with constant weights, item by item. Plain data; one recorded
// trace gives the same run on every machine, whatever the inference runtime's floating-point kernels do.
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

/** Everything of a coded tensor but its codes: form, shape of one item, scale, zero point. */
export type TensorHead = Omit<CodedTensor, 'codes'>

/** What is the same for all items of a trace. */
export interface TraceHead {
  /** SHA-256 of the model file, lower-case hexadecimal */
  readonly modelSha256: string
  readonly items: number
  /** graph tensor name (`Layer.inputTensor`) → how its codes are read; shapes have the batch axis as recorded (1 where it is symbolic) */
  readonly tensors: ReadonlyMap<string, TensorHead>
  readonly products: readonly RecordedProduct[]
  readonly settings: InputSettings
}

/** What is known of one item beside its codes. */
export interface ItemFacts {
  /** index of the largest value of the network's first output (ties: lowest index) */
  readonly prediction: number
  /** see `TraceSource.labels` */
  readonly labels: readonly number[] | null
  /** SHA-256 of the codes of all tensors, in the order of the head, little-endian */
  readonly codesSha256: string
  /** SHA-256 of what the network was fed; null when it is not known */
  readonly inputsSha256: string | null
}

export interface RecordedItem extends ItemFacts {
  readonly index: number
  /** by graph tensor name, in the order of the head; the codes are those of this item alone */
  readonly tensors: ReadonlyMap<string, CodedTensor>
}

/** Items one at a time, in any order and any number of times: a file, or a network that runs when it is asked. */
export interface TraceSource {
  readonly head: TraceHead
  /** indices of the first output that count as right for an item; null: not known */
  labels(index: number): readonly number[] | null
  /** @throws SpecError or ModelError naming the item */
  readItem(index: number): Promise<RecordedItem>
  /** SHA-256 of the trace (see `traceSha256`). A network that runs knows it when every item was read; @throws SimFault before that */
  sha256(): string
  close(): Promise<void>
}

/** All items at once. */
export interface RecordedTrace extends TraceHead {
  /** codes: items × product(shape), row-major */
  readonly tensors: ReadonlyMap<string, CodedTensor>
  /** of every item */
  readonly predictions: Int32Array
}

/** The items of a source, in order. */
export async function* itemsOf(source: TraceSource, limit: number | null = null): AsyncGenerator<RecordedItem> {
  const count = Math.min(source.head.items, limit ?? source.head.items)
  for (let index = 0; index < count; index++) yield await source.readItem(index)
}
