// Items in one thread never run into one another: they share the memory of their layer, whatever pauses an engine makes. A pool of threads gives
// the same outcomes, and tells what failed in it.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ModelError, SimFault, SpecError } from '../../models/base/errors.js'
import { packageRoot } from '../../models/base/paths.js'
import type { Engine, ItemOutcome } from '../../sim/chip/items/engine.js'
import { engines } from '../../sim/chip/items/index.js'
import { layerIntegers } from '../../sim/chip/prepare.js'
import { resolveMachine } from '../../sim/chip/resolve.js'
import { inThisThread } from '../../sim/threads/here.js'
import { openThreads } from '../../sim/threads/open.js'
import { warmUp } from '../../sim/threads/warm.js'
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
  const simulator = inThisThread(pausing(log, -1), new AbortController().signal)
  const { outcomes } = await simulator.run(task(), tensors, 1, watch)
  expect(log).toEqual(['0.0', '0.1', '0.2', '1.0', '1.1', '1.2', '2.0', '2.1', '2.2'])
  expect(outcomes.map(({ vectors }) => vectors)).toEqual([0, 1, 2])
})

it('an item that fails ends its layer', async () => {
  const log: string[] = []
  const simulator = inThisThread(pausing(log, 1), new AbortController().signal)
  await expect(simulator.run(task(), tensors, 1, watch)).rejects.toThrow('item 1')
  expect(log.at(-1)).toBe('1.2')
})

describe('a pool', () => {
  const options = {
    ...task().choice,
    machine: input.machine,
    threads: 2,
    dryRun: false,
    signal: new AbortController().signal,
  }
  const open = (change: Partial<typeof options> = {}) => openThreads(engines.get('fast'), { ...options, ...change })

  it('gives the outcomes of one thread, whether a layer is cut or not', async () => {
    const here = await inThisThread(engines.get('fast'), options.signal).run(task(), tensors, 1, watch)
    for (const pieces of [1, 2, 3]) {
      const pool = open()
      const shares: number[] = []
      const heard = { ...watch, onShare: (item: number) => void shares.push(item) }
      const there = await pool.simulator(0).run(task(), tensors, pieces, heard)
      expect(there).toEqual(here)
      expect(shares.sort()).toEqual([0, 1, 2])
      await pool.close()
    }
  })

  it('what fails in it fails here, as the same kind of error, and the next layer hears of it', async () => {
    const pool = open()
    const simulator = pool.simulator(0)
    const wrong = { ...task(), inputShape: [1, 1, 3] }
    await expect(simulator.run(wrong, tensors, 1, watch)).rejects.toThrow(ModelError)
    await expect(
      (async () => {
        for (;;) {
          await simulator.room()
          simulator.run(task(), tensors, 1, watch).catch(() => {})
        }
      })(),
    ).rejects.toThrow(ModelError)
    await pool.close()
  })

  it('warms up on any machine, also one that cannot take the made-up layer', () => {
    const expected = { called: new Int32Array(1), idle: false }
    const real = resolveMachine('wu2024', []).machine
    let runs = 0
    const counting = (fails: boolean): Engine => ({
      ...engines.get('fast'),
      open: () =>
        function* run() {
          runs++
          if (fails) throw new SpecError('not on this machine')
          yield
          return {} as ItemOutcome
        },
    })
    warmUp(counting(false), { ...expected, machine: real, choice: task().choice })
    expect(runs).toBeGreaterThan(1)
    runs = 0
    warmUp(counting(true), { ...expected, machine: real, choice: task().choice })
    expect(runs).toBe(1)
    runs = 0
    // A layer has come: the first pause ends it.
    warmUp(counting(false), { ...expected, machine: real, choice: task().choice, called: Int32Array.of(1) })
    expect(runs).toBe(1)
  })
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
