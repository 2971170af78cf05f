// The operators that multiply integers: onnxruntime computes the same sums in its own kernels, so they must agree to the last digit
// (ConvInteger, MatMulInteger) or to the rounding of the result's own codes (QLinear…, QGemm). Every form also goes through `run`.
import { describe, expect, it } from 'vitest'
import { recordAndCompare, runForm, type Signed, worst } from '../../helpers/forms.js'
import {
  bytesTensor,
  floats,
  ints32,
  item,
  type ModelOptions,
  model,
  type NodeSpec,
  nibbles,
} from '../../helpers/onnx.js'
import { stream } from '../../helpers/work.js'

const random = stream(21)
const size = (dims: readonly number[]) => dims.reduce((a, b) => a * b, 1)
const ints = (dims: readonly number[], low: number, high: number) =>
  Array.from({ length: size(dims) }, () => low + Math.floor(random() * (high - low + 1)))

interface FormCase {
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
const weight = (name: string, dims: number[], type: 'INT8' | 'UINT8' = 'INT8') =>
  bytesTensor(name, dims, type, type === 'INT8' ? ints(dims, -63, 63) : ints(dims, 0, 126))
const zero = (name: string, type: 'INT8' | 'UINT8', ...values: number[]) =>
  bytesTensor(name, values.length === 1 ? [] : [values.length], type, values)
const scale = (name: string, ...values: number[]) => floats(name, values.length === 1 ? [] : [values.length], values)

const integerForms: FormCase[] = [
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

const codeForms: FormCase[] = [
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

const build = (c: FormCase): Uint8Array => {
  const input = { uint8: 'UINT8', int8: 'INT8', float32: 'FLOAT' }[c.input ?? 'float32'] as ModelOptions['input']
  return model(c.shape, c.nodes, c.tensors, 'y', { opset: c.opset ?? 17, input: input!, outputType: c.output })
}

/** Two items with different ranges, so that computed scales and zero points differ between them. */
function itemsOf(c: FormCase) {
  const dtype = c.input ?? 'float32'
  return [0, 1].map((i) => {
    const values = { uint8: () => ints(c.shape, 0, 255), int8: () => ints(c.shape, -128, 127) }
    const floatValues = () => Array.from({ length: size(c.shape) }, () => (random() - 0.3 * i) * (4 - 3 * i))
    return item(c.shape, dtype === 'float32' ? floatValues() : values[dtype](), dtype)
  })
}

const signs: Signed[] = ['offset', 'twos-complement', 'split']

describe('integer sums equal those of onnxruntime', () => {
  for (const c of integerForms) {
    it.each(signs)(`${c.name}, input.signed %s`, async (signed) => {
      const bytes = build(c)
      const items = itemsOf(c)
      const { layers, trace } = await recordAndCompare(bytes, items, signed)
      expect(layers).toHaveLength(1)
      expect(layers[0]!.theirs.some((value) => value !== 0)).toBe(true)
      expect(worst(layers[0]!)).toBe(0)
      const result = await runForm(bytes, trace, signed)
      expect(result.layers[0]!.values?.losslessMismatches).toBe(0)
    })
  }

  it('the zero point of every item is its own', async () => {
    const c = integerForms.at(-1)!
    const { trace } = await recordAndCompare(build(c), itemsOf(c))
    const zeros = trace.tensors.get('z')!
    expect(zeros.codes).toHaveLength(2)
    expect(zeros.codes[0]).not.toBe(zeros.codes[1])
  })
})

describe('codes equal those of onnxruntime up to the rounding of the result', () => {
  for (const c of codeForms) {
    it.each(signs)(`${c.name}, input.signed %s`, async (signed) => {
      const bytes = build(c)
      const { layers, trace } = await recordAndCompare(bytes, itemsOf(c), signed)
      const unit = layers[0]!.layer.outputCodes?.scale ?? 1
      expect(worst(layers[0]!, unit)).toBeLessThan(c.within!)
      const result = await runForm(bytes, trace, signed)
      expect(result.layers[0]!.values?.losslessMismatches).toBe(0)
    })
  }
})

describe('4-bit weights', () => {
  it.each(['INT4', 'UINT4'] as const)('%s behind DequantizeLinear, a scale per output', async (type) => {
    const codes = ints([5, 4], type === 'INT4' ? -8 : 0, type === 'INT4' ? 7 : 15)
    const zeros = type === 'INT4' ? [0, 0, 0, 0] : [8, 7, 0, 15]
    const bytes = model(
      [3, 5],
      [
        { op: 'QuantizeLinear', inputs: ['x', 'xs', 'xz'], outputs: ['q'] },
        { op: 'DequantizeLinear', inputs: ['q', 'xs', 'xz'], outputs: ['d'] },
        { op: 'DequantizeLinear', inputs: ['w', 'ws', 'wz'], outputs: ['wd'], int: { axis: 1 } },
        { op: 'MatMul', inputs: ['d', 'wd'], outputs: ['y'] },
      ],
      [
        nibbles('w', [5, 4], type, codes),
        nibbles('wz', [4], type, zeros),
        scale('ws', 0.5, 0.25, 1, 2),
        scale('xs', 0.25),
        zero('xz', 'UINT8', 30),
      ],
      'y',
      { opset: 21 },
    )
    const given = [
      item(
        [3, 5],
        ints([3, 5], -20, 100).map((n) => n / 4),
      ),
    ]
    const { layers, trace } = await recordAndCompare(bytes, given)
    const { weights } = layers[0]!.layer
    expect(weights.kind === 'integer' ? [...weights.zeroPoint] : null).toEqual(zeros)
    // All numbers are multiples of 1/16 and small: float32 adds them exactly.
    expect(worst(layers[0]!)).toBe(0)
    expect((await runForm(bytes, trace)).layers[0]!.values?.losslessMismatches).toBe(0)
  })

  it('packed in int32_data', async () => {
    const { raw_data, ...rest } = nibbles('w', [4, 1], 'INT4', [-8, 7, 3, -1])
    const bytes = model(
      [1, 4],
      [
        { op: 'DequantizeLinear', inputs: ['w', 'ws'], outputs: ['wd'] },
        { op: 'MatMul', inputs: ['x', 'wd'], outputs: ['y'] },
      ],
      [{ ...rest, int32_data: Array.from(raw_data as Uint8Array) }, scale('ws', 1)],
      'y',
      { opset: 21 },
    )
    const { layers } = await recordAndCompare(bytes, [item([1, 4], [255, 2, 3, 4])])
    expect(worst(layers[0]!)).toBe(0)
  })
})
