// Tiny ONNX models for tests.
import { onnx } from '../../models/nn/proto/onnx.js'
import type { InputItem } from '../../traces/record/session.js'

const types = onnx.TensorProto.DataType

export function floats(name: string, dims: number[], values: ArrayLike<number>): onnx.TensorProto.$Properties {
  return { name, dims, data_type: types.FLOAT, raw_data: new Uint8Array(Float32Array.from(values).buffer) }
}

export function bytesTensor(
  name: string,
  dims: number[],
  type: 'INT8' | 'UINT8',
  values: ArrayLike<number>,
): onnx.TensorProto.$Properties {
  const data = type === 'INT8' ? Int8Array.from(values) : Uint8Array.from(values)
  return { name, dims, data_type: types[type], raw_data: new Uint8Array(data.buffer) }
}

export function ints32(name: string, dims: number[], values: ArrayLike<number>): onnx.TensorProto.$Properties {
  return { name, dims, data_type: types.INT32, raw_data: new Uint8Array(Int32Array.from(values).buffer) }
}

export function longs(name: string, values: readonly number[]): onnx.TensorProto.$Properties {
  return {
    name,
    dims: [values.length],
    data_type: types.INT64,
    raw_data: new Uint8Array(BigInt64Array.from(values, BigInt).buffer),
  }
}

export interface NodeSpec {
  readonly op: string
  readonly name?: string
  readonly inputs: string[]
  readonly outputs: string[]
  readonly ints?: Record<string, number[]>
  readonly int?: Record<string, number>
  readonly float?: Record<string, number>
  readonly text?: Record<string, string>
}

function node(spec: NodeSpec): onnx.NodeProto.$Properties {
  return {
    op_type: spec.op,
    name: spec.name ?? spec.outputs[0]!,
    input: spec.inputs,
    output: spec.outputs,
    attribute: [
      ...Object.entries(spec.ints ?? {}).map(([name, ints]) => ({ name, type: 7, ints })),
      ...Object.entries(spec.int ?? {}).map(([name, i]) => ({ name, type: 2, i })),
      ...Object.entries(spec.float ?? {}).map(([name, f]) => ({ name, type: 1, f })),
      ...Object.entries(spec.text ?? {}).map(([name, s]) => ({ name, type: 3, s: new TextEncoder().encode(s) })),
    ],
  }
}

export function model(
  shape: (number | string)[],
  nodes: readonly NodeSpec[],
  initializers: onnx.TensorProto.$Properties[],
  output: string,
): Uint8Array {
  const dim = shape.map((size) => (typeof size === 'string' ? { dim_param: size } : { dim_value: size }))
  const graph = {
    name: 'test',
    node: nodes.map(node),
    initializer: initializers,
    input: [{ name: 'x', type: { tensor_type: { elem_type: types.FLOAT, shape: { dim } } } }],
    output: [{ name: output, type: { tensor_type: { elem_type: types.FLOAT } } }],
  }
  return onnx.ModelProto.encode({ ir_version: 8, opset_import: [{ domain: '', version: 17 }], graph }).finish()
}

export function item(shape: readonly number[], values: ArrayLike<number>): InputItem {
  return new Map([['x', { dtype: 'float32', shape, data: Float32Array.from(values) }]])
}
