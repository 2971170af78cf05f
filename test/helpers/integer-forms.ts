// One model for every operator that multiplies integers, with the parameters that change its sums.
import { bytesTensor, floats, ints32, item, type ModelOptions, model, type NodeSpec } from './onnx.js'
import { stream } from './work.js'

export const random = stream(21)
export const size = (dims: readonly number[]) => dims.reduce((a, b) => a * b, 1)
export const ints = (dims: readonly number[], low: number, high: number) =>
  Array.from({ length: size(dims) }, () => low + Math.floor(random() * (high - low + 1)))

export interface FormCase {
  readonly name: string
  readonly shape: number[]
  readonly nodes: NodeSpec[]
  readonly tensors: Parameters<typeof model>[2]
  readonly input?: 'uint8' | 'int8' | 'float32'
  readonly output: 'INT32' | 'UINT8' | 'INT8' | 'FLOAT'
  readonly opset?: number
  /** largest difference in units of the output's codes; the sums themselves agree exactly */
  readonly within?: number
}

/** Seven-bit weights: 8-bit kernels without VNNI add pairs of products in 16 bits and saturate for larger ones. */
export const weight = (name: string, dims: number[], type: 'INT8' | 'UINT8' = 'INT8') =>
  bytesTensor(name, dims, type, type === 'INT8' ? ints(dims, -63, 63) : ints(dims, 0, 126))
export const zero = (name: string, type: 'INT8' | 'UINT8', ...values: number[]) =>
  bytesTensor(name, values.length === 1 ? [] : [values.length], type, values)
export const scale = (name: string, ...values: number[]) =>
  floats(name, values.length === 1 ? [] : [values.length], values)

export const integerForms: FormCase[] = [
  {
    name: 'ConvInteger with both zero points, pads and groups',
    shape: [1, 4, 6, 5],
    nodes: [
      {
        op: 'ConvInteger',
        inputs: ['x', 'w', 'xz', 'wz'],
        outputs: ['y'],
        int: { group: 2 },
        ints: { pads: [1, 0, 1, 2], strides: [1, 2] },
      },
    ],
    tensors: [weight('w', [4, 2, 3, 3], 'UINT8'), zero('xz', 'UINT8', 131), zero('wz', 'UINT8', 60)],
    input: 'uint8',
    output: 'INT32',
  },
  {
    name: 'ConvInteger without zero points',
    shape: [1, 2, 5, 5],
    nodes: [{ op: 'ConvInteger', inputs: ['x', 'w'], outputs: ['y'] }],
    tensors: [weight('w', [3, 2, 2, 2])],
    input: 'uint8',
    output: 'INT32',
  },
  {
    name: 'MatMulInteger with a zero point per column',
    shape: [3, 5],
    nodes: [{ op: 'MatMulInteger', inputs: ['x', 'w', 'xz', 'wz'], outputs: ['y'] }],
    tensors: [weight('w', [5, 4]), zero('xz', 'UINT8', 7), zero('wz', 'INT8', 1, -2, 3, -4)],
    input: 'uint8',
    output: 'INT32',
  },
  {
    name: 'MatMulInteger of int8, without zero points',
    shape: [2, 3, 5],
    nodes: [{ op: 'MatMulInteger', inputs: ['x', 'w'], outputs: ['y'] }],
    tensors: [weight('w', [5, 4])],
    input: 'int8',
    output: 'INT32',
  },
  {
    name: 'DynamicQuantizeLinear in front of MatMulInteger, with the scales behind',
    shape: [3, 6],
    nodes: [
      { op: 'DynamicQuantizeLinear', inputs: ['x'], outputs: ['q', 's', 'z'] },
      { op: 'MatMulInteger', inputs: ['q', 'w', 'z', 'wz'], outputs: ['sums'] },
      { op: 'Cast', inputs: ['sums'], outputs: ['f'], int: { to: 1 } },
      { op: 'Mul', inputs: ['s', 'ws'], outputs: ['both'] },
      { op: 'Mul', inputs: ['f', 'both'], outputs: ['y'] },
    ],
    tensors: [weight('w', [6, 4]), zero('wz', 'INT8', 3), scale('ws', 0.02)],
    output: 'FLOAT',
  },
  {
    name: 'DynamicQuantizeLinear in front of ConvInteger: padding is the zero point of the item',
    shape: [1, 2, 5, 5],
    nodes: [
      { op: 'DynamicQuantizeLinear', inputs: ['x'], outputs: ['q', 's', 'z'] },
      { op: 'ConvInteger', inputs: ['q', 'w', 'z'], outputs: ['sums'], ints: { pads: [1, 1, 1, 1] } },
      { op: 'Cast', inputs: ['sums'], outputs: ['f'], int: { to: 1 } },
      { op: 'Mul', inputs: ['f', 's'], outputs: ['y'] },
    ],
    tensors: [weight('w', [3, 2, 3, 3])],
    output: 'FLOAT',
  },
]

export const codeForms: FormCase[] = [
  {
    name: 'QLinearConv, per channel, with a bias',
    shape: [1, 3, 6, 6],
    nodes: [
      {
        op: 'QLinearConv',
        inputs: ['x', 'xs', 'xz', 'w', 'ws', 'wz', 'ys', 'yz', 'b'],
        outputs: ['y'],
        ints: { pads: [1, 1, 1, 1] },
      },
    ],
    tensors: [
      scale('xs', 0.02),
      zero('xz', 'UINT8', 120),
      weight('w', [4, 3, 3, 3]),
      scale('ws', 0.01, 0.02, 0.005, 0.03),
      zero('wz', 'INT8', 0, 0, 0, 0),
      scale('ys', 0.4),
      zero('yz', 'UINT8', 100),
      ints32('b', [4], [900, -4000, 0, 123]),
    ],
    input: 'uint8',
    output: 'UINT8',
    within: 0.51,
  },
  {
    name: 'QLinearConv of int8, per tensor, depth-wise',
    shape: [1, 3, 5, 5],
    nodes: [
      {
        op: 'QLinearConv',
        inputs: ['x', 'xs', 'xz', 'w', 'ws', 'wz', 'ys', 'yz'],
        outputs: ['y'],
        int: { group: 3 },
      },
    ],
    tensors: [
      scale('xs', 0.05),
      zero('xz', 'INT8', -5),
      weight('w', [3, 1, 2, 2]),
      scale('ws', 0.02),
      zero('wz', 'INT8', 0),
      scale('ys', 0.1),
      zero('yz', 'INT8', 3),
    ],
    input: 'int8',
    output: 'INT8',
    within: 0.51,
  },
  {
    name: 'QLinearMatMul, a scale per column',
    shape: [3, 6],
    nodes: [{ op: 'QLinearMatMul', inputs: ['x', 'xs', 'xz', 'w', 'ws', 'wz', 'ys', 'yz'], outputs: ['y'] }],
    tensors: [
      scale('xs', 0.02),
      zero('xz', 'UINT8', 128),
      weight('w', [6, 4]),
      scale('ws', 0.01, 0.03, 0.02, 0.005),
      zero('wz', 'INT8', 0, 0, 0, 0),
      scale('ys', 0.2),
      zero('yz', 'UINT8', 90),
    ],
    input: 'uint8',
    output: 'UINT8',
    within: 0.51,
  },
  {
    name: 'QLinearMatMul with the constant on the left',
    shape: [6, 3],
    nodes: [{ op: 'QLinearMatMul', inputs: ['w', 'ws', 'wz', 'x', 'xs', 'xz', 'ys', 'yz'], outputs: ['y'] }],
    tensors: [
      scale('xs', 0.02),
      zero('xz', 'UINT8', 10),
      weight('w', [4, 6], 'UINT8'),
      scale('ws', 0.01),
      zero('wz', 'UINT8', 64),
      scale('ys', 0.2),
      zero('yz', 'UINT8', 128),
    ],
    input: 'uint8',
    output: 'UINT8',
    within: 0.51,
  },
  {
    name: 'QGemm with alpha and an int32 bias, to codes',
    shape: [3, 6],
    nodes: [
      {
        op: 'QGemm',
        domain: 'com.microsoft',
        inputs: ['x', 'xs', 'xz', 'w', 'ws', 'wz', 'b', 'ys', 'yz'],
        outputs: ['y'],
        int: { transB: 1 },
        float: { alpha: 2 },
      },
    ],
    tensors: [
      scale('xs', 0.02),
      zero('xz', 'UINT8', 20),
      weight('w', [4, 6]),
      scale('ws', 0.01, 0.02, 0.005, 0.03),
      zero('wz', 'INT8', 0, 0, 0, 0),
      ints32('b', [4], [500, -2000, 0, 77]),
      scale('ys', 0.6),
      zero('yz', 'UINT8', 77),
    ],
    input: 'uint8',
    output: 'UINT8',
    within: 0.51,
  },
  {
    name: 'QGemm to real numbers',
    shape: [3, 6],
    nodes: [
      {
        op: 'QGemm',
        domain: 'com.microsoft',
        inputs: ['x', 'xs', 'xz', 'w', 'ws', 'wz', 'b'],
        outputs: ['y'],
      },
    ],
    tensors: [
      scale('xs', 0.02),
      zero('xz', 'UINT8', 20),
      weight('w', [6, 4]),
      scale('ws', 0.01),
      zero('wz', 'INT8', 0),
      ints32('b', [4], [500, -2000, 0, 77]),
    ],
    input: 'uint8',
    output: 'FLOAT',
    within: 1e-4,
  },
]

export const build = (c: FormCase): Uint8Array => {
  const input = { uint8: 'UINT8', int8: 'INT8', float32: 'FLOAT' }[c.input ?? 'float32'] as ModelOptions['input']
  return model(c.shape, c.nodes, c.tensors, 'y', { opset: c.opset ?? 17, input: input!, outputType: c.output })
}

/** Two items with different ranges, so that computed scales and zero points differ between them. */
export function itemsOf(c: FormCase) {
  const dtype = c.input ?? 'float32'
  return [0, 1].map((i) => {
    const values = { uint8: () => ints(c.shape, 0, 255), int8: () => ints(c.shape, -128, 127) }
    const floatValues = () => Array.from({ length: size(c.shape) }, () => (random() - 0.3 * i) * (4 - 3 * i))
    return item(c.shape, dtype === 'float32' ? floatValues() : values[dtype](), dtype)
  })
}
