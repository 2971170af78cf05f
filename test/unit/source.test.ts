// Where a run's activations come from: batches that fit into memory, and traces that are what was recorded.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { layerTensor } from '../../models/nn/results.js'
import { resolveMachine } from '../../sim/chip/resolve.js'
import { type RunOptions, runDefaults } from '../../sim/options.js'
import { silent } from '../../sim/progress.js'
import { runSimulation } from '../../sim/run.js'
import { embeddedFile, loadModel, openSource } from '../../sim/source.js'
import { traceSource } from '../../traces/record/whole.js'
import { openTrace, writeTraceFile } from '../../traces/store/trace-file.js'
import { recordAndCompare } from '../helpers/forms.js'
import { build, integerForms, itemsOf } from '../helpers/integer-forms.js'
import { damagedTrace } from '../helpers/trace.js'

const folder = mkdtempSync(join(tmpdir(), 'cimulator-source-'))
afterAll(() => rmSync(folder, { recursive: true }))

const { machine } = resolveMachine('wu2024', [])
const options = (change: Partial<RunOptions>): RunOptions => ({
  ...runDefaults,
  ...change,
  machine,
  signal: new AbortController().signal,
  threads: 1,
})

it('a run ends at an item whose codes are not the recorded ones, unless it is left out', async () => {
  const trace = join(folder, 'damaged.npz')
  await damagedTrace(trace, 2)
  const run = (limit: number) => runSimulation(options({ trace, limit, vectors: { kind: 'every', k: 8 } }), silent)
  await expect(run(2)).resolves.toBeDefined()
  await expect(run(4)).rejects.toThrow(/damaged\.npz: item 2: the codes do not have the sha256/)
})

it('gives every layer its tensor of every item, as the items have it', async () => {
  const model = loadModel(null)
  const source = await openSource(options({}), model, silent)
  const trace = await openTrace(embeddedFile('trace.npz'))
  const read = await source.read(1, 3)
  expect(read.facts.map(({ index }) => index)).toEqual([1, 2, 3])
  for (const layer of model.network.layers)
    for (const [i, tensor] of read.take(layer).entries())
      expect(tensor).toEqual(layerTensor((await trace.readItem(1 + i)).tensors, layer))
  await source.close()
  await trace.close()
})

it('reads as many items at once as the largest tensors of as many layers as are under way leave room for', async () => {
  const source = await openSource(options({}), loadModel(null), silent)
  const sizes = [...source.head.tensors.values()].map(({ shape }) => shape.reduce((a, b) => a * b, 1))
  const [first, second] = sizes.sort((a, b) => b - a)
  const all = sizes.reduce((a, b) => a + b, 0)
  expect(source.batch(10 * first!, 1)).toBe(10)
  expect(source.batch(10 * first! - 1, 1)).toBe(9)
  expect(source.batch(10 * (first! + second!), 2)).toBe(10)
  expect(source.batch(10 * all, 1000)).toBe(10)
  expect(source.batch(1, 1)).toBe(1)
  await source.close()
})

it('gives every item the zero point that was computed for it', async () => {
  const form = integerForms.at(-1)!
  const bytes = build(form)
  const { trace, network } = await recordAndCompare(bytes, itemsOf(form))
  const [model, file] = [join(folder, 'dynamic.onnx'), join(folder, 'dynamic.npz')]
  writeFileSync(model, bytes)
  await writeTraceFile(file, traceSource(trace), { force: false })
  const source = await openSource(options({ model, trace: file }), loadModel(model), silent)
  const tensors = (await source.read(0, 2)).take(network.layers[0]!)
  expect(tensors.map(({ zeroPoint }) => zeroPoint)).toEqual(Array.from(trace.tensors.get('z')!.codes))
  expect(tensors[0]!.zeroPoint).not.toBe(tensors[1]!.zeroPoint)
  await source.close()
})
