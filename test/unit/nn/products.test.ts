// Gemm and MatMul in all their forms, exactly: weights and activations are integers that quantisation keeps (scale 1), so the integer
// product must equal what onnxruntime computes to the last digit.
import { describe, expect, it } from 'vitest'
import { im2col, integerProduct, outputIndex, resolveLayer } from '../../../models/nn/lower.js'
import { loadNetwork } from '../../../models/nn/network.js'
import { quantiseWeights } from '../../../models/nn/quantise.js'
import { recordedTensors, recordTrace } from '../../../traces/record/record.js'
import { openSession } from '../../../traces/record/session.js'
import { bytesTensor, floats, item, model, type NodeSpec } from '../../helpers/onnx.js'

const size = (dims: readonly number[]) => dims.reduce((a, b) => a * b, 1)
const inputSpec = { bitsPerStep: 1, signed: 'offset', calibration: 'min-max', percentile: 99 } as const
const weightSpec = { encoding: 'differential', scale: 'per-tensor', rowOrder: 'channel-major' } as const

/** [ours, onnxruntime's] results of the only layer, in the order of the output tensor. */
async function both(shape: number[], nodes: readonly NodeSpec[], tensors: Parameters<typeof model>[2]) {
  const bytes = model(shape, nodes, tensors, 'y')
  const network = loadNetwork(bytes, 'products.onnx')
  const session = await openSession(network, bytes, recordedTensors(network))
  const input = item(
    shape,
    Array.from({ length: size(shape) }, (_, i) => (i === 0 ? 255 : (i * 83) % 256)),
  )
  const trace = await recordTrace(network, session, [input], inputSpec, () => {})
  const layer = network.layers[0]!
  const theirs = (await session.run(input, [layer.outputTensor])).get(layer.outputTensor)!
  await session.release()
  const tensor = trace.tensors.get(layer.inputTensor)!
  const resolved = resolveLayer(layer, tensor.shape)
  const weights = quantiseWeights(layer, weightSpec, 'separate')
  const at = outputIndex(layer, resolved, tensor.shape)
  const ours = new Array<number>(theirs.data.length).fill(Number.NaN)
  for (const [g, matrix] of weights.matrices.entries()) {
    const y = integerProduct(matrix, im2col(layer, resolved, tensor, 0, g, 'channel-major'))
    for (let v = 0; v < resolved.vectors; v++) {
      for (let c = 0; c < resolved.cols; c++) {
        const o = g * resolved.cols + c
        ours[at(g, v, c)] = y[v * resolved.cols + c]! * tensor.scale * weights.scale[o]! + (layer.bias?.[o] ?? 0)
      }
    }
  }
  return [ours, Array.from(theirs.data)]
}

/** Integers in ±127 whose largest is 127, so that the scale is 1. */
const weights = (dims: number[]) =>
  floats(
    'w',
    dims,
    Array.from({ length: size(dims) }, (_, i) => (i === 0 ? 127 : ((i * 59) % 255) - 127)),
  )

describe('Gemm', () => {
  // The result is 3 × 4 over 5; x is the second operand when the constant stands on the left.
  const forms = [false, true].flatMap((left) =>
    [0, 1].flatMap((transA) => [0, 1].map((transB) => ({ left, transA, transB }))),
  )

  it.each(forms)('constant left: $left, transA $transA, transB $transB', async ({ left, transA, transB }) => {
    const a = transA === 1 ? [5, 3] : [3, 5]
    const b = transB === 1 ? [4, 5] : [5, 4]
    const node: NodeSpec = {
      op: 'Gemm',
      inputs: left ? ['w', 'x'] : ['x', 'w'],
      outputs: ['y'],
      int: { transA, transB },
    }
    const [ours, theirs] = await both(left ? b : a, [node], [weights(left ? a : b)])
    expect(ours).toEqual(theirs)
  })

  it.each([[[4]], [[1, 4]], [[1]], [[]]])('alpha, beta and a bias of shape [%s]', async (dims) => {
    const bias = floats(
      'c',
      dims,
      Array.from({ length: size(dims) }, (_, i) => 3 * i - 5),
    )
    const node: NodeSpec = { op: 'Gemm', inputs: ['x', 'w', 'c'], outputs: ['y'], float: { alpha: -2, beta: 0.5 } }
    const [ours, theirs] = await both([3, 5], [node], [weights([5, 4]), bias])
    expect(ours).toEqual(theirs)
  })
})

describe('ConvTranspose by zero insertion', () => {
  it.each<[string, number[], number[], Omit<NodeSpec, 'op' | 'inputs' | 'outputs'>]>([
    ['plain', [1, 2, 3, 4], [2, 3, 3, 2], {}],
    [
      'stride, uneven pads and output padding',
      [1, 2, 4, 3],
      [2, 3, 3, 3],
      {
        ints: { strides: [2, 3], pads: [1, 0, 0, 1], output_padding: [1, 2] },
      },
    ],
    ['dilation', [1, 1, 3, 3], [1, 2, 2, 3], { ints: { dilations: [3, 2], strides: [2, 1] } }],
    ['groups', [1, 4, 3, 3], [4, 2, 2, 2], { int: { group: 2 }, ints: { strides: [2, 2] } }],
    ['one dimension', [1, 3, 5], [3, 2, 4], { ints: { strides: [3], pads: [1, 2] } }],
    ['three dimensions', [1, 2, 2, 3, 2], [2, 2, 2, 2, 3], { ints: { strides: [2, 1, 2] } }],
    ['a stride larger than the kernel', [1, 1, 3, 2], [1, 1, 2, 2], { ints: { strides: [4, 3] } }],
    [
      'auto_pad SAME_UPPER',
      [1, 1, 3, 4],
      [1, 2, 4, 3],
      { text: { auto_pad: 'SAME_UPPER' }, ints: { strides: [2, 2] } },
    ],
    [
      'auto_pad SAME_LOWER',
      [1, 1, 3, 4],
      [1, 2, 4, 3],
      { text: { auto_pad: 'SAME_LOWER' }, ints: { strides: [2, 2] } },
    ],
    ['a given output shape', [1, 1, 3, 4], [1, 2, 4, 3], { ints: { strides: [2, 2], output_shape: [7, 8] } }],
  ])('%s', async (_, shape, dims, node) => {
    const outputs = dims[1]! * (node.int?.['group'] ?? 1)
    const bias = floats(
      'b',
      [outputs],
      Array.from({ length: outputs }, (_, o) => 7 * o - 3),
    )
    const [ours, theirs] = await both(
      shape,
      [{ op: 'ConvTranspose', inputs: ['x', 'w', 'b'], outputs: ['y'], ...node }],
      [weights(dims), bias],
    )
    expect(ours).toEqual(theirs)
  })
})

describe('Conv in one and three dimensions', () => {
  it.each<[string, number[], number[], Omit<NodeSpec, 'op' | 'inputs' | 'outputs'>]>([
    ['one', [1, 3, 11], [4, 3, 5], { ints: { pads: [2, 1], strides: [2] } }],
    ['three', [1, 2, 4, 5, 3], [3, 2, 2, 3, 2], { ints: { pads: [1, 0, 1, 0, 2, 1], strides: [2, 1, 1] } }],
  ])('%s', async (_, shape, dims, node) => {
    const [ours, theirs] = await both(
      shape,
      [{ op: 'Conv', inputs: ['x', 'w'], outputs: ['y'], ...node }],
      [weights(dims)],
    )
    expect(ours).toEqual(theirs)
  })
})

describe('MatMul', () => {
  it.each<[string, number[], number[], boolean]>([
    ['rows', [3, 5], [5, 4], false],
    ['a batch of activations', [2, 3, 5], [5, 4], false],
    ['columns, constant on the left', [2, 5, 3], [4, 5], true],
    ['one matrix for each of a batch', [2, 3, 5], [2, 5, 4], false],
    ['the same activations for a batch of matrices', [1, 3, 5], [2, 5, 4], false],
    ['a batch of matrices on the left', [2, 5, 3], [2, 4, 5], true],
    ['two batch axes', [2, 2, 3, 5], [2, 2, 5, 4], false],
    ['a constant vector', [3, 5], [5], false],
    ['a constant vector on the left', [5, 3], [5], true],
    ['an activation vector', [5], [5, 4], false],
  ])('%s', async (_, shape, dims, left) => {
    const node: NodeSpec = { op: 'MatMul', inputs: left ? ['w', 'x'] : ['x', 'w'], outputs: ['y'] }
    const [ours, theirs] = await both(shape, [node], [weights(dims)])
    expect(ours).toEqual(theirs)
  })

  it('a scale per output of the integers, behind a Transpose', async () => {
    const nodes: NodeSpec[] = [
      { op: 'DequantizeLinear', inputs: ['q', 's', 'z'], outputs: ['d'], int: { axis: 0 } },
      { op: 'Transpose', inputs: ['d'], outputs: ['w'] },
      { op: 'MatMul', inputs: ['x', 'w'], outputs: ['y'] },
    ]
    const codes = Array.from({ length: 20 }, (_, i) => (i * 59) % 256)
    const tensors = [
      bytesTensor('q', [4, 5], 'UINT8', codes),
      floats('s', [4], [1, 2, 0.5, 4]),
      bytesTensor('z', [4], 'UINT8', [128, 0, 255, 7]),
    ]
    const [ours, theirs] = await both([3, 5], nodes, tensors)
    expect(ours).toEqual(theirs)
  })

  it('a scale per matrix of a batch is a scale for each of its outputs', async () => {
    const nodes: NodeSpec[] = [
      { op: 'DequantizeLinear', inputs: ['q', 's'], outputs: ['w'], int: { axis: 0 } },
      { op: 'MatMul', inputs: ['x', 'w'], outputs: ['y'] },
    ]
    const codes = Array.from({ length: 40 }, (_, i) => ((i * 59) % 255) - 127)
    const [ours, theirs] = await both([2, 3, 5], nodes, [
      bytesTensor('q', [2, 5, 4], 'INT8', codes),
      floats('s', [2], [0.5, 4]),
    ])
    expect(ours).toEqual(theirs)
  })

  it.each([['per row', [5, 4], 0, 5]])(
    'scales %s of the operand cannot be separated from the sum',
    (_, dims, axis, count) => {
      const nodes: NodeSpec[] = [
        { op: 'DequantizeLinear', inputs: ['q', 's'], outputs: ['w'], int: { axis } },
        { op: 'MatMul', name: 'fc', inputs: ['x', 'w'], outputs: ['y'] },
      ]
      const tensors = [
        bytesTensor('q', dims, 'INT8', new Array(size(dims)).fill(1)),
        floats('s', [count], new Array(count).fill(1)),
      ]
      expect(() => loadNetwork(model([3, 5], nodes, tensors, 'y'), 'net.onnx')).toThrow(
        /"fc" \(MatMul\): weight scales run along dimension 0/,
      )
    },
  )
})
