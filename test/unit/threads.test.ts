// Items in one thread never run into one another: they share the memory of their layer, whatever pauses an engine makes.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { SimFault } from '../../models/base/errors.js'
import { packageRoot } from '../../models/base/paths.js'
import type { Engine, ItemOutcome } from '../../sim/chip/items/engine.js'
import { layerIntegers } from '../../sim/chip/prepare.js'
import { createSimulator } from '../../sim/threads/simulator.js'
import { layerOf, tensorOf } from '../helpers/layer.js'
import { machine, matrix } from '../helpers/work.js'

const input = {
  machine: machine({}),
  matrices: [matrix(2, 2, [1, 2, 3, 4])],
  form: 'unsigned' as const,
  zeroPoint: 0,
  vectors: 1,
  codes: [Uint8Array.of(5, 6)],
}

function pausing(log: string[], fails: number): Engine {
  let items = 0
  return {
    name: 'pausing',
    doc: '',
    firings: false,
    open: () =>
      function* run() {
        const item = items++
        for (let step = 0; step < 3; step++) {
          log.push(`${item}.${step}`)
          yield
        }
        if (item === fails) throw new SimFault(`item ${item}`)
        return { vectors: item } as ItemOutcome
      },
  }
}

function task() {
  const layer = layerOf(input)
  const tensor = tensorOf(input)
  const choice = { vectors: null, values: true, adcCodes: false, memoryBytes: 2 ** 20 }
  return {
    layer,
    integers: layerIntegers(layer, input.machine),
    inputShape: tensor.shape,
    form: tensor.form,
    machine: input.machine,
    choice: { ...choice, kernel: 'wheel' as const, kernels: 'js' as const },
    perms: undefined,
  }
}

const watch = { onShare: () => {}, observe: null }
const tensors = [tensorOf(input), tensorOf(input), tensorOf(input)]

it('one item after another, in their order', async () => {
  const log: string[] = []
  const simulator = createSimulator(pausing(log, -1), 1, new AbortController().signal)
  const { outcomes } = await simulator.run(task(), tensors, watch)
  expect(log).toEqual(['0.0', '0.1', '0.2', '1.0', '1.1', '1.2', '2.0', '2.1', '2.2'])
  expect(outcomes.map(({ vectors }) => vectors)).toEqual([0, 1, 2])
})

it('an item that fails ends its layer', async () => {
  const log: string[] = []
  const simulator = createSimulator(pausing(log, 1), 1, new AbortController().signal)
  await expect(simulator.run(task(), tensors, watch)).rejects.toThrow('item 1')
  expect(log.at(-1)).toBe('1.2')
})

it('the search of a mapping writes the same bytes with one, two and three threads', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cimulator-threads-'))
  const program = join(packageRoot(), 'dist', 'sim', 'cli', 'main.js')
  try {
    const files = ['1', '2', '3'].map((threads) => {
      const out = join(folder, `${threads}.json`)
      const search = ['--remapper', 'genetic', '--set', 'mapping.search.generations=10', '--threads', threads]
      execFileSync(process.execPath, [program, 'remap', '--quiet', ...search, '-o', out])
      return readFileSync(out, 'utf8')
    })
    expect(files[1]).toBe(files[0])
    expect(files[2]).toBe(files[0])
  } finally {
    rmSync(folder, { recursive: true })
  }
})
