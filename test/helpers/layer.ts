// Random cases as layers of a network: for everything that begins with a layer and a recorded tensor.
import type { CodedTensor, Layer } from '../../models/nn/types.js'
import type { Case } from './work.js'

/** A case as a batched product with constants, one matrix a group. */
export function layerOf(input: Case): Layer {
  const [first] = input.matrices
  const codes = input.matrices.flatMap((m) =>
    Array.from({ length: m.rows * m.cols }, (_, i) => m.e[(i % m.rows) * m.cols + Math.floor(i / m.rows)]!),
  )
  const groups = input.matrices.length
  return {
    index: 0,
    name: 'random',
    op: 'MatMul',
    geometry: {
      kind: 'matmul',
      groups,
      groupIn: first!.rows,
      groupOut: first!.cols,
      contract: 'last',
      outputAxis: 'last',
      vectorConstant: false,
      batch: groups > 1 ? [groups] : [],
    },
    weightShape: [],
    weights: { kind: 'integer', codes: Int16Array.from(codes), scale: Float64Array.of(1), zeroPoint: Int32Array.of(0) },
    inputTensor: 'x',
    input: null,
    outputTensor: 'y',
    outputStep: null,
    bias: null,
  }
}

export function tensorOf(input: Case): CodedTensor {
  const { rows } = input.matrices[0]!
  const shape = [input.matrices.length, input.vectors, rows]
  const list: number[] = []
  for (const codes of input.codes) {
    for (let v = 0; v < input.vectors; v++) {
      for (let r = 0; r < rows; r++) {
        if (input.form === 'split')
          list.push(codes[2 * v * rows + r]! > 0 ? codes[2 * v * rows + r]! : -codes[(2 * v + 1) * rows + r]!)
        else list.push(codes[v * rows + r]!)
      }
    }
  }
  const make =
    input.form === 'unsigned'
      ? Uint8Array.from(list)
      : input.form === 'split'
        ? Int16Array.from(list)
        : Int8Array.from(list)
  return { form: input.form, shape, codes: make, scale: 1, zeroPoint: input.zeroPoint }
}
