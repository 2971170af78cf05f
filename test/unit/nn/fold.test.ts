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

function fold(bytes: Uint8Array, name: string) {
  return createFolder(buildGraph(decodeModel(bytes, 'fold.onnx'), 'fold.onnx')).constant(name)
}

describe('constant folding equals onnxruntime', () => {
  it.each(cases)('$name', async ({ node, more }) => {
    const nodes = [
      { ...node, outputs: ['y'] },
      { op: 'Identity', inputs: ['x'], outputs: ['same'] },
    ]
    // The result is added as an output without a type: its element type differs from case to case.
    const output = onnx.ModelProto.encode({ graph: { output: [{ name: 'y' }] } }).finish()
    const bytes = Buffer.concat([model([1], nodes, [w, ...(more ?? [])], 'same'), output])
    const { InferenceSession, Tensor } = await import('onnxruntime-node')
    const session = await InferenceSession.create(bytes, { graphOptimizationLevel: 'disabled', logSeverityLevel: 3 })
    const theirs = (
      await session.run({ x: new Tensor('float32', item([1], [0]).get('x')!.data as Float32Array, [1]) })
    )['y']!
    const ours = fold(bytes, 'y')
    expect(ours.dims).toEqual([...theirs.dims])
    expect([...numbers(ours, 'y')]).toEqual(Array.from(theirs.data as ArrayLike<number | bigint>, Number))
    await session.release()
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
