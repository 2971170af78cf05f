// Small ONNX files for the fuzzer: one of every family of layers, so that mutations reach every reader. Seeded.
import { onnx } from '../../models/nn/proto/onnx.js'
import type { Random } from './mutate.js'

const types = onnx.TensorProto.DataType
type Tensor = onnx.TensorProto.$Properties
type Node = onnx.NodeProto.$Properties

interface Spec {
  readonly shape: readonly (number | string)[]
  readonly type?: number
  readonly output?: number
  readonly nodes: readonly Node[]
  readonly tensors: readonly Tensor[]
}

const raw = (data: ArrayBufferView) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
const size = (dims: readonly number[]) => dims.reduce((a, b) => a * b, 1)

function node(op: string, input: string[], output: string[], attributes: Record<string, number | number[]> = {}): Node {
  const attribute = Object.entries(attributes).map(([name, value]) => {
    if (Array.isArray(value)) return { name, type: 7, ints: value }
    return Number.isInteger(value) ? { name, type: 2, i: value } : { name, type: 1, f: value }
  })
  return {
    name: `${op}-${output[0]}`,
    op_type: op,
    domain: op === 'QGemm' ? 'com.microsoft' : '',
    input,
    output,
    attribute,
  }
}

function build({ shape, nodes, tensors, type = types.FLOAT, output = types.FLOAT }: Spec): Uint8Array {
  const dim = shape.map((d) => (typeof d === 'string' ? { dim_param: d } : { dim_value: d }))
  return onnx.ModelProto.encode({
    ir_version: 10,
    opset_import: [
      { domain: '', version: 21 },
      { domain: 'com.microsoft', version: 1 },
    ],
    graph: {
      name: 'small',
      node: [...nodes],
      initializer: [...tensors],
      input: [{ name: 'x', type: { tensor_type: { elem_type: type, shape: { dim } } } }],
      output: [{ name: 'y', type: { tensor_type: { elem_type: output } } }],
    },
  }).finish()
}

/** Names of the models and their bytes. */
export function smallModels(random: Random): Map<string, Uint8Array> {
  const floats = (name: string, dims: number[]): Tensor => ({
    name,
    dims,
    data_type: types.FLOAT,
    raw_data: raw(Float32Array.from({ length: size(dims) }, () => random.unit() * 2 - 1)),
  })
  const scalars = (name: string, ...values: number[]): Tensor => ({
    name,
    dims: values.length === 1 ? [] : [values.length],
    data_type: types.FLOAT,
    float_data: values,
  })
  const codes = (name: string, dims: number[], type: number, low: number, high: number): Tensor => ({
    name,
    dims,
    data_type: type,
    raw_data: Uint8Array.from({ length: size(dims) }, () => (low + random.below(high - low + 1)) & 255),
  })
  const zero = (name: string, type: number, value: number): Tensor => ({
    name,
    dims: [],
    data_type: type,
    raw_data: Uint8Array.of(value & 255),
  })
  const longs = (name: string, values: number[]): Tensor => ({
    name,
    dims: [values.length],
    data_type: types.INT64,
    int64_data: values,
  })
  const quantised = [
    scalars('xs', 0.02),
    zero('xz', types.UINT8, 120),
    scalars('ws', 0.01, 0.02, 0.03),
    codes('wz', [3], types.INT8, 0, 0),
    scalars('ys', 0.4),
    zero('yz', types.UINT8, 100),
  ]
  const qdq = [
    node('QuantizeLinear', ['x', 'xs', 'xz'], ['q']),
    node('DequantizeLinear', ['q', 'xs', 'xz'], ['d']),
    node('DequantizeLinear', ['w', 'ws', 'wz'], ['wd'], { axis: 0 }),
  ]
  const dynamic = [
    node('DynamicQuantizeLinear', ['x'], ['q', 's', 'z']),
    node('MatMulInteger', ['q', 'w', 'z'], ['sums']),
    node('Cast', ['sums'], ['f'], { to: 1 }),
    node('Mul', ['f', 's'], ['y']),
  ]
  const normal = ['g', 'b', 'm', 'v'].map((name) => scalars(name, 1, 2, 0.5))
  return new Map(
    Object.entries({
      conv: build({
        shape: [1, 3, 5, 5],
        nodes: [
          node('Conv', ['x', 'w'], ['c'], { pads: [1, 1, 1, 1], strides: [1, 2], dilations: [1, 1] }),
          node('BatchNormalization', ['c', 'g', 'b', 'm', 'v'], ['n'], { epsilon: 0.001 }),
          node('Relu', ['n'], ['r']),
          node('Flatten', ['r'], ['flat'], { axis: 1 }),
          node('Reshape', ['u0', 'to'], ['u']),
          node('Gemm', ['flat', 'u', 'k'], ['y'], { alpha: 0.5, transB: 1 }),
        ],
        tensors: [floats('w', [3, 3, 3, 3]), ...normal, floats('u0', [180]), longs('to', [4, -1]), floats('k', [4])],
      }),
      transpose: build({
        shape: ['N', 2, 4],
        nodes: [node('ConvTranspose', ['x', 'w'], ['y'], { strides: [2], pads: [1, 0], output_padding: [1] })],
        tensors: [floats('w', [2, 3, 3])],
      }),
      qdq: build({
        shape: [1, 2, 4, 4],
        nodes: [...qdq, node('Conv', ['d', 'wd'], ['y'], { pads: [1, 0, 0, 1] })],
        tensors: [codes('w', [3, 2, 2, 2], types.INT8, -63, 63), ...quantised],
      }),
      qlinear: build({
        shape: [1, 2, 4, 4],
        type: types.UINT8,
        output: types.UINT8,
        nodes: [node('QLinearConv', ['x', 'xs', 'xz', 'w', 'ws', 'wz', 'ys', 'yz'], ['y'], { group: 1 })],
        tensors: [codes('w', [3, 2, 2, 2], types.INT8, -63, 63), ...quantised],
      }),
      qgemm: build({
        shape: [1, 5],
        type: types.UINT8,
        output: types.UINT8,
        nodes: [node('QGemm', ['x', 'xs', 'xz', 'w', 'ws', 'wz', '', 'ys', 'yz'], ['y'], { transB: 1 })],
        tensors: [codes('w', [3, 5], types.INT8, -63, 63), ...quantised],
      }),
      dynamic: build({ shape: [1, 5], nodes: dynamic, tensors: [codes('w', [5, 3], types.INT8, -63, 63)] }),
      nibbles: build({
        shape: [1, 4],
        nodes: [node('DequantizeLinear', ['w', 'ws'], ['wd'], { axis: 1 }), node('MatMul', ['x', 'wd'], ['y'])],
        tensors: [
          { ...codes('w', [1], types.INT4, 0, 255), dims: [4, 3], raw_data: Uint8Array.of(1, 35, 69, 103, 137, 171) },
          scalars('ws', 1, 0.5, 2),
        ],
      }),
      external: build({
        shape: [1, 2],
        nodes: [node('MatMul', ['x', 'w'], ['y'])],
        tensors: [
          {
            name: 'w',
            dims: [2, 3],
            data_type: types.FLOAT,
            data_location: onnx.TensorProto.DataLocation.EXTERNAL,
            external_data: [
              { key: 'location', value: 'weights.bin' },
              { key: 'offset', value: '8' },
              { key: 'length', value: '24' },
            ],
          },
        ],
      }),
    }),
  )
}
