// Activations that do not fit into memory at once: the network runs in groups of outputs, and the trace is the same.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { loadNetwork } from '../../../models/nn/network.js'
import { groupsOf, symbolSizes } from '../../../traces/record/groups.js'
import { inputsOf } from '../../../traces/record/inputs.js'
import { openRecording, recordedTensors } from '../../../traces/record/record.js'
import { openSession } from '../../../traces/record/session.js'
import { wholeTrace } from '../../../traces/record/whole.js'
import { bytesTensor, floats, item, model, type NodeSpec } from '../../helpers/onnx.js'
import { stream } from '../../helpers/work.js'

const random = stream(3)
const values = (count: number) => Array.from({ length: count }, () => random() * 2 - 1)

/** Three layers, the last of them behind a dynamic quantisation, and a product of two activations. */
const nodes: NodeSpec[] = [
  { op: 'MatMul', name: 'one', inputs: ['x', 'w'], outputs: ['a'] },
  { op: 'Relu', inputs: ['a'], outputs: ['r'] },
  { op: 'MatMul', name: 'two', inputs: ['r', 'w'], outputs: ['b'] },
  { op: 'MatMul', name: 'attention', inputs: ['b', 'r'], outputs: ['p'] },
  { op: 'DynamicQuantizeLinear', inputs: ['p'], outputs: ['q', 's', 'z'] },
  { op: 'MatMulInteger', name: 'three', inputs: ['q', 'wq', 'z'], outputs: ['sums'] },
  { op: 'Cast', inputs: ['sums'], outputs: ['f'], int: { to: 1 } },
  { op: 'Mul', inputs: ['f', 's'], outputs: ['y'] },
]
const tensors = [
  floats('w', [4, 4], values(16)),
  bytesTensor(
    'wq',
    [4, 4],
    'INT8',
    Array.from({ length: 16 }, (_, i) => 7 * i - 60),
  ),
]
const bytes = model(['N', 4], nodes, tensors, 'y')
const items = [0, 1, 2].map(() => item([4, 4], values(16)))
const network = loadNetwork(bytes, 'groups.onnx')

async function record(memoryBytes: number) {
  const session = await openSession(network, bytes, recordedTensors(network), { memoryBytes })
  try {
    const spec = { bitsPerStep: 1, signed: 'offset', calibration: 'mse', percentile: 99 } as const
    const recording = await openRecording(network, session, inputsOf(items), spec, () => {})
    const { trace } = await wholeTrace(recording)
    return { trace, sha256: recording.sha256() }
  } finally {
    await session.release()
  }
}

describe('groups of outputs', () => {
  it('the trace is the same in one group, in some, and in one for every tensor', async () => {
    const whole = await record(2 ** 30)
    expect(whole.trace.tensors.size).toBe(4)
    expect(whole.trace.products).toHaveLength(1)
    for (const memoryBytes of [200, 70, 1]) expect(await record(memoryBytes)).toEqual(whole)
  })

  it('the session gives all tensors that are asked for, whatever their group', async () => {
    const session = await openSession(network, bytes, recordedTensors(network), { memoryBytes: 1 })
    const whole = await openSession(network, bytes, recordedTensors(network))
    const names = ['x', 'r', 'b', 'q', 'z', 'y']
    const parts: number[] = []
    await session.each(items[0]!, names, (group) => parts.push(group.size))
    expect(parts.length).toBeGreaterThan(3)
    expect(await session.run(items[0]!, names)).toEqual(await whole.run(items[0]!, names))
    await session.release()
    await whole.release()
  })

  it('every tensor is in one group, in order, and a group exceeds the budget only with a single tensor', () => {
    const sized = fc.array(fc.tuple(fc.string({ minLength: 1 }), fc.option(fc.nat(2 ** 26), { nil: undefined })))
    fc.assert(
      fc.property(sized, fc.nat(2 ** 27), (list, budget) => {
        const bytes = new Map(list.flatMap(([name, size]) => (size === undefined ? [] : [[name, size] as const])))
        const names = [...new Set(list.map(([name]) => name))]
        const groups = groupsOf(names, bytes, budget)
        expect(groups.flat()).toEqual(names)
        for (const group of groups) {
          const total = group.reduce((sum, name) => sum + (bytes.get(name) ?? 2 ** 24), 0)
          expect(total <= budget || group.length === 1).toBe(true)
        }
      }),
    )
  })

  it('symbolic dimensions are those of the item', () => {
    expect(symbolSizes(network, items[0]!)).toEqual(new Map([['N', 4]]))
  })
})
