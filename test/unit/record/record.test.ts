// Recording: what goes into the runtime is checked, what comes out are the codes that the rules demand.
import { describe, expect, it } from 'vitest'
import { ModelError, SpecError } from '../../../models/base/errors.js'
import { loadNetwork } from '../../../models/nn/network.js'
import { onnx } from '../../../models/nn/proto/onnx.js'
import { recordedTensors, recordTrace } from '../../../traces/record/record.js'
import { fetchedTensor } from '../../../traces/record/runtime.js'
import { type InputItem, openSession } from '../../../traces/record/session.js'
import { bytesTensor, floats, item, model, type NodeSpec } from '../../helpers/onnx.js'

const spec = { bitsPerStep: 1, signed: 'offset', calibration: 'min-max', percentile: 99 } as const

async function record(
  bytes: Uint8Array,
  items: readonly InputItem[],
  change: Partial<Parameters<typeof recordTrace>[3]> = {},
) {
  const network = loadNetwork(bytes, 'net.onnx')
  const session = await openSession(network, bytes, recordedTensors(network))
  try {
    return await recordTrace(network, session, items, { ...spec, ...change }, () => {})
  } finally {
    await session.release()
  }
}

const product: NodeSpec = { op: 'MatMul', name: 'fc', inputs: ['x', 'w'], outputs: ['y'] }
const eye = floats('w', [2, 2], [1, 0, 0, 1])
const plain = model(['N', 2], [product], [eye], 'y')
const pair = (...values: number[]) => item([1, values.length], values)

describe('float networks', () => {
  it('one coding per tensor over all items; predictions with ties to the lower index', async () => {
    const trace = await record(plain, [pair(-1, 4), pair(2, 2), pair(0, -0.4)])
    const codes = trace.tensors.get('x')!
    // min −1, max 4: scale 5/255, zero point 51.
    expect(codes).toMatchObject({ form: 'unsigned', shape: [1, 2], scale: 5 / 255, zeroPoint: 51 })
    expect([...codes.codes]).toEqual([0, 255, 153, 153, 51, 31])
    expect([...trace.predictions]).toEqual([1, 0, 0])
    expect(trace.modelSha256).toMatch(/^[0-9a-f]{64}$/)
  })

  it('is the same twice', async () => {
    const items = [pair(0.1, 0.7), pair(0.3, -0.9)]
    expect(await record(plain, items, { calibration: 'mse' })).toEqual(
      await record(plain, items, { calibration: 'mse' }),
    )
  })

  it('percentile: what lies outside is limited to the end of the range', async () => {
    const values = Array.from({ length: 100 }, (_, i) => (i === 0 ? 1000 : i / 100))
    const bytes = model([1, 100], [product], [floats('w', [100, 1], values)], 'y')
    const codes = (
      await record(bytes, [item([1, 100], values)], { calibration: 'percentile', percentile: 98 })
    ).tensors.get('x')!
    // Two of a hundred may be cut: 1000, and no more than one of the others.
    expect(codes.scale * 255).toBeLessThan(1.2)
    expect(codes.codes[0]).toBe(255)
  })

  it('an activation that is no number names its tensor', async () => {
    await expect(record(plain, [pair(1, Number.NaN)])).rejects.toThrow(/tensor "x": activation NaN at position 1/)
  })

  it('a layer behind another one gets the values between them', async () => {
    const nodes: NodeSpec[] = [
      { op: 'Relu', inputs: ['x'], outputs: ['r'] },
      { ...product, inputs: ['r', 'w'] },
    ]
    const codes = (await record(model([1, 2], nodes, [eye], 'y'), [pair(-3, 2.55)])).tensors.get('r')!
    expect(codes).toMatchObject({ form: 'unsigned', zeroPoint: 0, scale: Math.fround(2.55) / 255 })
    expect([...codes.codes]).toEqual([0, 255])
  })

  it('half precision comes as bit patterns or, where Node has a Float16Array, as numbers', () => {
    const network = loadNetwork(model([1, 2], [product], [floats('w', [2, 1], [1, 1])], 'y'), 'half.onnx')
    for (const data of [Uint16Array.of(0x3c00, 0xc000), Float32Array.of(1, -2)])
      expect([...(fetchedTensor(network, 'h', 'float16', [2], data).data as Float32Array)]).toEqual([1, -2])
  })

  it('half-precision tensors are read as numbers, not as bit patterns', async () => {
    const nodes: NodeSpec[] = [
      { op: 'Cast', inputs: ['x'], outputs: ['h'], int: { to: 10 } },
      { op: 'MatMul', name: 'fc', inputs: ['h', 'w'], outputs: ['p'] },
      { op: 'Cast', inputs: ['p'], outputs: ['y'], int: { to: 1 } },
    ]
    const half = {
      name: 'w',
      dims: [2, 1],
      data_type: onnx.TensorProto.DataType.FLOAT16,
      raw_data: new Uint8Array(Uint16Array.of(0x3c00, 0x4000).buffer),
    }
    const codes = (await record(model([1, 2], nodes, [half], 'y'), [pair(0.5, 2)])).tensors.get('h')!
    expect(codes.scale).toBe(2 / 255)
    expect([...codes.codes]).toEqual([64, 255])
  })
})

describe('quantised networks', () => {
  const grid = [floats('s', [], [0.1]), bytesTensor('z', [], 'INT8', [-3]), floats('s2', [], [0.3])]
  const quantise: NodeSpec = { op: 'QuantizeLinear', inputs: ['x', 's', 'z'], outputs: ['q'] }
  const dequantise: NodeSpec = { op: 'DequantizeLinear', inputs: ['q', 's', 'z'], outputs: ['d'] }
  const q = (values: number[]) => values.map((x) => Math.max(-128, Math.min(127, Math.round(x / Math.fround(0.1)) - 3)))
  const values = [0.11, -0.72, 5.04, -30]

  it('the integers in front of the layer are kept', async () => {
    const bytes = model(
      [1, 4],
      [quantise, dequantise, { ...product, inputs: ['d', 'w'] }],
      [...grid, floats('w', [4, 1], [1, 1, 1, 1])],
      'y',
    )
    const codes = (await record(bytes, [pair(...values)], { signed: 'twos-complement' })).tensors.get('q')!
    expect(codes).toMatchObject({ form: 'twos-complement', zeroPoint: -3, scale: Math.fround(0.1) })
    expect([...codes.codes]).toEqual(q(values))
    const moved = (await record(bytes, [pair(...values)])).tensors.get('q')!
    expect([...moved.codes]).toEqual(q(values).map((code) => code + 128))
    expect(moved.zeroPoint).toBe(125)
  })

  it('the integers come back from a float tensor behind an operator that only moves values', async () => {
    const nodes: NodeSpec[] = [
      quantise,
      dequantise,
      { op: 'Transpose', inputs: ['d'], outputs: ['t'] },
      { ...product, inputs: ['t', 'w'] },
    ]
    const bytes = model([2, 2], nodes, [...grid, eye], 'y')
    const codes = (await record(bytes, [item([2, 2], values)], { signed: 'twos-complement' })).tensors.get('t')!
    const [a, b, c, d] = q(values)
    expect([...codes.codes]).toEqual([a, c, b, d])
  })

  it('one tensor read with two scales is refused', async () => {
    const nodes: NodeSpec[] = [
      quantise,
      dequantise,
      { op: 'DequantizeLinear', inputs: ['q', 's2', 'z'], outputs: ['d2'] },
      { op: 'MatMul', name: 'one', inputs: ['d', 'w'], outputs: ['a'] },
      { op: 'MatMul', name: 'two', inputs: ['d2', 'w'], outputs: ['b'] },
      { op: 'Add', inputs: ['a', 'b'], outputs: ['y'] },
    ]
    await expect(record(model([1, 2], nodes, [...grid, eye], 'y'), [pair(1, 2)])).rejects.toThrow(
      /node "two".*"q".*different scales/,
    )
  })
})

describe('items', () => {
  it.each<[string, InputItem, RegExp]>([
    ['no array', new Map(), /no array for input "x"/],
    [
      'an unknown name',
      new Map([...pair(1, 2), ...new Map([['xx', pair(1, 2).get('x')!]])]),
      /unknown input of net\.onnx "xx".*Did you mean "x"/,
    ],
    ['another shape', item([1, 3], [1, 2, 3]), /expected float32 \[N, 2\], got float32 \[1, 3\]/],
    [
      'another type',
      new Map([['x', { dtype: 'uint8', shape: [1, 2], data: Uint8Array.of(1, 2) }]]),
      /expected float32 .*, got uint8/,
    ],
    ['too few values', item([1, 2], [1]), /expected 2 values for shape \[1, 2\], got 1/],
  ])('%s is refused', async (_, given, message) => {
    await expect(record(plain, [given])).rejects.toThrow(SpecError)
    await expect(record(plain, [given])).rejects.toThrow(message)
  })

  it('items of different shapes are refused', async () => {
    const bytes = model([1, 'length', 2], [product], [eye], 'y')
    await expect(record(bytes, [item([1, 1, 2], [1, 2]), item([1, 2, 2], [1, 2, 3, 4])])).rejects.toThrow(ModelError)
  })
})

describe('products of two activations', () => {
  it.each([
    ['MatMul', { op: 'MatMul' }, 4 * 3 * 3],
    ['Gemm with a transposed operand', { op: 'Gemm', int: { transA: 1 } }, 4 * 4 * 3],
  ] as const)('%s: MACs of the recorded shapes', async (_, node, macs) => {
    // a = x·w is 3 × 4; MatMul multiplies aᵀ (4 × 3) with x (3 × 3), Gemm aᵀ with a.
    const second: NodeSpec =
      node.op === 'MatMul'
        ? { ...node, inputs: ['t', 'x'], outputs: ['y'], name: 'p' }
        : { ...node, inputs: ['a', 'a'], outputs: ['y'], name: 'p' }
    const nodes: NodeSpec[] = [
      { op: 'MatMul', inputs: ['x', 'w'], outputs: ['a'] },
      { op: 'Transpose', inputs: ['a'], outputs: ['t'] },
      second,
    ]
    const trace = await record(
      model(
        [3, 3],
        nodes,
        [
          floats(
            'w',
            [3, 4],
            Array.from({ length: 12 }, (_, i) => i),
          ),
        ],
        'y',
      ),
      [item([3, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9])],
    )
    expect(trace.products.map((p) => [p.name, p.macs])).toEqual([['p', macs]])
  })
})

describe('the model that runs', () => {
  it('keeps fields that the reader does not know', async () => {
    // Field 999 of ModelProto, wire type 2, three bytes.
    const bytes = Buffer.concat([plain, Buffer.from([0xba, 0x3e, 3, 1, 2, 3])])
    const trace = await record(bytes, [pair(0, 255)])
    expect([...trace.tensors.get('x')!.codes]).toEqual([0, 255])
  })

  it('an operator that the runtime does not know is a ModelError with the file', async () => {
    const nodes: NodeSpec[] = [
      { op: 'NoSuchOperator', inputs: ['x'], outputs: ['r'] },
      { ...product, inputs: ['r', 'w'] },
    ]
    await expect(record(model([1, 2], nodes, [eye], 'y'), [pair(1, 2)])).rejects.toThrow(
      /net\.onnx: onnxruntime cannot load.*NoSuchOperator/,
    )
  })
})
