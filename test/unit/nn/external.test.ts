// Weights in other files: read by position, and only from the folder of the model.
import { createHash } from 'node:crypto'
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { ModelError, SpecError } from '../../../models/base/errors.js'
import { externalData } from '../../../models/nn/external.js'
import { decodeModel } from '../../../models/nn/graph.js'
import { openModel } from '../../../models/nn/model-file.js'
import { loadNetwork } from '../../../models/nn/network.js'
import { onnx } from '../../../models/nn/proto/onnx.js'
import { runDefaults } from '../../../sim/options.js'
import { silent } from '../../../sim/progress.js'
import { runSimulation } from '../../../sim/run.js'
import { openSession } from '../../../traces/record/session.js'
import { writeNpy } from '../../../traces/store/npy.js'
import { item, model, type NodeSpec } from '../../helpers/onnx.js'
import { machine } from '../../helpers/work.js'

const folder = mkdtempSync(join(tmpdir(), 'cimulator-external-'))
afterAll(() => rmSync(folder, { recursive: true }))

const weights = Float32Array.of(1, 2, 3, 4, 5, 6)
const data = new Uint8Array(weights.buffer)
const product: NodeSpec = { op: 'MatMul', name: 'fc', inputs: ['x', 'w'], outputs: ['y'] }

interface Entry {
  readonly location?: string
  readonly offset?: string
  readonly length?: string
}

function withData(entry: Entry, dims = [2, 3]): Uint8Array {
  const tensor: onnx.TensorProto.$Properties = {
    name: 'w',
    dims,
    data_type: onnx.TensorProto.DataType.FLOAT,
    data_location: onnx.TensorProto.DataLocation.EXTERNAL,
    external_data: Object.entries(entry).map(([key, value]) => ({ key, value })),
  }
  return model([1, 2], [product], [tensor], 'y')
}

function save(bytes: Uint8Array, name = 'net.onnx'): string {
  const path = join(folder, name)
  writeFileSync(path, bytes)
  return path
}

writeFileSync(join(folder, 'w.bin'), Buffer.concat([Buffer.alloc(64), data]))
mkdirSync(join(folder, 'deep'))
writeFileSync(join(folder, 'deep', 'w.bin'), data)
const outside = mkdtempSync(join(tmpdir(), 'cimulator-outside-'))
afterAll(() => rmSync(outside, { recursive: true }))
writeFileSync(join(outside, 'secret.bin'), data)
symlinkSync(join(outside, 'secret.bin'), join(folder, 'away.bin'))
symlinkSync(outside, join(folder, 'beyond'))
symlinkSync(join(folder, 'w.bin'), join(folder, 'near.bin'))

describe('external data', () => {
  it.each<[string, Entry]>([
    ['at an offset', { location: 'w.bin', offset: '64', length: '24' }],
    ['of no stated length', { location: 'w.bin', offset: '64' }],
    ['in a folder below', { location: 'deep/w.bin' }],
    ['behind a link that stays in the folder', { location: 'near.bin', offset: '64' }],
  ])('%s', async (_, entry) => {
    const model = openModel(save(withData(entry)))
    const { network } = model
    const { weights: read } = network.layers[0]!
    expect(read.kind === 'float' ? [...read.values] : null).toEqual([1, 4, 2, 5, 3, 6])
    if (entry.location === 'near.bin') return
    const session = await openSession(network, model, [], { folder })
    const y = (await session.run(item([1, 2], [1, 10]), ['y'])).get('y')!
    expect([...Array.from(y.data)]).toEqual([41, 52, 63])
    await session.release()
  })

  it('runs from its inputs, compared with onnxruntime', async () => {
    const path = save(withData({ location: 'w.bin', offset: '64' }), 'run.onnx')
    writeFileSync(join(folder, 'x.npy'), writeNpy({ shape: [2, 2], data: Float32Array.of(1, 10, -3, 0.5) }))
    const { result } = await runSimulation(
      {
        ...runDefaults,
        model: path,
        inputs: join(folder, 'x.npy'),
        machine: machine(),
        check: 'all',
        signal: new AbortController().signal,
      },
      silent,
    )
    const values = result!.layers[0]!.values!
    expect(values.losslessMismatches).toBe(0)
    expect(values.reference!.sqnrDb).toBeGreaterThan(30)
  })

  it('the sha256 of the model is that of its files, one after the other', () => {
    const path = save(withData({ location: 'w.bin', offset: '64' }))
    const both = Buffer.concat([readFileSync(path), readFileSync(join(folder, 'w.bin'))])
    expect(openModel(path).network.sha256).toBe(createHash('sha256').update(both).digest('hex'))
  })

  it('beyond 2 GiB, read by position', () => {
    const far = 2 ** 31 + 4096
    const path = join(folder, 'large.bin')
    writeFileSync(path, '')
    truncateSync(path, far + 24)
    const fd = openSync(path, 'r+')
    writeSync(fd, data, 0, 24, far)
    closeSync(fd)
    // Without the hash of the model, which reads the whole file.
    const proto = decodeModel(withData({ location: 'large.bin', offset: String(far), length: '24' }), 'net.onnx')
    const bytes = externalData(proto, folder, 'net.onnx').read(proto.graph!.initializer![0]!, 'w')
    expect(bytes).toEqual(data)
    rmSync(path)
  })

  it.each<[string, Entry, RegExp]>([
    ['an absolute path', { location: '/etc/passwd' }, /"\/etc\/passwd", an absolute path/],
    ['a drive', { location: 'C:\\weights.bin' }, /an absolute path/],
    ['a path upwards', { location: '../w.bin' }, /a path that leaves the folder/],
    ['a path down and up', { location: 'deep/../../w.bin' }, /a path that leaves the folder/],
    ['a path upwards with backslashes', { location: 'deep\\..\\w.bin' }, /a path that leaves the folder/],
    ['a link to another folder', { location: 'away.bin' }, /a link that leaves the folder/],
    ['a file behind a linked folder', { location: 'beyond/secret.bin' }, /a link that leaves the folder/],
    ['a folder', { location: 'deep' }, /no regular file/],
    ['a missing file', { location: 'none.bin' }, /cannot be read \(ENOENT\)/],
    ['a name with a zero byte', { location: 'w.bin\0.txt' }, /names no file/],
    ['no name', {}, /names no file/],
    [
      'a length that does not fit the shape',
      { location: 'w.bin', length: '20' },
      /20 bytes of external data for shape \[2, 3\]; expected 24/,
    ],
    ['a range beyond the end', { location: 'w.bin', offset: '80' }, /bytes 80 … 104 of "w\.bin", which has 88/],
    ['a negative offset', { location: 'w.bin', offset: '-4' }, /offset "-4"/],
    ['an offset beyond 2^53', { location: 'w.bin', offset: '99999999999999999' }, /offset "99999999999999999"/],
    ['a length that is no number', { location: 'w.bin', length: '0x18' }, /length "0x18"/],
  ])('%s is refused', (_, entry, message) => {
    const path = save(withData(entry))
    expect(() => openModel(path)).toThrow(ModelError)
    expect(() => openModel(path)).toThrow(message)
    expect(() => openModel(path)).toThrow(/net\.onnx: tensor "w"/)
  })

  it('a tensor that no layer reads may have a type that is not read', () => {
    const table: onnx.TensorProto.$Properties = {
      name: 'unused',
      dims: [4],
      data_type: onnx.TensorProto.DataType.FLOAT8E4M3FN,
      data_location: onnx.TensorProto.DataLocation.EXTERNAL,
      external_data: [
        { key: 'location', value: 'w.bin' },
        { key: 'length', value: '4' },
      ],
    }
    const tail = onnx.ModelProto.encode({ graph: { initializer: [table] } }).finish()
    const path = save(Buffer.concat([withData({ location: 'w.bin', offset: '64' }), tail]))
    expect(openModel(path).network.layers).toHaveLength(1)
  })

  it('a model in no folder has none', () => {
    expect(() => loadNetwork(withData({ location: 'w.bin' }), 'net.onnx')).toThrow(/the model is in no folder/)
  })
})

describe('model files', () => {
  it('beyond 2 GiB are refused before they are read, with the way out', () => {
    const path = save(new Uint8Array(0), 'huge.onnx')
    truncateSync(path, 2 ** 31)
    expect(() => openModel(path)).toThrow(/huge\.onnx: 2147483648 bytes; an ONNX file ends at 2 GiB.*external data/)
    rmSync(path)
  })

  it.each([
    ['a missing file', 'none.onnx', /cannot read the model \(ENOENT\)/],
    ['a folder', 'deep', /no regular file/],
  ])('%s is a SpecError', (_, name, message) => {
    expect(() => openModel(join(folder, name))).toThrow(SpecError)
    expect(() => openModel(join(folder, name))).toThrow(message)
  })
})
