// What a network is taken to be: layers that hide, graphs out of order, biases and folded operators that must not be guessed.
import { describe, expect, it } from 'vitest'
import { ModelError } from '../../../models/base/errors.js'
import { loadNetwork } from '../../../models/nn/network.js'
import { onnx } from '../../../models/nn/proto/onnx.js'
import { bytesTensor, floats, model, type NodeSpec } from '../../helpers/onnx.js'

const product: NodeSpec = { op: 'MatMul', name: 'fc', inputs: ['x', 'w'], outputs: ['y'] }
const eye = floats('w', [2, 2], [1, 0, 0, 1])

/** The same model with its graph changed. */
function changed(bytes: Uint8Array, change: (proto: onnx.ModelProto.$Properties) => void): Uint8Array {
  const proto = onnx.ModelProto.decode(bytes)
  change(proto)
  return onnx.ModelProto.encode(proto).finish()
}

describe('refused, naming node and reason', () => {
  const twice = model([1, 2], [product, { ...product, name: 'again' }], [eye], 'y')
  const before = model([1, 2], [{ op: 'Relu', name: 'early', inputs: ['y'], outputs: ['r'] }, product], [eye], 'y')
  const inner = changed(
    model([1, 2], [product, { op: 'Custom', name: 'c', inputs: ['y'], outputs: ['o'] }], [eye], 'o'),
    (proto) => {
      proto.graph!.node![1]!.attribute = [{ name: 'body', type: 5, g: { name: 'body' } }]
    },
  )
  const called = changed(
    model([1, 2], [product, { op: 'Block', name: 'b', inputs: ['y'], outputs: ['o'] }], [eye], 'o'),
    (proto) => {
      proto.graph!.node![1]!.domain = 'own'
      proto.functions = [{ name: 'Block', domain: 'own', input: ['a'], output: ['b'], node: [] }]
    },
  )
  const fused = changed(
    model([1, 2], [product, { op: 'FusedThing', name: 'f', inputs: ['y', 'w'], outputs: ['o'] }], [eye], 'o'),
    (proto) => {
      proto.graph!.node![1]!.domain = 'com.microsoft'
    },
  )
  const sparse = changed(model([1, 2], [product], [eye], 'y'), (proto) => {
    proto.graph!.sparse_initializer = [{ values: { ...proto.graph!.initializer![0], name: 'w' }, dims: [2, 2] }]
    proto.graph!.initializer = []
  })

  it.each<[string, Uint8Array, RegExp]>([
    ['a tensor made twice', twice, /"y" is produced twice, by .*"again"/],
    ['a tensor used before it is made', before, /"early" \(Relu\): input "y" is no input/],
    ['a graph inside an operator', inner, /"c" \(Custom\): operators with a graph inside/],
    ['a function of the model', called, /"b" \(own\.Block\): functions of the model/],
    ['weights of an operator of another domain', fused, /"f" \(com\.microsoft\.FusedThing\).*constant "w"/],
    ['a sparse initializer as weights', sparse, /"w".*sparse initializer/],
    [
      'weights that are plain integers',
      model([1, 2], [product], [bytesTensor('w', [2, 2], 'INT8', [1, 2, 3, 4])], 'y'),
      /"fc".*weights "w" are int8/,
    ],
    [
      'weights without elements',
      model([1, 2], [product], [floats('w', [2, 0], [])], 'y'),
      /weights "w" of shape \[2,0\] are empty/,
    ],
    [
      'an infinite weight',
      model([1, 2], [product], [floats('w', [2, 1], [1, Number.POSITIVE_INFINITY])], 'y'),
      /"fc" \(MatMul\): weights "w" hold Infinity at position 1/,
    ],
    [
      'a bias per vector',
      model(
        [2, 2],
        [{ op: 'Gemm', name: 'g', inputs: ['x', 'w', 'c'], outputs: ['y'] }],
        [eye, floats('c', [2, 1], [1, 2])],
        'y',
      ),
      /"g" \(Gemm\): a bias of shape \[2,1\] for 2 outputs/,
    ],
    [
      'a bias that is computed',
      model([2, 2], [{ op: 'Gemm', name: 'g', inputs: ['x', 'w', 'x'], outputs: ['y'] }], [eye], 'y'),
      /"x" depends on the network's inputs/,
    ],
  ])('%s', (_, bytes, message) => {
    expect(() => loadNetwork(bytes, 'net.onnx')).toThrow(ModelError)
    expect(() => loadNetwork(bytes, 'net.onnx')).toThrow(message)
    expect(() => loadNetwork(bytes, 'net.onnx')).toThrow(/net\.onnx/)
  })
})

describe('what stands behind a layer', () => {
  const added = (shape: number[], more: NodeSpec[] = [], output = 'y'): Uint8Array =>
    model(
      [1, 2],
      [{ ...product, outputs: ['p'] }, { op: 'Add', inputs: ['p', 'c'], outputs: ['y'] }, ...more],
      [eye, floats('c', shape, new Array(shape.reduce((a, b) => a * b, 1)).fill(5))],
      output,
    )

  it('a bias Add is folded when nothing else reads the product', () => {
    const [layer] = loadNetwork(added([2]), 'net.onnx').layers
    expect(layer).toMatchObject({ outputTensor: 'y', bias: Float64Array.of(5, 5) })
  })

  it.each<[string, Uint8Array]>([
    ['a second reader of the product', added([2], [{ op: 'Relu', inputs: ['p'], outputs: ['r'] }])],
    ['one value per vector', added([2, 1])],
    ['a product that is an output of the network', added([2], [], 'p')],
  ])('not with %s', (_, bytes) => {
    expect(loadNetwork(bytes, 'net.onnx').layers[0]).toMatchObject({ outputTensor: 'p', bias: null })
  })

  it('BatchNormalization by hand: γ = 2, β = 1, μ = 3, σ² + ε = 4 gives w·1 and 1 − 3', () => {
    const nodes: NodeSpec[] = [
      { op: 'Conv', name: 'c', inputs: ['x', 'k'], outputs: ['p'] },
      { op: 'BatchNormalization', inputs: ['p', 'g', 'b', 'm', 'v'], outputs: ['y'], float: { epsilon: 1 } },
    ]
    const one = (name: string, value: number) => floats(name, [1], [value])
    const tensors = [floats('k', [1, 1, 1, 1], [7]), one('g', 2), one('b', 1), one('m', 3), one('v', 3)]
    const [layer] = loadNetwork(model([1, 1, 2, 2], nodes, tensors, 'y'), 'net.onnx').layers
    expect(layer).toMatchObject({
      outputTensor: 'y',
      bias: Float64Array.of(-2),
      weights: { values: Float32Array.of(7) },
    })
  })
})

it('nodes without a name, or with one that repeats, are called by their first output', () => {
  const nodes: NodeSpec[] = [
    { op: 'MatMul', name: 'same', inputs: ['x', 'w'], outputs: ['a'] },
    { op: 'MatMul', name: 'same', inputs: ['a', 'w'], outputs: ['b'] },
    { op: 'MatMul', name: '', inputs: ['b', 'w'], outputs: ['y'] },
  ]
  expect(loadNetwork(model([1, 2], nodes, [eye], 'y'), 'net.onnx').layers.map((layer) => layer.name)).toEqual([
    'a',
    'b',
    'y',
  ])
})

it('flipping any byte of a model gives a network or a ModelError, never another failure', () => {
  const whole = model(
    [1, 2],
    [{ op: 'Reshape', inputs: ['w0', 's'], outputs: ['w'] }, product],
    [floats('w0', [4], [1, 2, 3, 4]), { name: 's', dims: [2], data_type: 7, int64_data: [2, -1] }],
    'y',
  )
  for (let at = 0; at < whole.length; at++) {
    for (const flip of [1, 8, 128, 255]) {
      const bytes = Uint8Array.from(whole)
      bytes[at]! ^= flip
      try {
        loadNetwork(bytes, 'flipped.onnx')
      } catch (error) {
        expect(error, `byte ${at} ^ ${flip}`).toBeInstanceOf(ModelError)
      }
    }
  }
})
