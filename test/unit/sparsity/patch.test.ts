// Masks into the bytes of ONNX files: every way in which weights are stored, and nothing else changed.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { loadNetwork } from '../../../models/nn/network.js'
import { onnx } from '../../../models/nn/proto/onnx.js'
import type { Layer } from '../../../models/nn/types.js'
import { layerMask, prunableLayer, weightCount, weightValue } from '../../../models/sparsity/layers.js'
import { patchNetwork } from '../../../models/sparsity/onnx/patch.js'
import { inputsOf } from '../../../traces/record/inputs.js'
import { predict } from '../../../traces/record/predict.js'
import { bytesTensor, floats, item, longs, model, type NodeSpec, nibbles } from '../../helpers/onnx.js'

const types = onnx.TensorProto.DataType
type Tensor = onnx.TensorProto.$Properties

const ramp = (count: number) => Array.from({ length: count }, (_, i) => i + 1)
const halfMask = (layer: Layer) =>
  Uint8Array.from({ length: weightCount(layer) }, (_, i) => ((i * 7) % 3 === 0 ? 0 : 1))
const valuesOf = (layer: Layer) => Array.from({ length: weightCount(layer) }, (_, i) => weightValue(layer)(i))

/** Patches every layer and checks the new file against the old one. */
function check(bytes: Uint8Array, tensors: readonly string[], maskFor = halfMask) {
  const network = loadNetwork(bytes, 'test.onnx')
  const copy = new Uint8Array(bytes)
  const masks = new Map(network.layers.map((layer) => [layer, maskFor(layer)]))
  const out = patchNetwork(bytes, network, masks)
  expect(new Uint8Array(bytes)).toEqual(copy)
  expect(out.length).toBe(bytes.length)
  const again = loadNetwork(out, 'test.onnx')
  for (const [l, layer] of network.layers.entries()) {
    const mask = masks.get(layer)!
    expect(valuesOf(again.layers[l]!)).toEqual(valuesOf(layer).map((value, i) => (mask[i] === 1 ? value : 0)))
  }
  expect(without(out, tensors)).toEqual(without(bytes, tensors))
  return { network, out, masks }
}

/** The decoded model with the data of some tensors taken out. */
function without(bytes: Uint8Array, tensors: readonly string[]) {
  const decoded = onnx.ModelProto.decode(new Uint8Array(bytes))
  const held = [
    ...(decoded.graph?.initializer ?? []).filter((tensor) => tensors.includes(tensor.name ?? '')),
    ...(decoded.graph?.node ?? []).flatMap((node) =>
      tensors.includes(node.output?.[0] ?? '') ? (node.attribute ?? []).flatMap((a) => (a.t == null ? [] : [a.t])) : [],
    ),
  ]
  expect(held.length).toBe(tensors.length)
  for (const tensor of held)
    Object.assign(tensor, { raw_data: null, float_data: null, double_data: null, int32_data: null })
  return JSON.parse(JSON.stringify(decoded))
}

const gemm = (weights: Tensor, before: NodeSpec[] = [], operand = 'w'): Uint8Array =>
  model([1, 4], [...before, { op: 'Gemm', inputs: ['x', operand], outputs: ['y'], name: 'fc' }], [weights], 'y')

const typed = (dtype: number, fields: Partial<Tensor>): Tensor => ({
  name: 'w',
  dims: [4, 3],
  data_type: dtype,
  ...fields,
})

describe('float weights', () => {
  it('raw data, convolution with groups', () => {
    const node = { op: 'Conv', inputs: ['x', 'w'], outputs: ['y'], int: { group: 2 } }
    check(model([1, 4, 5, 5], [node], [floats('w', [6, 2, 3, 3], ramp(108))], 'y'), ['w'])
  })

  it.each([
    ['float_data', gemm(typed(types.FLOAT, { float_data: ramp(12) }))],
    [
      'transposed operand',
      model(
        [1, 4],
        [{ op: 'Gemm', inputs: ['x', 'w'], outputs: ['y'], int: { transB: 1 } }],
        [floats('w', [3, 4], ramp(12))],
        'y',
      ),
    ],
    [
      'MatMul with the constant on the left',
      model([4, 1], [{ op: 'MatMul', inputs: ['w', 'x'], outputs: ['y'] }], [floats('w', [3, 4], ramp(12))], 'y'),
    ],
    [
      'a batch of matrices',
      model([2, 1, 4], [{ op: 'MatMul', inputs: ['x', 'w'], outputs: ['y'] }], [floats('w', [2, 4, 3], ramp(24))], 'y'),
    ],
    [
      'a vector',
      model([1, 4], [{ op: 'MatMul', inputs: ['x', 'w'], outputs: ['y'] }], [floats('w', [4], ramp(4))], 'y'),
    ],
    [
      'half precision behind a cast',
      gemm(
        {
          name: 'w',
          dims: [4, 3],
          data_type: types.FLOAT16,
          raw_data: new Uint8Array(Uint16Array.from(ramp(12), (v) => 0x3c00 + v).buffer),
        },
        [{ op: 'Cast', inputs: ['w'], outputs: ['f'], int: { to: 1 } }],
        'f',
      ),
    ],
    [
      'half precision in int32_data',
      gemm(
        typed(types.FLOAT16, { int32_data: ramp(12).map((v) => 0x3c00 + v) }),
        [{ op: 'Cast', inputs: ['w'], outputs: ['f'], int: { to: 1 } }],
        'f',
      ),
    ],
  ] as const)('%s', (_name, bytes) => {
    check(bytes, ['w'])
  })

  it('behind Transpose and Reshape', () => {
    const before = [
      { op: 'Transpose', inputs: ['w'], outputs: ['t'], ints: { perm: [2, 0, 1] } },
      { op: 'Reshape', inputs: ['t', 'shape'], outputs: ['m'] },
    ]
    const nodes = [...before, { op: 'MatMul', inputs: ['x', 'm'], outputs: ['y'] }]
    check(model([1, 4], nodes, [floats('w', [2, 3, 2], ramp(12)), longs('shape', [4, 3])], 'y'), ['w'])
  })

  it('a Constant node', () => {
    const bytes = model(
      [1, 4],
      [
        { op: 'Constant', inputs: [], outputs: ['w'] },
        { op: 'MatMul', inputs: ['x', 'w'], outputs: ['y'] },
      ],
      [],
      'y',
    )
    const decoded = onnx.ModelProto.decode(new Uint8Array(bytes))
    decoded.graph!.node![0]!.attribute!.push({ name: 'value', type: 4, t: floats('', [4, 3], ramp(12)) } as never)
    check(onnx.ModelProto.encode(decoded).finish(), ['w'])
  })

  it('a BatchNormalization behind the layer is left alone', () => {
    const nodes = [
      { op: 'Conv', inputs: ['x', 'w'], outputs: ['c'] },
      { op: 'BatchNormalization', inputs: ['c', 'g', 'b', 'm', 'v'], outputs: ['y'] },
    ]
    const others = ['g', 'b', 'm', 'v'].map((name, i) => floats(name, [2], [i + 1, i + 2]))
    check(model([1, 3, 4, 4], nodes, [floats('w', [2, 3, 2, 2], ramp(24)), ...others], 'y'), ['w'])
  })
})

describe('quantised weights', () => {
  const dequantise: NodeSpec = { op: 'DequantizeLinear', inputs: ['w', 's', 'z'], outputs: ['f'], int: { axis: 1 } }
  const file = (weights: Tensor, zero: Tensor, scales: number) =>
    model(
      [1, 4],
      [dequantise, { op: 'MatMul', inputs: ['x', 'f'], outputs: ['y'] }],
      [weights, floats('s', scales === 1 ? [] : [scales], ramp(scales)), zero],
      'y',
    )

  it('become the zero point of their output', () => {
    const bytes = file(bytesTensor('w', [4, 3], 'UINT8', ramp(12)), bytesTensor('z', [3], 'UINT8', [128, 3, 200]), 3)
    const { network, out, masks } = check(bytes, ['w'])
    const stored = onnx.ModelProto.decode(out).graph!.initializer![0]!.raw_data!
    const mask = masks.get(network.layers[0]!)!
    for (let i = 0; i < 12; i++)
      expect(stored[i]).toBe(mask[(i % 3) * 4 + Math.floor(i / 3)] === 1 ? i + 1 : [128, 3, 200][i % 3])
  })

  it('int8 with negative codes; typed data keep the length of every number', () => {
    check(
      file(
        bytesTensor(
          'w',
          [4, 3],
          'INT8',
          ramp(12).map((v) => v - 6),
        ),
        bytesTensor('z', [], 'INT8', [-3]),
        1,
      ),
      ['w'],
    )
    const wide = { name: 'w', dims: [4, 3], data_type: types.UINT8, int32_data: ramp(12).map((v) => v + 130) }
    check(file(wide, bytesTensor('z', [], 'UINT8', [5]), 1), ['w'])
    check(file(wide, bytesTensor('z', [], 'UINT8', [140]), 1), ['w'])
    const narrow = { ...wide, int32_data: ramp(12) }
    expect(() => check(file(narrow, bytesTensor('z', [], 'UINT8', [140]), 1), ['w'])).toThrow(
      /zero point 140 needs more bytes.*raw data/,
    )
  })

  it('onnxruntime takes numbers with empty continuation bytes', async () => {
    const weights = { name: 'w', dims: [4, 3], data_type: types.INT8, int32_data: ramp(12).map((v) => -v) }
    const bytes = file(weights, bytesTensor('z', [], 'INT8', [0]), 1)
    const network = loadNetwork(bytes, 'test.onnx')
    // All sums are negative; output 2, all zero, becomes the largest.
    const keepTwo = Uint8Array.from({ length: 12 }, (_, i) => (i < 8 ? 1 : 0))
    const pruned = patchNetwork(bytes, network, new Map([[network.layers[0]!, keepTwo]]))
    const ones = inputsOf([item([1, 4], [1, 1, 1, 1])])
    expect([...(await predict(network, pruned, ones, new AbortController().signal, () => {}))]).toEqual([2])
  })

  it('floats that the graph quantises itself become 0', () => {
    const nodes = [
      { op: 'QuantizeLinear', inputs: ['w', 's', 'z'], outputs: ['q'] },
      { op: 'DequantizeLinear', inputs: ['q', 's', 'z'], outputs: ['f'] },
      { op: 'MatMul', inputs: ['x', 'f'], outputs: ['y'] },
    ]
    check(
      model(
        [1, 4],
        nodes,
        [floats('w', [4, 3], ramp(12)), floats('s', [], [1]), bytesTensor('z', [], 'UINT8', [9])],
        'y',
      ),
      ['w'],
    )
  })
})

describe('integer operators and other forms', () => {
  const scale = (name: string, v = 1) => floats(name, [], [v])
  const zero = (name: string, v = 0) => bytesTensor(name, [], 'UINT8', [v])

  it('QLinearConv: codes become the zero point', () => {
    const node = { op: 'QLinearConv', inputs: ['x', 'xs', 'xz', 'w', 'ws', 'wz', 'ys', 'yz'], outputs: ['y'] }
    const others = [scale('xs'), zero('xz'), scale('ws', 0.5), zero('wz', 7), scale('ys'), zero('yz')]
    const weights = bytesTensor('w', [3, 2, 2, 2], 'UINT8', ramp(24))
    check(model([1, 2, 4, 4], [node], [weights, ...others], 'y', { input: 'UINT8', outputType: 'UINT8' }), ['w'])
  })

  it('MatMulInteger', () => {
    const node = { op: 'MatMulInteger', inputs: ['x', 'w', 'xz', 'wz'], outputs: ['y'] }
    const weights = bytesTensor('w', [4, 3], 'UINT8', ramp(12))
    check(model([1, 4], [node], [weights, zero('xz'), zero('wz', 5)], 'y', { input: 'UINT8', outputType: 'INT32' }), [
      'w',
    ])
  })

  it('ConvTranspose with groups', () => {
    const node = { op: 'ConvTranspose', inputs: ['x', 'w'], outputs: ['y'], int: { group: 2 } }
    check(model([1, 4, 3, 3], [node], [floats('w', [4, 3, 2, 2], ramp(48))], 'y'), ['w'])
  })

  it('4-bit weights, two in a byte', () => {
    const nodes = [
      { op: 'DequantizeLinear', inputs: ['w', 's', 'z'], outputs: ['f'] },
      { op: 'MatMul', inputs: ['x', 'f'], outputs: ['y'] },
    ]
    const codes = ramp(15).map((v) => (v % 16) - 8)
    const others = [floats('s', [], [1]), nibbles('z', [], 'INT4', [-3])]
    check(model([1, 5], nodes, [nibbles('w', [5, 3], 'INT4', codes), ...others], 'y', { opset: 21 }), ['w'])
  })
})

describe('what cannot be done is refused by name', () => {
  const shared = (second: NodeSpec) =>
    model(
      [1, 3],
      [{ op: 'MatMul', inputs: ['x', 'w'], outputs: ['a'] }, second],
      [floats('w', [3, 3], ramp(9))],
      second.outputs[0]!,
    )

  it('weights that another operator uses too', () => {
    expect(() => check(shared({ op: 'Mul', inputs: ['a', 'w'], outputs: ['y'] }), ['w'])).toThrow(
      /weights "w" of a are used by y too.*--skip a/,
    )
    const transposed = { op: 'Gemm', inputs: ['a', 'w'], outputs: ['y'], int: { transB: 1 } }
    expect(() => check(shared(transposed), ['w'])).toThrow(/used by y too/)
  })

  it('two layers that read the same weights alike are pruned together', () => {
    check(shared({ op: 'MatMul', inputs: ['a', 'w'], outputs: ['y'] }), ['w'])
  })

  it('computed weights, and masks of the wrong size', () => {
    const doubled = gemm(floats('w', [4, 3], ramp(12)), [{ op: 'Add', inputs: ['w', 'w'], outputs: ['f'] }], 'f')
    expect(() => check(doubled, ['w'])).toThrow(/"f" \(Add\): the weights of fc are computed here.*--skip fc/)
    expect(() => check(gemm(floats('w', [4, 3], ramp(12))), ['w'], () => new Uint8Array(5))).toThrow(
      /mask of 5 entries for 12 weights/,
    )
  })
})

describe('the bytes', () => {
  it('differ only inside the pruned tensor, whatever the mask', () => {
    const bytes = gemm(floats('w', [4, 3], ramp(12)))
    const network = loadNetwork(bytes, 'test.onnx')
    const raw = new Uint8Array(Float32Array.from(ramp(12)).buffer)
    const start = Buffer.from(bytes).indexOf(Buffer.from(raw))
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 1 }), { minLength: 12, maxLength: 12 }), (bits) => {
        const out = patchNetwork(bytes, network, new Map([[network.layers[0]!, Uint8Array.from(bits)]]))
        for (let at = 0; at < bytes.length; at++) {
          const w = Math.floor((at - start) / 4)
          // Stored [row][output], mask [output][row].
          const pruned = w >= 0 && w < 12 && bits[(w % 3) * 4 + Math.floor(w / 3)] === 0
          expect(out[at]).toBe(pruned ? 0 : bytes[at])
        }
      }),
    )
  })

  it('onnxruntime multiplies by mask × weights', async () => {
    const weights = floats('w', [4, 3], [1, 9, 2, 3, 0, 1, 5, 1, 0, 7, 2, 9])
    const bytes = gemm(weights)
    const network = loadNetwork(bytes, 'test.onnx')
    const signal = new AbortController().signal
    const ones = inputsOf([item([1, 4], [1, 1, 1, 1])])
    // Sums of the outputs: 16, 12, 12. Without output 0 the second one wins, without 0 and 1 the third.
    const without = (outputs: number[]) =>
      Uint8Array.from({ length: 12 }, (_, i) => (outputs.includes(Math.floor(i / 4)) ? 0 : 1))
    const winner = async (mask: Uint8Array) =>
      (
        await predict(
          network,
          patchNetwork(bytes, network, new Map([[network.layers[0]!, mask]])),
          ones,
          signal,
          () => {},
        )
      )[0]
    expect(await winner(without([]))).toBe(0)
    expect(await winner(without([0]))).toBe(1)
    expect(await winner(without([0, 1]))).toBe(2)
  })
})

describe('matrices', () => {
  it('row order and groups: matrices and masks are each other’s inverse', () => {
    const node = { op: 'Conv', inputs: ['x', 'w'], outputs: ['y'], int: { group: 2 } }
    const network = loadNetwork(model([1, 4, 5, 5], [node], [floats('w', [6, 2, 1, 3], ramp(36))], 'y'), 'test.onnx')
    const layer = network.layers[0]!
    for (const order of ['channel-major', 'position-major'] as const) {
      const { matrices } = prunableLayer(layer, order)
      expect(matrices.map(({ rows, cols, channelRows }) => [rows, cols, channelRows])).toEqual([
        [6, 3, 3],
        [6, 3, 3],
      ])
      const small = matrices.map(({ values }) => Uint8Array.from(values, (v) => (v % 5 === 0 ? 0 : 1)))
      expect([...layerMask(layer, small, order)]).toEqual(ramp(36).map((v) => (v % 5 === 0 ? 0 : 1)))
    }
    // Output 1 of group 0 holds weights 7 … 12: channel 0 (7 8 9), channel 1 (10 11 12).
    const column = (order: 'channel-major' | 'position-major') => {
      const { values } = prunableLayer(layer, order).matrices[0]!
      return Array.from({ length: 6 }, (_, r) => values[r * 3 + 1])
    }
    expect(column('channel-major')).toEqual([7, 8, 9, 10, 11, 12])
    expect(column('position-major')).toEqual([7, 10, 8, 11, 9, 12])
  })
})
