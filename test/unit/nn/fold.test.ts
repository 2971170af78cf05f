// Constant folding against onnxruntime: the same constant sub-graph, folded here and run there.
import { describe, expect, it } from 'vitest'
import { numbers } from '../../../models/nn/constant.js'
import { createFolder } from '../../../models/nn/fold.js'
import { buildGraph, decodeModel } from '../../../models/nn/graph.js'
import { loadNetwork } from '../../../models/nn/network.js'
import { onnx } from '../../../models/nn/proto/onnx.js'
import { bytesTensor, floats, item, longs, model, type NodeSpec } from '../../helpers/onnx.js'

type Tensor = onnx.TensorProto.$Properties

const w = floats(
  'w',
  [2, 3, 4],
  Array.from({ length: 24 }, (_, i) => i / 4 + 0.25),
)
const far = { ...longs('ends', [0]), raw_data: new Uint8Array(BigInt64Array.of(9223372036854775807n).buffer) }

const cases: readonly { name: string; node: Omit<NodeSpec, 'outputs'>; more?: Tensor[] }[] = [
  { name: 'Identity', node: { op: 'Identity', inputs: ['w'] } },
  { name: 'Reshape with 0 and −1', node: { op: 'Reshape', inputs: ['w', 's'] }, more: [longs('s', [0, -1])] },
  { name: 'Flatten', node: { op: 'Flatten', inputs: ['w'], int: { axis: 2 } } },
  { name: 'Flatten at the end', node: { op: 'Flatten', inputs: ['w'], int: { axis: 3 } } },
  { name: 'Transpose', node: { op: 'Transpose', inputs: ['w'], ints: { perm: [2, 0, 1] } } },
  { name: 'Transpose without perm', node: { op: 'Transpose', inputs: ['w'] } },
  { name: 'Unsqueeze', node: { op: 'Unsqueeze', inputs: ['w', 'a'] }, more: [longs('a', [0, -2])] },
  {
    name: 'Squeeze',
    node: { op: 'Squeeze', inputs: ['v', 'a'] },
    more: [floats('v', [1, 3, 1], [1, 2, 3]), longs('a', [-1])],
  },
  { name: 'Squeeze of all', node: { op: 'Squeeze', inputs: ['v'] }, more: [floats('v', [1, 3, 1], [1, 2, 3])] },
  {
    name: 'Concat',
    node: { op: 'Concat', inputs: ['w', 'v', 'w'], int: { axis: 1 } },
    more: [floats('v', [2, 1, 4], [9, 8, 7, 6, 5, 4, 3, 2])],
  },
  {
    name: 'Concat of integers',
    node: { op: 'Concat', inputs: ['i', 'i'], int: { axis: 0 } },
    more: [longs('i', [3, -1])],
  },
  { name: 'Gather', node: { op: 'Gather', inputs: ['w', 'i'], int: { axis: 1 } }, more: [longs('i', [2, -3])] },
  {
    name: 'Slice to the end',
    node: { op: 'Slice', inputs: ['w', 's', 'ends', 'a'] },
    more: [longs('s', [1]), far, longs('a', [2])],
  },
  {
    name: 'Slice with steps',
    node: { op: 'Slice', inputs: ['w', 's', 'e', 'a', 'k'] },
    more: [longs('s', [-1, 0]), longs('e', [-100, 3]), longs('a', [2, 1]), longs('k', [-2, 2])],
  },
  { name: 'Shape', node: { op: 'Shape', inputs: ['w'] } },
  { name: 'Cast to integers', node: { op: 'Cast', inputs: ['w'], int: { to: 7 } } },
  { name: 'Add, broadcast', node: { op: 'Add', inputs: ['w', 'v'] }, more: [floats('v', [3, 1], [1, -2, 0.1])] },
  { name: 'Sub', node: { op: 'Sub', inputs: ['v', 'w'] }, more: [floats('v', [], [1.1])] },
  { name: 'Mul', node: { op: 'Mul', inputs: ['w', 'v'] }, more: [floats('v', [4], [1, -2, 0.1, 0])] },
  { name: 'Div', node: { op: 'Div', inputs: ['w', 'v'] }, more: [floats('v', [1], [3])] },
  { name: 'Div of integers', node: { op: 'Div', inputs: ['i', 'j'] }, more: [longs('i', [7, -7]), longs('j', [2])] },
  { name: 'Neg', node: { op: 'Neg', inputs: ['w'] } },
  { name: 'Sqrt', node: { op: 'Sqrt', inputs: ['w'] } },
  {
    name: 'QuantizeLinear, ties and limits',
    node: { op: 'QuantizeLinear', inputs: ['w', 's', 'z'] },
    more: [floats('s', [], [0.5]), bytesTensor('z', [], 'INT8', [120])],
  },
  {
    name: 'QuantizeLinear per channel',
    node: { op: 'QuantizeLinear', inputs: ['w', 's', 'z'], int: { axis: 1 } },
    more: [floats('s', [3], [0.5, 0.1, 2]), bytesTensor('z', [3], 'UINT8', [1, 2, 3])],
  },
  {
    name: 'DequantizeLinear',
    node: { op: 'DequantizeLinear', inputs: ['q', 's', 'z'], int: { axis: 0 } },
    more: [
      bytesTensor('q', [2, 2], 'UINT8', [0, 255, 7, 9]),
      floats('s', [2], [0.1, 0.3]),
      bytesTensor('z', [2], 'UINT8', [128, 3]),
    ],
  },
]

const signed = floats('v', [2, 3], [-1.5, 0.5, 2.5, -0.25, 0, 3])
const unary = ['Abs', 'Ceil', 'Exp', 'Floor', 'Relu', 'Round', 'Sigmoid', 'Sign', 'Tanh']
const reduce = [
  'ReduceSum',
  'ReduceMean',
  'ReduceMax',
  'ReduceMin',
  'ReduceProd',
  'ReduceL1',
  'ReduceL2',
  'ReduceSumSquare',
]
const three = floats('u', [3], [1, 0.5, -2])

/** Functions that float32 kernels may round another way: compared to the sixth digit. */
const near: readonly { name: string; node: Omit<NodeSpec, 'outputs'>; more?: Tensor[]; opset?: number }[] = [
  ...unary.map((op) => ({ name: op, node: { op, inputs: ['v'] }, more: [signed] })),
  ...reduce.map((op) => ({
    name: `${op} along an axis`,
    node: { op, inputs: ['w', 'a'], int: { keepdims: 0 } },
    more: [longs('a', [-2])],
    opset: 18,
  })),
  { name: 'ReduceSum of everything', node: { op: 'ReduceSum', inputs: ['w'] } },
  { name: 'ReduceMean, axes as an attribute', node: { op: 'ReduceMean', inputs: ['w'], ints: { axes: [0, 2] } } },
  { name: 'ReduceSum of nothing', node: { op: 'ReduceSum', inputs: ['w'], int: { noop_with_empty_axes: 1 } } },
  { name: 'Log', node: { op: 'Log', inputs: ['w'] } },
  { name: 'Reciprocal', node: { op: 'Reciprocal', inputs: ['w'] } },
  { name: 'Pow', node: { op: 'Pow', inputs: ['w', 'e'] }, more: [floats('e', [], [3])] },
  { name: 'Max', node: { op: 'Max', inputs: ['v', 'u', 'v'] }, more: [signed, three] },
  { name: 'Min', node: { op: 'Min', inputs: ['v', 'u'] }, more: [signed, three] },
  { name: 'Sum', node: { op: 'Sum', inputs: ['v', 'u', 'u'] }, more: [signed, three] },
  { name: 'Mean', node: { op: 'Mean', inputs: ['v', 'u'] }, more: [signed, three] },
  {
    name: 'Clip',
    node: { op: 'Clip', inputs: ['v', 'low', 'high'] },
    more: [signed, floats('low', [], [-1]), floats('high', [], [1])],
  },
  { name: 'Clip at one end', node: { op: 'Clip', inputs: ['v', '', 'high'] }, more: [signed, floats('high', [], [1])] },
  { name: 'Equal', node: { op: 'Equal', inputs: ['i', 'j'] }, more: [longs('i', [1, 2, 3]), longs('j', [2])] },
  { name: 'Greater', node: { op: 'Greater', inputs: ['v', 'u'] }, more: [signed, three] },
  { name: 'Less', node: { op: 'Less', inputs: ['v', 'u'] }, more: [signed, three] },
  { name: 'Expand', node: { op: 'Expand', inputs: ['u', 'to'] }, more: [three, longs('to', [2, 1])] },
  { name: 'Tile', node: { op: 'Tile', inputs: ['v', 'to'] }, more: [signed, longs('to', [2, 3])] },
  {
    name: 'ConstantOfShape',
    node: { op: 'ConstantOfShape', inputs: ['to'], tensor: { value: floats('', [1], [2.5]) } },
    more: [longs('to', [2, 3])],
  },
  { name: 'ConstantOfShape of zeros', node: { op: 'ConstantOfShape', inputs: ['to'] }, more: [longs('to', [2])] },
  {
    name: 'Range',
    node: { op: 'Range', inputs: ['a', 'b', 'c'] },
    more: [floats('a', [], [10]), floats('b', [], [4]), floats('c', [], [-2.5])],
  },
  {
    name: 'Pad',
    node: { op: 'Pad', inputs: ['v', 'p', 'c'] },
    more: [signed, longs('p', [1, 0, 0, 2]), floats('c', [], [7])],
  },
  {
    name: 'Pad along one axis',
    node: { op: 'Pad', inputs: ['v', 'p', '', 'a'] },
    more: [signed, longs('p', [1, 2]), longs('a', [-1])],
    opset: 18,
  },
  {
    name: 'MatMul',
    node: { op: 'MatMul', inputs: ['v', 'm'] },
    more: [signed, floats('m', [3, 4], [1, 2, 3, 4, 5, 6, 7, 8, 9, -1, -2, -3])],
  },
  { name: 'Size', node: { op: 'Size', inputs: ['w'] } },
]

function fold(bytes: Uint8Array, name: string) {
  return createFolder(buildGraph(decodeModel(bytes, 'fold.onnx'), 'fold.onnx')).constant(name)
}

/** [folded here, computed by onnxruntime] */
async function both(node: Omit<NodeSpec, 'outputs'>, more: Tensor[] | undefined, opset: number, outputs = ['y']) {
  const nodes = [
    { ...node, outputs },
    { op: 'Identity', inputs: ['x'], outputs: ['same'] },
  ]
  // The result is added as an output without a type: its element type differs from case to case.
  const output = onnx.ModelProto.encode({ graph: { output: [{ name: outputs.at(-1)! }] } }).finish()
  const bytes = Buffer.concat([model([1], nodes, [w, ...(more ?? [])], 'same', { opset }), output])
  const { InferenceSession, Tensor } = await import('onnxruntime-node')
  const session = await InferenceSession.create(bytes, { graphOptimizationLevel: 'disabled', logSeverityLevel: 3 })
  const x = new Tensor('float32', item([1], [0]).get('x')!.data as Float32Array, [1])
  const theirs = (await session.run({ x }))[outputs.at(-1)!]!
  await session.release()
  const ours = fold(bytes, outputs.at(-1)!)
  expect(ours.dims).toEqual([...theirs.dims])
  return [[...numbers(ours, 'y')], Array.from(theirs.data as ArrayLike<number | bigint>, Number)] as const
}

describe('constant folding equals onnxruntime', () => {
  it.each(cases)('$name', async ({ node, more }) => {
    const [ours, theirs] = await both(node, more, 17)
    expect(ours).toEqual(theirs)
  })

  it.each(near)('$name', async ({ node, more, opset }) => {
    const [ours, theirs] = await both(node, more, opset ?? 17)
    expect(ours).toHaveLength(theirs.length)
    for (const [i, value] of ours.entries()) expect(value).toBeCloseTo(theirs[i]!, 5)
  })

  it.each([['Where', { op: 'Where', inputs: ['c', 'v', 'u'] }, [signed, three, longs('i', [1, 0, 2])]]] as const)(
    '%s',
    async (_, node, more) => {
      const nodes: NodeSpec[] = [
        { op: 'Cast', inputs: ['i'], outputs: ['c'], int: { to: 9 } },
        { ...node, inputs: [...node.inputs], outputs: ['y'] },
      ]
      const folded = fold(model([1], nodes, [...more], 'y'), 'y')
      expect([...numbers(folded, 'y')]).toEqual([-1.5, 0.5, 2.5, -0.25, 0.5, 3])
    },
  )

  it.each<[string, Omit<NodeSpec, 'outputs'>, Tensor[]]>([
    ['even parts', { op: 'Split', inputs: ['w'], int: { axis: 2 } }, []],
    ['parts of given sizes', { op: 'Split', inputs: ['w', 'p'], int: { axis: -1 } }, [longs('p', [1, 3])]],
  ])('Split: %s', async (_, node, more) => {
    const [ours, theirs] = await both(node, more, 13, ['first', 'y'])
    expect(ours).toEqual(theirs)
  })
})

describe('folding', () => {
  it('keeps the integers and the channel axis through Transpose, Unsqueeze and Reshape', () => {
    const bytes = model(
      [1],
      [
        { op: 'DequantizeLinear', inputs: ['q', 's', 'z'], outputs: ['d'], int: { axis: 0 } },
        { op: 'Transpose', inputs: ['d'], outputs: ['t'], ints: { perm: [1, 0] } },
        { op: 'Reshape', inputs: ['t', 'shape'], outputs: ['r'] },
        { op: 'Unsqueeze', inputs: ['r', 'a'], outputs: ['y'] },
      ],
      [
        bytesTensor('q', [2, 6], 'INT8', [...Array(12).keys()]),
        floats('s', [2], [0.5, 2]),
        bytesTensor('z', [2], 'INT8', [1, -1]),
        longs('shape', [2, 3, 2]),
        longs('a', [0]),
      ],
      'y',
    )
    const { dims, grid } = fold(bytes, 'y')
    expect(dims).toEqual([1, 2, 3, 2])
    expect(grid?.axis).toBe(3)
    expect([...grid!.codes]).toEqual([0, 6, 1, 7, 2, 8, 3, 9, 4, 10, 5, 11])
    expect([...grid!.scale]).toEqual([0.5, 2])
  })

  it('keeps the integers through a product with one number', () => {
    const nodes: NodeSpec[] = [
      { op: 'DequantizeLinear', inputs: ['q', 's'], outputs: ['d'] },
      { op: 'Mul', inputs: ['k', 'd'], outputs: ['m'] },
      { op: 'Div', inputs: ['m', 'h'], outputs: ['y'] },
    ]
    const tensors = [bytesTensor('q', [2], 'INT8', [3, -4]), floats('s', [], [0.5])]
    const by = (k: number) => [...tensors, floats('k', [], [k]), floats('h', [1], [0.25])]
    expect(fold(model([1], nodes, by(3), 'y'), 'y').grid).toMatchObject({ scale: Float64Array.of(6) })
    expect(fold(model([1], nodes, by(-3), 'y'), 'y').grid).toBeNull()
  })

  it('a chain longer than the call stack is folded', () => {
    const chain = Array.from(
      { length: 30_000 },
      (_, i): NodeSpec => ({ op: 'Identity', inputs: [i === 0 ? 'w0' : `i${i - 1}`], outputs: [`i${i}`] }),
    )
    const nodes: NodeSpec[] = [...chain, { op: 'Conv', name: 'conv', inputs: ['x', 'i29999'], outputs: ['y'] }]
    const network = loadNetwork(model([1, 1, 1, 1], nodes, [floats('w0', [1, 1, 1, 1], [3])], 'y'), 'long.onnx')
    expect(network.layers[0]!.weights).toEqual({ kind: 'float', values: Float32Array.of(3) })
  })

  it.each([
    ['an index outside', { op: 'Gather', inputs: ['w', 'i'] }, [longs('i', [2])], /index 2 of a dimension of 2/],
    [
      'a shape that does not fit',
      { op: 'Reshape', inputs: ['w', 'i'] },
      [longs('i', [5, -1])],
      /cannot reshape \[2, 3, 4\] to \[5, -1\]/,
    ],
    [
      'a constant that grows beyond all measure',
      { op: 'Expand', inputs: ['v', 'i'] },
      [floats('v', [], [1]), longs('i', [65_536, 65_536])],
      /more than 2\^31 elements|at most 2\^26 elements/,
    ],
    [
      'two constants that grow together',
      { op: 'Add', inputs: ['v', 'u'] },
      [floats('v', [9000, 1], new Array(9000).fill(1)), floats('u', [9000], new Array(9000).fill(1))],
      /makes a constant of shape \[9000, 9000\]; expected at most 2\^26 elements/,
    ],
    ['parts that do not add up', { op: 'Split', inputs: ['w', 'i'] }, [longs('i', [3])], /cannot split 2 into \[3\]/],
    ['an axis outside', { op: 'Concat', inputs: ['w', 'w'], int: { axis: 3 } }, [], /axis 3 of 3 dimensions/],
    [
      'shapes that do not broadcast',
      { op: 'Add', inputs: ['w', 'v'] },
      [floats('v', [3], [1, 2, 3])],
      /do not broadcast/,
    ],
    [
      'blocked scales',
      { op: 'DequantizeLinear', inputs: ['q', 's'] },
      [bytesTensor('q', [2, 2], 'INT8', [1, 2, 3, 4]), floats('s', [2, 1], [1, 1])],
      /blocked quantisation/,
    ],
    [
      'a scale of zero',
      { op: 'DequantizeLinear', inputs: ['q', 's'] },
      [bytesTensor('q', [2], 'INT8', [1, 2]), floats('s', [], [0])],
      /scale 0 is not a positive number/,
    ],
  ] as const)('%s is refused', (_, node, more, message) => {
    const spec: NodeSpec = { ...node, inputs: [...node.inputs], outputs: ['y'] }
    expect(() => fold(model([1], [spec], [w, ...more], 'y'), 'y')).toThrow(message)
  })
})
