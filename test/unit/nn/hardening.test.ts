// Models made to hurt: every one of them is refused with a ModelError that names the file, quickly and without much memory.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ModelError } from '../../../models/base/errors.js'
import { resolveLayer } from '../../../models/nn/lower.js'
import { loadNetwork } from '../../../models/nn/network.js'
import { onnx } from '../../../models/nn/proto/onnx.js'
import { runDefaults } from '../../../sim/options.js'
import { silent } from '../../../sim/progress.js'
import { runSimulation } from '../../../sim/run.js'
import { openSession } from '../../../traces/record/session.js'
import { writeNpy } from '../../../traces/store/npy.js'
import { bytesTensor, floats, item, longs, model, type NodeSpec } from '../../helpers/onnx.js'
import { machine } from '../../helpers/work.js'

type Tensor = onnx.TensorProto.$Properties
const conv: NodeSpec = { op: 'Conv', name: 'c1', inputs: ['x', 'w'], outputs: ['y'] }
const dense: NodeSpec = { op: 'MatMul', name: 'fc', inputs: ['x', 'w'], outputs: ['y'] }
const kernel = floats('w', [1, 1, 3, 3], new Array(9).fill(1))
const image = [1, 1, 8, 8]
const types = onnx.TensorProto.DataType

const tensor = (dims: (number | string)[], data: Uint8Array, data_type: number = types.FLOAT): Tensor => ({
  name: 'w',
  dims: dims as number[],
  data_type,
  raw_data: data,
})
const withWeights = (w: Tensor) => model(image, [conv], [w], 'y')
const withConv = (spec: Partial<NodeSpec>, op = 'Conv') => model(image, [{ ...conv, op, ...spec }], [kernel], 'y')
const four = new Uint8Array(4)

describe('refused with a ModelError', () => {
  const cycle: NodeSpec[] = [
    { op: 'Add', name: 'one', inputs: ['x', 'b'], outputs: ['a'] },
    { op: 'Relu', name: 'two', inputs: ['a'], outputs: ['b'] },
    { ...dense, inputs: ['b', 'w'] },
  ]
  /** A length-delimited protobuf field. */
  const field = (number: number, content: Uint8Array): Uint8Array => {
    const size: number[] = []
    for (let left = content.length; left > 0 || size.length === 0; left = Math.floor(left / 128))
      size.push((left & 127) | (left > 127 ? 128 : 0))
    return Buffer.concat([Uint8Array.of((number << 3) | 2, ...size), content])
  }
  /** Graph in attribute in node in graph … */
  const deep = (levels: number): Uint8Array => {
    let graph: Uint8Array = new Uint8Array(0)
    for (let i = 0; i < levels; i++) graph = field(1, field(5, field(6, graph)))
    return field(7, graph)
  }
  const long = 'n'.repeat(5000)

  it.each<[string, Uint8Array, RegExp]>([
    ['a negative dimension', withWeights(tensor([-1, 1, 3, 3], four)), /dimension -1 is not a size/],
    [
      'a shape whose product overflows',
      withWeights(tensor([2 ** 31, 2 ** 31, 1, 1], four)),
      /more than 2\^31 elements/,
    ],
    [
      'a dimension beyond 2^53',
      withWeights(tensor(['9223372036854775807', 1, 1, 1], four)),
      /9223372036854776000 is beyond ±2\^53/,
    ],
    [
      'a shape that claims more than there is',
      withWeights(tensor([1 << 14, 1 << 14, 1, 1], four)),
      /expected 1073741824 bytes/,
    ],
    [
      'a shape that claims less',
      withWeights(tensor([1, 1, 1, 1], new Uint8Array(8))),
      /expected 4 bytes of float data, got 8/,
    ],
    ['an odd number of bytes', withWeights(tensor([1, 1, 1, 1], new Uint8Array(3))), /expected 4 bytes/],
    ['huge but empty weights', withWeights(tensor([2 ** 31, 0, 3, 3], new Uint8Array(0))), /empty/],
    [
      'hundreds of dimensions',
      withWeights(tensor(new Array(300).fill(1), four)),
      /300 dimensions; expected at most 64/,
    ],
    ['an element type that does not exist', withWeights(tensor([1], four, 77)), /type 77 is not supported/],
    ['texts as weights', withWeights({ name: 'w', dims: [1], data_type: types.STRING }), /string is not supported/],
    [
      'packed 4-bit weights that are too short',
      withWeights(tensor([1, 1, 3, 3], four, types.INT4)),
      /expected 5 bytes/,
    ],
    ['a cycle', model([2, 2], cycle, [floats('w', [2, 2], [1, 2, 3, 4])], 'y'), /"one" \(Add\): input "b" is no input/],
    [
      'a node that reads itself',
      model([2, 2], [{ ...dense, inputs: ['y', 'w'] }], [floats('w', [2, 2], [1, 2, 3, 4])], 'y'),
      /input "y"/,
    ],
    ['strides of zero', withConv({ ints: { strides: [0, 1] } }), /strides \[0,1\]; expected 2 positive numbers/],
    ['strides beyond all measure', withConv({ ints: { strides: [2 ** 40, 1] } }), /strides \[1099511627776,1\]/],
    ['one stride too many', withConv({ ints: { strides: [1, 1, 1] } }), /expected 2 positive numbers/],
    ['negative pads', withConv({ ints: { pads: [-1, 0, 0, 0] } }), /pads \[-1,0,0,0\]/],
    [
      'pads beyond all measure',
      withConv({ ints: { pads: [30_000, 0, 0, 30_000] } }),
      /pads \[30000,0,0,30000\] for a kernel of \[3,3\]/,
    ],
    ['a dilation of zero', withConv({ ints: { dilations: [1, 0] } }), /dilations/],
    ['groups of zero', withConv({ int: { group: 0 } }), /do not divide into 0 groups/],
    ['negative groups', withConv({ int: { group: -1 } }), /do not divide into -1 groups/],
    ['an unknown auto_pad', withConv({ text: { auto_pad: 'SAME' } }), /unknown auto_pad "SAME"/],
    [
      'a kernel_shape that is another',
      withConv({ ints: { kernel_shape: [5, 5] } }),
      /kernel_shape \[5,5\] for weights/,
    ],
    ['a negative output padding', withConv({ ints: { output_padding: [-1, 0] } }, 'ConvTranspose'), /output_padding/],
    ['an output shape of nothing', withConv({ ints: { output_shape: [0, 4] } }, 'ConvTranspose'), /output_shape/],
    [
      'an output shape beyond all measure',
      withConv({ ints: { output_shape: [2 ** 31, 4] } }, 'ConvTranspose'),
      /output_shape/,
    ],
    ['an attribute of another type', withConv({ float: { group: 1 } }), /attribute group has the wrong type/],
    ['a weight that is not given', model(image, [{ ...conv, inputs: ['x'] }], [], 'y'), /net\.onnx/],
    [
      'a name of thousands of characters',
      model(image, [{ ...conv, outputs: [long] }], [kernel], long),
      /a name of 5000 characters/,
    ],
    [
      'a tensor called __proto__',
      model([2, 2], [{ ...dense, outputs: ['__proto__'] }], [floats('w', [2, 2], [1, 2, 3, 4])], '__proto__'),
      /a tensor called "__proto__", which onnxruntime-node cannot give/,
    ],
    ['graphs inside graphs without end', deep(3000), /not an ONNX model/],
    [
      'a graph without outputs',
      onnx.ModelProto.encode({ graph: { node: [{ op_type: 'Relu', input: [], output: ['y'] }] } }).finish(),
      /no outputs/,
    ],
    [
      'scales that are no numbers',
      model(
        [2, 2],
        [{ op: 'DequantizeLinear', inputs: ['q', 's'], outputs: ['w'] }, dense],
        [bytesTensor('q', [2, 2], 'INT8', [1, 2, 3, 4]), floats('s', [], [Number.NaN])],
        'y',
      ),
      /scale NaN is not a positive number/,
    ],
    [
      'a reshape to negative sizes',
      model(
        [2, 2],
        [{ op: 'Reshape', inputs: ['v', 's'], outputs: ['w'] }, dense],
        [floats('v', [4], [1, 2, 3, 4]), longs('s', [-2, -2])],
        'y',
      ),
      /cannot reshape/,
    ],
    [
      'an Unsqueeze by thousands of axes',
      model(
        [2, 2],
        [{ op: 'Unsqueeze', inputs: ['v', 's'], outputs: ['w'] }, dense],
        [
          floats('v', [4], [1, 2, 3, 4]),
          longs(
            's',
            Array.from({ length: 5000 }, (_, i) => i),
          ),
        ],
        'y',
      ),
      /dimensions; expected at most 64/,
    ],
    [
      'a Gather that multiplies',
      model(
        [2, 2],
        [{ op: 'Gather', inputs: ['v', 's'], outputs: ['w'] }, dense],
        [floats('v', [1, 20_000], new Array(20_000).fill(1)), longs('s', new Array(20_000).fill(0))],
        'y',
      ),
      /at most 2\^26 elements/,
    ],
  ])('%s', (_, bytes, message) => {
    const started = performance.now()
    expect(() => loadNetwork(bytes, 'net.onnx')).toThrow(ModelError)
    expect(() => loadNetwork(bytes, 'net.onnx')).toThrow(message)
    expect(() => loadNetwork(bytes, 'net.onnx')).toThrow(/net\.onnx/)
    expect(performance.now() - started).toBeLessThan(5000)
  })

  it('an output that would fill gibibytes', () => {
    const up = model(image, [{ ...conv, op: 'ConvTranspose', ints: { strides: [60_000, 60_000] } }], [kernel], 'y')
    const layer = loadNetwork(up, 'net.onnx').layers[0]!
    expect(() => resolveLayer(layer, image)).toThrow(ModelError)
    expect(() => resolveLayer(layer, image)).toThrow(/c1 \(ConvTranspose\): output of size \[420003,420003\]/)
  })

  it('and is not computed: the runtime tells its size beforehand', async () => {
    const up = model(image, [{ ...conv, op: 'ConvTranspose', ints: { strides: [9000, 9000] } }], [kernel], 'y')
    const network = loadNetwork(up, 'net.onnx')
    const session = await openSession(network, up, ['y'])
    await expect(session.run(item(image, new Array(64).fill(1)), ['y'])).rejects.toThrow(
      /net\.onnx: tensor "y" takes \d+ bytes; expected at most/,
    )
    await session.release()
  })
})

it('results beyond float32 are refused when they are compared', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'cimulator-hard-'))
  writeFileSync(join(folder, 'net.onnx'), model([1, 2], [dense], [floats('w', [2, 1], [3e38, 3e38])], 'y'))
  writeFileSync(join(folder, 'x.npy'), writeNpy({ shape: [1, 2], data: Float32Array.of(1, 2) }))
  const options = { ...runDefaults, model: join(folder, 'net.onnx'), inputs: join(folder, 'x.npy'), machine: machine() }
  const run = runSimulation({ ...options, signal: new AbortController().signal }, silent)
  await expect(run).rejects.toThrow(ModelError)
  await expect(run).rejects.toThrow(/fc: onnxruntime's result 0 is Infinity/)
  rmSync(folder, { recursive: true })
})

describe('odd but sound', () => {
  it('an input size of 0 or −1 is a size that is free', () => {
    const network = loadNetwork(model([-1, 2], [dense], [floats('w', [2, 1], [1, 2])], 'y'), 'net.onnx')
    expect(network.inputs[0]!.shape).toEqual(['?', 2])
  })

  it('names like those of objects are names', async () => {
    const nodes: NodeSpec[] = [
      { ...dense, name: '__proto__', inputs: ['x', 'constructor'], outputs: ['hasOwnProperty'] },
      { op: 'Relu', name: 'toString', inputs: ['hasOwnProperty'], outputs: ['y'] },
    ]
    const bytes = model([1, 2], nodes, [floats('constructor', [2, 1], [3, 4])], 'y')
    const network = loadNetwork(bytes, 'net.onnx')
    expect(network.layers[0]).toMatchObject({ name: '__proto__', outputTensor: 'hasOwnProperty' })
    const session = await openSession(network, bytes, ['hasOwnProperty'])
    const fetched = await session.run(item([1, 2], [1, 1]), ['hasOwnProperty'])
    expect(Array.from(fetched.get('hasOwnProperty')?.data ?? [])).toEqual([7])
    await session.release()
  })

  it('control characters do not reach a terminal', () => {
    const name = 'a\u001b[2Jb\n'
    const network = loadNetwork(model([1, 2], [{ ...dense, name }], [floats('w', [2, 1], [1, 2])], 'y'), 'net.onnx')
    expect(network.layers[0]!.name).toBe('a\\x1b[2Jb\\x0a')
  })
})
