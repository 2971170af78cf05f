// A batch of items, layer by layer: how much is under way at a time, and what ends it.
import { expect, it } from 'vitest'
import { Interrupted, SpecError } from '../../models/base/errors.js'
import { type Batch, runBatch } from '../../sim/batch.js'
import { engines } from '../../sim/chip/items/index.js'
import { createLayerTotals } from '../../sim/chip/layer.js'
import { resolveMachine } from '../../sim/chip/resolve.js'
import { type RunOptions, runDefaults } from '../../sim/options.js'
import { silent } from '../../sim/progress.js'
import { loadModel, openSource, type SourceItems } from '../../sim/source.js'
import { inThisThread } from '../../sim/threads/here.js'
import type { Simulator } from '../../sim/threads/simulator.js'

const abort = new AbortController()
const { machine } = resolveMachine('wu2024', [])
const options: RunOptions = { ...runDefaults, machine, signal: abort.signal, vectors: { kind: 'first', n: 2 } }
const { network } = loadModel(null)

async function batchOf(change: Partial<SourceItems>, simulator: Simulator, signal = abort.signal): Promise<Batch> {
  const source = await openSource(options, loadModel(null), silent)
  return {
    options: { ...options, signal },
    network,
    chosen: new Set(network.layers),
    items: { ...(await source.read(0, 4)), ...change },
    permutations: new Map(),
    simulator,
    totals: network.layers.map(createLayerTotals),
    dump: new Map(),
    meter: () => () => {},
  }
}

it('one thread has one layer at a time', async () => {
  const here = inThisThread(engines.get('fast'), abort.signal)
  const active = { now: 0, most: 0, layers: 0 }
  const counting: Simulator = {
    ...here,
    async run(...given) {
      active.layers++
      active.most = Math.max(active.most, ++active.now)
      const answer = await here.run(...given)
      active.now--
      return answer
    },
  }
  await runBatch(await batchOf({}, counting))
  expect(active).toEqual({ now: 0, most: 1, layers: network.layers.length })
})

const never: Simulator = {
  threads: 2,
  layers: 100,
  room: async () => {},
  run: () => new Promise(() => {}),
}

it('an item that is not what was recorded ends it, whatever other threads are doing', async () => {
  const check = (i: number) => {
    if (i === 3) throw new SpecError('item 3')
  }
  await expect(runBatch(await batchOf({ check }, never))).rejects.toThrow('item 3')
})

it('can be interrupted while items are compared, with one thread and several', async () => {
  for (const simulator of [never, inThisThread(engines.get('fast'), abort.signal)]) {
    const own = new AbortController()
    let checked = 0
    const check = () => {
      checked++
      own.abort()
    }
    await expect(runBatch(await batchOf({ check }, simulator, own.signal))).rejects.toThrow(Interrupted)
    expect(checked).toBe(1)
  }
})
