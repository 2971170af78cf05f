// Arrays that go into onnxruntime and come out of it.

export interface InputArray {
  readonly dtype: string
  readonly shape: readonly number[]
  readonly data: ArrayBufferView & ArrayLike<number | bigint>
}

/** One item: an array for every input of the network. */
export type InputItem = ReadonlyMap<string, InputArray>

export interface FetchedTensor {
  /** as onnxruntime names it: float32, uint8 … */
  readonly dtype: string
  readonly shape: readonly number[]
  readonly data: ArrayLike<number>
}
