// Items in one thread never run into one another: they share the memory of their layer, whatever pauses an engine makes.
import { expect, it } from 'vitest'
import type { Engine, ItemOutcome } from '../../sim/chip/items/engine.js'
import type { LayerJob } from '../../sim/chip/job.js'
import { createSimulator } from '../../sim/threads/simulator.js'

const request = { tensor: null as never, onPass: null, onFiring: null }

function pausing(log: string[]): Engine {
  return {
    name: 'pausing',
    doc: '',
    firings: false,
    open: () =>
      function* run({ item }) {
        for (let step = 0; step < 3; step++) {
          log.push(`${item}.${step}`)
          yield
        }
        if (item === 1) throw new RangeError('item 1')
        return { vectors: item } as ItemOutcome
      },
  }
}

it('one item after another, also behind one that failed', async () => {
  const log: string[] = []
  const simulator = createSimulator(pausing(log), 1, new AbortController().signal)
  const run = simulator.open({} as LayerJob)
  const results = await Promise.allSettled([0, 1, 2].map((item) => run({ ...request, item })))
  expect(log).toEqual(['0.0', '0.1', '0.2', '1.0', '1.1', '1.2', '2.0', '2.1', '2.2'])
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
})
