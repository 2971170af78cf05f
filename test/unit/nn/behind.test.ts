// What stands in front of and behind a layer: factors and shifts that fold, quantisation in all its places, graphs inside nodes.
import { describe, expect, it } from 'vitest'
import { loadNetwork } from '../../../models/nn/network.js'
import { recordAndCompare, runForm, worst } from '../../helpers/forms.js'
import { bytesTensor, floats, ints32, item, longs, model, type NodeSpec } from '../../helpers/onnx.js'
import { stream } from '../../helpers/work.js'

const random = stream(5)
const size = (dims: readonly number[]) => dims.reduce((a, b) => a * b, 1)
const ints = (dims: readonly number[], low: number, high: number) =>
  Array.from({ length: size(dims) }, () => low + Math.floor(random() * (high - low + 1)))
/** Integers in ±127, with 127 for every output: int8 weights of scale 1. */
const weights = (name: string, dims: number[]) => {
  const rows = dims.slice(1).reduce((x, y) => x * y, 1)
  const top = (i: number) => (dims.length === 2 ? i < dims[1]! : i % rows === 0)
  return floats(
    name,
    dims,
    ints(dims, -127, 127).map((value, i) => (top(i) ? 127 : value)),
  )
}
const vector = (name: string, ...values: number[]) => floats(name, [values.length], values)
const activations = (shape: number[]) => [item(shape, [255, ...ints(shape, 0, 255).slice(1)])]

const conv: NodeSpec = { op: 'Conv', name: 'layer', inputs: ['x', 'w'], outputs: ['p'] }
const gemm: NodeSpec = { op: 'Gemm', name: 'layer', inputs: ['x', 'w', 'c'], outputs: ['p'] }
const dense: NodeSpec = { op: 'MatMul', name: 'layer', inputs: ['x', 'w'], outputs: ['p'] }
const normalise = (input: string, output = 'y'): NodeSpec => ({
  op: 'BatchNormalization',
  inputs: [input, 'g', 'b', 'm', 'v'],
  outputs: [output],
  float: { epsilon: 0 },
})
/** γ, β, μ, σ² for three outputs; √σ² and the factors are powers of two, so nothing is rounded. */
const statistics = [vector('g', 1, 2, -1), vector('b', 5, -6, 7), vector('m', 3, 1, -2), vector('v', 4, 1, 0.25)]

describe('folded into weights and bias, equal to onnxruntime behind it', () => {
  const image = [1, 2, 4, 4]
  const kernel = weights('w', [3, 2, 2, 2])
  const per = (name: string, ...values: number[]) => floats(name, [values.length, 1, 1], values)

  it.each<[string, number[], NodeSpec[], Parameters<typeof model>[2]]>([
    ['Mul', image, [conv, { op: 'Mul', inputs: ['p', 'k'], outputs: ['y'] }], [kernel, per('k', 2, -0.5, 4)]],
    [
      'Mul by one number',
      image,
      [conv, { op: 'Mul', inputs: ['k', 'p'], outputs: ['y'] }],
      [kernel, vector('k', 0.25)],
    ],
    ['Div', image, [conv, { op: 'Div', inputs: ['p', 'k'], outputs: ['y'] }], [kernel, per('k', 2, -0.5, 4)]],
    ['Sub', image, [conv, { op: 'Sub', inputs: ['p', 'k'], outputs: ['y'] }], [kernel, per('k', 2, -5, 4)]],
    [
      'Mul and Add, one after the other',
      image,
      [conv, { op: 'Mul', inputs: ['p', 'k'], outputs: ['q'] }, { op: 'Add', inputs: ['h', 'q'], outputs: ['y'] }],
      [kernel, per('k', 2, -0.5, 4), per('h', 1, 2, 3)],
    ],
    [
      'BatchNormalization behind a bias Add',
      image,
      [conv, { op: 'Add', inputs: ['p', 'h'], outputs: ['q'] }, normalise('q')],
      [kernel, per('h', 10, 20, -30), ...statistics],
    ],
    [
      'BatchNormalization behind Gemm with a bias',
      [2, 4],
      [gemm, normalise('p')],
      [weights('w', [4, 3]), vector('c', 1, 2, 3), ...statistics],
    ],
    [
      'Mul and Div behind MatMul',
      [2, 4],
      [dense, { op: 'Div', inputs: ['p', 'k'], outputs: ['y'] }],
      [weights('w', [4, 3]), vector('k', 2, 4, -8)],
    ],
  ])('%s', async (_, shape, nodes, tensors) => {
    const bytes = model(shape, nodes, tensors, 'y')
    const { layers, trace } = await recordAndCompare(bytes, activations(shape))
    expect(layers[0]!.layer.outputTensor).toBe('y')
    // Weights that are multiplied get scales of their own: 8 bits of them stay exact because the factors are powers of two.
    expect(worst(layers[0]!)).toBeLessThan(1e-3)
    expect((await runForm(bytes, trace)).layers[0]!.values?.losslessMismatches).toBe(0)
  })

  it('a factor behind integer weights becomes a scale; the integers stay', async () => {
    const nodes: NodeSpec[] = [
      { op: 'QuantizeLinear', inputs: ['x', 's', 'z'], outputs: ['q'] },
      { op: 'DequantizeLinear', inputs: ['q', 's', 'z'], outputs: ['d'] },
      { op: 'DequantizeLinear', inputs: ['wq', 's'], outputs: ['w'] },
      { ...dense, inputs: ['d', 'w'] },
      { op: 'Mul', inputs: ['p', 'k'], outputs: ['y'] },
    ]
    const codes = ints([4, 3], -128, 127)
    const tensors = [
      floats('s', [], [0.5]),
      bytesTensor('z', [], 'UINT8', [9]),
      bytesTensor('wq', [4, 3], 'INT8', codes),
    ]
    const positive = await recordAndCompare(
      model([2, 4], nodes, [...tensors, vector('k', 2, 4, 8)], 'y'),
      activations([2, 4]),
    )
    const [layer] = positive.layers
    expect(layer!.layer).toMatchObject({
      outputTensor: 'y',
      weights: { kind: 'integer', scale: Float64Array.of(1, 2, 4) },
    })
    expect(worst(layer!)).toBe(0)
    // A negative factor would need negated integers: the layer ends in front of it.
    const negative = await recordAndCompare(
      model([2, 4], nodes, [...tensors, vector('k', 2, -4, 8)], 'y'),
      activations([2, 4]),
    )
    expect(negative.layers[0]!.layer.outputTensor).toBe('p')
    expect(worst(negative.layers[0]!)).toBe(0)
  })

  it.each<[string, NodeSpec[]]>([
    [
      'a second reader',
      [
        { op: 'Mul', inputs: ['p', 'k'], outputs: ['y'] },
        { op: 'Relu', inputs: ['p'], outputs: ['r'] },
      ],
    ],
    ['the constant as the dividend', [{ op: 'Div', inputs: ['k', 'p'], outputs: ['y'] }]],
    ['the constant as the minuend', [{ op: 'Sub', inputs: ['k', 'p'], outputs: ['y'] }]],
    ['one value per row', [{ op: 'Mul', inputs: ['p', 'rows'], outputs: ['y'] }]],
  ])('not with %s', (_, nodes) => {
    const tensors = [weights('w', [4, 3]), vector('k', 1, 2, 3), floats('rows', [3, 1], [1, 2, 3])]
    expect(loadNetwork(model([3, 4], [dense, ...nodes], tensors, 'y'), 'net.onnx').layers[0]!.outputTensor).toBe('p')
  })

  it('BatchNormalization behind a MatMul of three dimensions normalises another axis and stays', () => {
    const nodes = [dense, normalise('p')]
    const tensors = [weights('w', [4, 3]), ...statistics]
    expect(loadNetwork(model([1, 3, 4], nodes, tensors, 'y'), 'net.onnx').layers[0]!.outputTensor).toBe('p')
  })
})

describe('quantisation in front of a layer', () => {
  const quantise: NodeSpec = { op: 'QuantizeLinear', inputs: ['x', 's', 'z'], outputs: ['q'] }
  const dequantise: NodeSpec = { op: 'DequantizeLinear', inputs: ['q', 's', 'z'], outputs: ['d'] }
  const grid = [floats('s', [], [0.25]), bytesTensor('z', [], 'INT8', [-20])]
  const shape = [1, 2, 4, 4]
  const given = [
    item(
      shape,
      ints(shape, -60, 130).map((n) => n / 4),
    ),
  ]
  const last: NodeSpec = { ...conv, outputs: ['y'] }

  it.each<[string, NodeSpec[]]>([
    ['straight', [{ ...last, inputs: ['d', 'w'] }]],
    [
      'a Relu between',
      [
        { op: 'Relu', inputs: ['d'], outputs: ['r'] },
        { ...last, inputs: ['r', 'w'] },
      ],
    ],
    [
      'a MaxPool between',
      [
        { op: 'MaxPool', inputs: ['d'], outputs: ['r'], ints: { kernel_shape: [2, 2] } },
        { ...last, inputs: ['r', 'w'] },
      ],
    ],
    [
      'a Transpose and a Slice between',
      [
        { op: 'Transpose', inputs: ['d'], outputs: ['t'], ints: { perm: [0, 1, 3, 2] } },
        { op: 'Slice', inputs: ['t', 'from', 'to', 'axis'], outputs: ['r'] },
        { ...last, inputs: ['r', 'w'] },
      ],
    ],
  ])("%s: the model's own integers", async (_, nodes) => {
    const more = [longs('from', [1]), longs('to', [4]), longs('axis', [2])]
    const bytes = model(shape, [quantise, dequantise, ...nodes], [...grid, ...more, weights('w', [3, 2, 2, 2])], 'y')
    const { layers, trace } = await recordAndCompare(bytes, given)
    expect(layers[0]!.layer.input).toMatchObject({ dtype: 'int8', scale: 0.25, zeroPoint: -20 })
    expect(worst(layers[0]!)).toBe(0)
    expect((await runForm(bytes, trace)).layers[0]!.values?.losslessMismatches).toBe(0)
  })

  it('an average between leaves the grid: the activations are calibrated', () => {
    const nodes: NodeSpec[] = [
      { op: 'AveragePool', inputs: ['d'], outputs: ['r'], ints: { kernel_shape: [2, 2] } },
      { ...last, inputs: ['r', 'w'] },
    ]
    const bytes = model(shape, [quantise, dequantise, ...nodes], [...grid, weights('w', [3, 2, 2, 2])], 'y')
    expect(loadNetwork(bytes, 'net.onnx').layers[0]).toMatchObject({ input: null, inputTensor: 'r' })
  })

  it('weights and biases that are quantised and dequantised in the graph', async () => {
    const nodes: NodeSpec[] = [
      quantise,
      dequantise,
      { op: 'QuantizeLinear', inputs: ['wf', 'ws', 'wz'], outputs: ['wq'], int: { axis: 0 } },
      { op: 'DequantizeLinear', inputs: ['wq', 'ws', 'wz'], outputs: ['w'], int: { axis: 0 } },
      { op: 'DequantizeLinear', inputs: ['bq', 'bs'], outputs: ['b'] },
      { ...last, inputs: ['d', 'w', 'b'] },
    ]
    const tensors = [
      floats(
        'wf',
        [3, 2, 2, 2],
        ints([24], -63, 63).map((n) => n / 4),
      ),
      vector('ws', 0.25, 0.125, 0.5),
      bytesTensor('wz', [3], 'INT8', [0, 0, 0]),
      ints32('bq', [3], [100, -7, 12]),
      floats('bs', [], [0.5]),
    ]
    const { layers } = await recordAndCompare(model(shape, nodes, [...grid, ...tensors], 'y'), given)
    expect(layers[0]!.layer.weights.kind).toBe('integer')
    expect(worst(layers[0]!)).toBe(0)
  })

  it('two layers read one quantised tensor', async () => {
    const nodes: NodeSpec[] = [
      quantise,
      dequantise,
      { ...conv, name: 'one', inputs: ['d', 'w'], outputs: ['a'] },
      { ...conv, name: 'two', inputs: ['d', 'u'], outputs: ['e'] },
      { op: 'Add', inputs: ['a', 'e'], outputs: ['y'] },
    ]
    const tensors = [...grid, weights('w', [3, 2, 2, 2]), weights('u', [3, 2, 2, 2])]
    const { layers } = await recordAndCompare(model(shape, nodes, tensors, 'y'), given)
    expect(layers.map((layer) => worst(layer))).toEqual([0, 0])
  })

  it('a computed scale, and 16-bit activations, are refused', () => {
    const dynamic: NodeSpec[] = [
      { op: 'DynamicQuantizeLinear', inputs: ['x'], outputs: ['q', 'sd', 'zd'] },
      { op: 'DequantizeLinear', inputs: ['q', 'sd', 'zd'], outputs: ['d'] },
      { ...last, inputs: ['d', 'w'] },
    ]
    const tensors = [...grid, weights('w', [3, 2, 2, 2])]
    expect(() => loadNetwork(model(shape, dynamic, tensors, 'y'), 'net.onnx')).toThrow(
      /one constant scale and an 8-bit type/,
    )
  })
})

describe('graphs inside nodes', () => {
  const inner = (op: string): NodeSpec => ({
    op: 'If',
    name: 'branch',
    inputs: ['flag'],
    outputs: ['y'],
    bodies: {
      then_branch: { nodes: [{ op, name: 'hidden', inputs: ['p', 'u'], outputs: ['t'] }], outputs: ['t'] },
      else_branch: { nodes: [{ op: 'Neg', inputs: ['p'], outputs: ['e'] }], outputs: ['e'] },
    },
  })
  const flag = { name: 'flag', dims: [], data_type: 9, raw_data: Uint8Array.of(1) }
  const net = (op: string) => model([3, 3], [dense, inner(op)], [weights('w', [3, 3]), weights('u', [3, 3]), flag], 'y')

  it('a layer in a branch is refused by its name and that of the node around it', () => {
    expect(() => loadNetwork(net('MatMul'), 'net.onnx')).toThrow(
      /net\.onnx: node "branch" \(If\): "hidden" \(MatMul\) inside it.*without control flow/,
    )
  })

  it('a branch that multiplies nothing is let through, and what it reads is read', async () => {
    const { layers, network } = await recordAndCompare(net('Add'), activations([3, 3]))
    expect(network.layers.map((layer) => [layer.name, layer.outputTensor])).toEqual([['layer', 'p']])
    expect(worst(layers[0]!)).toBe(0)
  })

  it('a layer two graphs deep is found', () => {
    const loop: NodeSpec = {
      op: 'Loop',
      name: 'repeat',
      inputs: ['n', '', 'p'],
      outputs: ['y'],
      bodies: { body: { nodes: [inner('ConvTranspose')], inputs: ['i', 'go', 'v'], outputs: ['go', 'y'] } },
    }
    const tensors = [weights('w', [3, 3]), weights('u', [3, 3]), flag, longs('n', [2])]
    expect(() => loadNetwork(model([3, 3], [dense, loop], tensors, 'y'), 'net.onnx')).toThrow(
      /"repeat" \(Loop\): "hidden" \(ConvTranspose\)/,
    )
  })
})
