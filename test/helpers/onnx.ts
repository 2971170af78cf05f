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

/** Two 4-bit integers in a byte, the first in the low half. */
export function nibbles(
  name: string,
  dims: number[],
  type: 'INT4' | 'UINT4',
  values: readonly number[],
): onnx.TensorProto.$Properties {
  const bytes = Uint8Array.from({ length: Math.ceil(values.length / 2) }, (_, i) => {
    return (values[2 * i]! & 15) | (((values[2 * i + 1] ?? 0) & 15) << 4)
  })
  return { name, dims, data_type: types[type], raw_data: bytes }
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
  readonly domain?: string
  readonly name?: string
  readonly inputs: string[]
  readonly outputs: string[]
  readonly ints?: Record<string, number[]>
  readonly int?: Record<string, number>
  readonly float?: Record<string, number>
  readonly text?: Record<string, string>
  readonly tensor?: Record<string, onnx.TensorProto.$Properties>
  /** graphs inside the node */
  readonly bodies?: Record<string, Body>
}

export interface Body {
  readonly nodes: readonly NodeSpec[]
  readonly initializers?: onnx.TensorProto.$Properties[]
  readonly inputs?: readonly string[]
  readonly outputs: readonly string[]
}

function body(spec: Body, name: string): onnx.GraphProto.$Properties {
  const value = (tensor: string) => ({ name: tensor })
  return {
    name,
    node: spec.nodes.map(node),
    initializer: spec.initializers ?? [],
    input: (spec.inputs ?? []).map(value),
    output: spec.outputs.map(value),
  }
}

function node(spec: NodeSpec): onnx.NodeProto.$Properties {
  return {
    op_type: spec.op,
    domain: spec.domain ?? '',
    name: spec.name ?? spec.outputs[0]!,
    input: spec.inputs,
    output: spec.outputs,
    attribute: [
      ...Object.entries(spec.ints ?? {}).map(([name, ints]) => ({ name, type: 7, ints })),
      ...Object.entries(spec.int ?? {}).map(([name, i]) => ({ name, type: 2, i })),
      ...Object.entries(spec.float ?? {}).map(([name, f]) => ({ name, type: 1, f })),
      ...Object.entries(spec.text ?? {}).map(([name, s]) => ({ name, type: 3, s: new TextEncoder().encode(s) })),
      ...Object.entries(spec.tensor ?? {}).map(([name, t]) => ({ name, type: 4, t })),
      ...Object.entries(spec.bodies ?? {}).map(([name, graph]) => ({ name, type: 5, g: body(graph, name) })),
    ],
  }
}

export interface ModelOptions {
  readonly opset?: number
  readonly input?: 'FLOAT' | 'UINT8' | 'INT8'
  /** left out: the runtime finds the type of the output */
  readonly outputType?: 'FLOAT' | 'INT32' | 'UINT8' | 'INT8'
}

export function model(
  shape: (number | string)[],
  nodes: readonly NodeSpec[],
  initializers: onnx.TensorProto.$Properties[],
  output: string,
  options: ModelOptions = {},
): Uint8Array {
  const dim = shape.map((size) => (typeof size === 'string' ? { dim_param: size } : { dim_value: size }))
  const graph = {
    name: 'test',
    node: nodes.map(node),
    initializer: initializers,
    input: [{ name: 'x', type: { tensor_type: { elem_type: types[options.input ?? 'FLOAT'], shape: { dim } } } }],
    output: [{ name: output, type: { tensor_type: { elem_type: types[options.outputType ?? 'FLOAT'] } } }],
  }
  const opsets = [
    { domain: '', version: options.opset ?? 17 },
    { domain: 'com.microsoft', version: 1 },
  ]
  return onnx.ModelProto.encode({ ir_version: 10, opset_import: opsets, graph }).finish()
}

export function item(
  shape: readonly number[],
  values: ArrayLike<number>,
  dtype: 'float32' | 'uint8' | 'int8' = 'float32',
): InputItem {
  const make = { float32: Float32Array, uint8: Uint8Array, int8: Int8Array }[dtype]
  return new Map([['x', { dtype, shape, data: make.from(values) }]])
}
