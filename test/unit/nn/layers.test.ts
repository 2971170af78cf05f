// Every layer form as a small ONNX model: the project's own lowering against what onnxruntime computes.
import { describe, expect, it } from 'vitest'
import { ModelError } from '../../../models/base/errors.js'
import { im2col, integerProduct, outputIndex, resolveLayer } from '../../../models/nn/lower.js'
import { loadNetwork } from '../../../models/nn/network.js'
import { quantiseWeights } from '../../../models/nn/quantise.js'
import { recordedTensors, recordTrace } from '../../../traces/record/record.js'
import { openSession } from '../../../traces/record/session.js'
import { bytesTensor, floats, ints32, item, longs, model, type NodeSpec } from '../../helpers/onnx.js'
import { stream } from '../../helpers/work.js'

const random = stream(7)
const normal = (count: number) => Array.from({ length: count }, () => random() * 2 - 1)
const small = (count: number) => Array.from({ length: count }, () => Math.floor(random() * 255) - 127)

type Signed = 'offset' | 'twos-complement' | 'split'

/** Largest difference, and the reference's largest value, between the layer's dequantised integer product and onnxruntime. */
async function compare(
  bytes: Uint8Array,
  shape: number[],
  values: number[],
  signed: Signed = 'offset',
  rowOrder: 'channel-major' | 'position-major' = 'channel-major',
) {
  const network = loadNetwork(bytes, 'test.onnx')
  const session = await openSession(network, bytes, recordedTensors(network))
  const input = item(shape, values)
  const spec = { bitsPerStep: 1, signed, calibration: 'min-max', percentile: 99.9 } as const
  const trace = await recordTrace(network, session, [input], spec, () => {})
  let worst = 0
  let top = 0
  for (const layer of network.layers) {
    const tensor = trace.tensors.get(layer.inputTensor)!
    const resolved = resolveLayer(layer, tensor.shape)
    const weights = quantiseWeights(layer, { encoding: 'differential', scale: 'per-channel', rowOrder }, 'separate')
    const reference = (await session.run(input, [layer.outputTensor])).get(layer.outputTensor)!
    const at = outputIndex(layer, resolved, tensor.shape)
    expect(reference.data.length).toBe(layer.geometry.groups * resolved.vectors * resolved.cols)
    for (const [g, matrix] of weights.matrices.entries()) {
      const y = integerProduct(matrix, im2col(layer, resolved, tensor, 0, g, rowOrder))
      for (let v = 0; v < resolved.vectors; v++) {
        for (let c = 0; c < resolved.cols; c++) {
          const o = g * resolved.cols + c
          const ours = y[v * resolved.cols + c]! * tensor.scale * weights.scale[o]! + (layer.bias?.[o] ?? 0)
          const theirs = reference.data[at(g, v, c)]!
          worst = Math.max(worst, Math.abs(ours - theirs))
          top = Math.max(top, Math.abs(theirs))
        }
      }
    }
  }
  await session.release()
  return { network, worst, top }
}

interface ConvCase {
  readonly name: string
  readonly shape: number[]
  readonly weight: number[]
  readonly node: Omit<NodeSpec, 'op' | 'inputs' | 'outputs'>
}

const convs: readonly ConvCase[] = [
  { name: '3×3 with padding', shape: [1, 2, 6, 5], weight: [4, 2, 3, 3], node: { ints: { pads: [1, 1, 1, 1] } } },
  {
    name: 'stride and uneven pads',
    shape: [1, 3, 7, 8],
    weight: [2, 3, 3, 2],
    node: { ints: { pads: [0, 1, 2, 0], strides: [2, 3] } },
  },
  { name: 'dilation', shape: [1, 2, 9, 9], weight: [3, 2, 3, 3], node: { ints: { dilations: [2, 3] } } },
  { name: 'groups', shape: [1, 6, 5, 5], weight: [4, 3, 2, 2], node: { int: { group: 2 } } },
  {
    name: 'depth-wise',
    shape: [1, 5, 6, 6],
    weight: [5, 1, 3, 3],
    node: { int: { group: 5 }, ints: { pads: [1, 1, 1, 1] } },
  },
  {
    name: 'auto_pad SAME_UPPER',
    shape: [1, 2, 6, 7],
    weight: [3, 2, 4, 3],
    node: { text: { auto_pad: 'SAME_UPPER' }, ints: { strides: [2, 2] } },
  },
  {
    name: 'auto_pad SAME_LOWER',
    shape: [1, 2, 6, 7],
    weight: [3, 2, 4, 3],
    node: { text: { auto_pad: 'SAME_LOWER' }, ints: { strides: [2, 2] } },
  },
  { name: 'one dimension', shape: [1, 3, 11], weight: [4, 3, 5], node: { ints: { pads: [2, 1] } } },
  {
    name: 'three dimensions, grouped',
    shape: [1, 4, 4, 5, 6],
    weight: [6, 2, 2, 3, 3],
    node: { int: { group: 2 }, ints: { pads: [0, 1, 1, 1, 0, 2], strides: [1, 2, 1], dilations: [2, 1, 1] } },
  },
]

describe('float layers against onnxruntime', () => {
  const count = (dims: readonly number[]) => dims.reduce((a, b) => a * b, 1)

  it.each(convs)('Conv: $name', async ({ shape, weight, node }) => {
    const bytes = model(
      shape,
      [{ op: 'Conv', inputs: ['x', 'w', 'b'], outputs: ['y'], ...node }],
      [floats('w', weight, normal(count(weight))), floats('b', [weight[0]!], normal(weight[0]!))],
      'y',
    )
    const values = normal(count(shape))
    for (const signed of ['offset', 'twos-complement', 'split'] as const) {
      for (const order of ['channel-major', 'position-major'] as const) {
        const { worst, top } = await compare(bytes, shape, values, signed, order)
        // 8-bit weights and activations: a few percent of the largest result at most.
        expect(worst).toBeLessThan(0.05 * top)
      }
    }
  })

  it.each([
    { name: 'x · W', nodes: [{ op: 'MatMul', inputs: ['x', 'w'], outputs: ['y'] }], w: [6, 4], shape: [1, 3, 6] },
    { name: 'W · x', nodes: [{ op: 'MatMul', inputs: ['w', 'x'], outputs: ['y'] }], w: [4, 3], shape: [1, 3, 5] },
    {
      name: 'batched constant',
      nodes: [{ op: 'MatMul', inputs: ['x', 'w'], outputs: ['y'] }],
      w: [2, 6, 4],
      shape: [2, 3, 6],
    },
    {
      name: 'Gemm',
      nodes: [{ op: 'Gemm', inputs: ['x', 'w'], outputs: ['y'], float: { alpha: 0.5 } }],
      w: [6, 4],
      shape: [3, 6],
    },
    {
      name: 'Gemm transB',
      nodes: [{ op: 'Gemm', inputs: ['x', 'w'], outputs: ['y'], int: { transB: 1 } }],
      w: [4, 6],
      shape: [3, 6],
    },
    {
      name: 'Gemm transA',
      nodes: [{ op: 'Gemm', inputs: ['x', 'w'], outputs: ['y'], int: { transA: 1 } }],
      w: [3, 4],
      shape: [3, 6],
    },
  ] satisfies { name: string; nodes: NodeSpec[]; w: number[]; shape: number[] }[])(
    '$name',
    async ({ nodes, w, shape }) => {
      const bytes = model(shape, nodes, [floats('w', w, normal(count(w)))], 'y')
      const { worst, top } = await compare(bytes, shape, normal(count(shape)))
      expect(worst).toBeLessThan(0.05 * top)
    },
  )

  it('folds constant sub-graphs, a bias Add and a BatchNormalization', async () => {
    const bytes = model(
      [1, 2, 4, 4],
      [
        { op: 'Transpose', inputs: ['w0'], outputs: ['w1'], ints: { perm: [3, 2, 0, 1] } },
        { op: 'Mul', inputs: ['w1', 'k'], outputs: ['w'] },
        { op: 'Conv', name: 'conv', inputs: ['x', 'w'], outputs: ['c'] },
        { op: 'BatchNormalization', inputs: ['c', 'g', 'b', 'm', 'v'], outputs: ['n'] },
        { op: 'Flatten', inputs: ['n'], outputs: ['f'] },
        { op: 'Reshape', inputs: ['u0', 'shape'], outputs: ['u'] },
        { op: 'MatMul', name: 'fc', inputs: ['f', 'u'], outputs: ['d'] },
        { op: 'Add', inputs: ['d', 'bias'], outputs: ['y'] },
      ],
      [
        floats('w0', [3, 3, 2, 3].slice(), normal(54)),
        floats('k', [1], [0.5]),
        floats('g', [3], [1, 2, -0.5]),
        floats('b', [3], normal(3)),
        floats('m', [3], normal(3)),
        floats('v', [3], [0.5, 1, 2]),
        floats('u0', [5, 12], normal(60)),
        longs('shape', [12, 5]),
        floats('bias', [5], normal(5)),
      ],
      'y',
    )
    const { network, worst, top } = await compare(bytes, [1, 2, 4, 4], normal(32))
    expect(network.layers.map((layer) => [layer.name, layer.outputTensor])).toEqual([
      ['conv', 'n'],
      ['fc', 'y'],
    ])
    expect(worst).toBeLessThan(0.05 * top)
  })
})

describe('QDQ layers', () => {
  const qdq = (dtype: 'INT8' | 'UINT8', zero: number, perChannel: boolean) =>
    model(
      [1, 2, 5, 5],
      [
        { op: 'QuantizeLinear', inputs: ['x', 'sx', 'zx'], outputs: ['q'] },
        { op: 'DequantizeLinear', inputs: ['q', 'sx', 'zx'], outputs: ['dx'] },
        { op: 'DequantizeLinear', inputs: ['wq', 'sw', 'zw'], outputs: ['dw'], int: { axis: 0 } },
        { op: 'DequantizeLinear', inputs: ['bq', 'sb'], outputs: ['db'], int: { axis: 0 } },
        { op: 'Conv', name: 'conv', inputs: ['dx', 'dw', 'db'], outputs: ['c'], ints: { pads: [1, 1, 1, 1] } },
        { op: 'Relu', inputs: ['c'], outputs: ['r'] },
        { op: 'QuantizeLinear', inputs: ['r', 'sy', 'zx'], outputs: ['q2'] },
        { op: 'DequantizeLinear', inputs: ['q2', 'sy', 'zx'], outputs: ['y'] },
      ],
      [
        floats('sx', [], [0.01]),
        bytesTensor('zx', [], dtype, [zero]),
        bytesTensor('wq', [3, 2, 3, 3], 'INT8', small(54)),
        perChannel ? floats('sw', [3], [0.01, 0.02, 0.005]) : floats('sw', [], [0.01]),
        perChannel ? bytesTensor('zw', [3], 'INT8', [0, 0, 0]) : bytesTensor('zw', [], 'INT8', [3]),
        ints32('bq', [3], [100, -200, 300]),
        floats('sb', [], [0.0001]),
        floats('sy', [], [0.05]),
      ],
      'y',
    )

  it.each([
    ['INT8', -5, true],
    ['UINT8', 120, false],
    ['INT8', 0, false],
  ] as const)('%s, zero point %d: exact up to float rounding', async (dtype, zero, perChannel) => {
    for (const signed of ['offset', 'twos-complement', 'split'] as const) {
      const { network, worst } = await compare(qdq(dtype, zero, perChannel), [1, 2, 5, 5], normal(50), signed)
      expect(network.layers[0]).toMatchObject({
        inputTensor: 'q',
        outputStep: Math.fround(0.05),
        input: { zeroPoint: zero },
      })
      expect(network.layers[0]!.weights.kind).toBe('integer')
      expect(worst).toBeLessThan(1e-5)
    }
  })
})

describe('what cannot be simulated', () => {
  const conv: NodeSpec = { op: 'Conv', name: 'c1', inputs: ['x', 'w'], outputs: ['y'] }
  const weights = floats('w', [1, 1, 1, 1], [1])

  it.each([
    ['an empty file', new Uint8Array(0), /empty/],
    ['text', new TextEncoder().encode('hello, this is no model'), /not an ONNX model|holds no graph/],
    ['NaN weights', model([1, 1, 2, 2], [conv], [floats('w', [1, 1, 1, 1], [Number.NaN])], 'y'), /c1.*NaN/],
    [
      'an unsupported layer',
      model([1, 1, 2, 2], [{ op: 'DeformConv', name: 'up', inputs: ['x', 'w'], outputs: ['y'] }], [weights], 'y'),
      /"up" \(DeformConv\).*QLinearConv/,
    ],
    [
      'no layer at all',
      model([1, 1, 2, 2], [{ op: 'Relu', inputs: ['x'], outputs: ['y'] }], [], 'y'),
      /nothing to put on arrays/,
    ],
    [
      'weights behind an operator that cannot be folded',
      model(
        [1, 1, 2, 2],
        [
          { op: 'Sin', name: 's', inputs: ['w'], outputs: ['w2'] },
          { ...conv, inputs: ['x', 'w2'] },
        ],
        [weights],
        'y',
      ),
      /"s" \(Sin\)/,
    ],
    [
      'data shorter than their shape',
      model([1, 1, 2, 2], [conv], [{ ...weights, dims: [1, 1, 3, 3] }], 'y'),
      /expected 36 bytes/,
    ],
  ] as const)('%s is refused by name', (_, bytes, message) => {
    expect(() => loadNetwork(bytes, 'bad.onnx')).toThrow(ModelError)
    expect(() => loadNetwork(bytes, 'bad.onnx')).toThrow(message)
    expect(() => loadNetwork(bytes, 'bad.onnx')).toThrow(/bad\.onnx/)
  })

  it('every truncation of a model is a ModelError or a model, never a crash', () => {
    const whole = model([1, 1, 4, 4], [conv], [weights], 'y')
    for (let length = 0; length < whole.length; length++) {
      try {
        loadNetwork(whole.subarray(0, length), 'cut.onnx')
      } catch (error) {
        expect(error).toBeInstanceOf(ModelError)
      }
    }
  })

  it('a product of two activations is listed, not dropped', () => {
    const nodes: NodeSpec[] = [
      { op: 'MatMul', inputs: ['x', 'w'], outputs: ['a'] },
      { op: 'MatMul', name: 'attention', inputs: ['a', 'x'], outputs: ['y'] },
    ]
    const network = loadNetwork(model([1, 4, 4], nodes, [floats('w', [4, 4], normal(16))], 'y'), 'two.onnx')
    expect(network.activationProducts.map((product) => product.name)).toEqual(['attention'])
  })
})
