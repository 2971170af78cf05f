// Items are a stream: how many are in memory at once, and how many threads work on them, changes no byte of a run directory.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packageRoot } from '../../../models/base/paths.js'
import { resolveMachine } from '../../../sim/chip/resolve.js'
import { manifestInfo } from '../../../sim/manifest.js'
import { type RunOptions, runDefaults } from '../../../sim/options.js'
import { type Progress, silent } from '../../../sim/progress.js'
import { runSimulation } from '../../../sim/run.js'
import { runFiles } from '../../../traces/results/directory.js'
import { damagedTrace } from '../../helpers/trace.js'

const program = join(packageRoot(), 'dist', 'sim', 'cli', 'main.js')
const folder = mkdtempSync(join(tmpdir(), 'cimulator-'))
afterAll(() => rmSync(folder, { recursive: true }))

const items = 12
const vectors = 'every:4'

function run(out: string, ...args: string[]): void {
  const asked = ['run', '--limit', `${items}`, '--vectors', vectors, '--quiet', '--out', out, ...args]
  const { status, stderr } = spawnSync(process.execPath, [program, ...asked], { cwd: folder, encoding: 'utf8' })
  expect(status, stderr).toBe(0)
}

/** All files but environment.json. */
function bytes(out: string): Record<string, string> {
  const names = readdirSync(join(folder, out)).filter((name) => name !== 'environment.json')
  return Object.fromEntries(
    names.sort().map((name) => [name, readFileSync(join(folder, out, name)).toString('base64')]),
  )
}

/** The same run in this process, with as little memory as is asked for; the command line takes 64 MiB at least. */
async function inMemory(memoryBytes: number, threads: number, trace: string | null = null) {
  let batches = 0
  const progress: Progress = {
    ...silent,
    phase: (name) => {
      if (name.startsWith('simulating')) batches++
    },
  }
  const { machine } = resolveMachine('wu2024', [])
  const { signal } = new AbortController()
  const asked = { limit: items, vectors: { kind: 'every' as const, k: 4 } }
  const options: RunOptions = { ...runDefaults, ...asked, machine, signal, threads, memoryBytes, trace }
  const { result, streams, dump } = await runSimulation(options, progress)
  const files = [...runFiles(result!, manifestInfo(options, streams, 0), dump)]
  const kept = files.filter(([name]) => name !== 'environment.json').sort(([a], [b]) => (a < b ? -1 : 1))
  return {
    batches,
    files: Object.fromEntries(kept.map(([name, text]) => [name, Buffer.from(text).toString('base64')])),
  }
}

let reference: Record<string, string> = {}
beforeAll(() => {
  run('one', '--threads', '1')
  reference = bytes('one')
})

describe('batches and threads', () => {
  it('the built program: 64 MiB and three threads give the bytes of 1 GiB and one thread', () => {
    run('three', '--threads', '3', '--memory', '64MiB')
    expect(bytes('three')).toEqual(reference)
    expect(Object.keys(reference)).toContain('items.parquet')
  })

  it.each([
    [1, 1, 12],
    [1, 3, 12],
    [2 ** 16, 1, null],
    [2 ** 18, 3, null],
    [2 ** 30, 3, 1],
  ])('%d bytes, %d threads', async (memoryBytes, threads, batches) => {
    const found = await inMemory(memoryBytes, threads)
    expect(found.files).toEqual(reference)
    if (batches === null) {
      expect(found.batches).toBeGreaterThan(1)
      expect(found.batches).toBeLessThan(items)
    } else expect(found.batches).toBe(batches)
  })

  it('a trace whose codes are not the recorded ones is refused by several threads too', async () => {
    const file = join(folder, 'damaged.npz')
    await damagedTrace(file, 2)
    await expect(inMemory(2 ** 30, 2, file)).rejects.toThrow(/damaged\.npz: item 2: the codes do not have/)
  })

  it('a row for every item and layer; the items of every layer add up to its row', () => {
    const table = (name: string) => {
      const [head, ...rows] = readFileSync(join(folder, 'one', `${name}.csv`), 'utf8')
        .trimEnd()
        .split('\n')
      const names = head!.split(',')
      return rows.map((row) => Object.fromEntries(row.split(',').map((cell, i) => [names[i]!, cell])))
    }
    const layers = table('layers')
    const rows = table('items')
    expect(rows.length).toBe(items * layers.length)
    for (const layer of layers) {
      const own = rows.filter((row) => row['layer_index'] === layer['layer_index'])
      expect(own.map((row) => Number(row['item']))).toEqual(Array.from({ length: items }, (_, i) => i))
      const sum = (name: string) => own.reduce((total, row) => total + Number(row[name]), 0)
      for (const name of [
        'cycles',
        'dense_bare_cycles',
        'planes_fired',
        'planes_total',
        'ou_activations',
        'adc_clipped',
      ])
        expect(sum(name), name).toBe(Number(layer[name]))
      for (const name of ['energy_pj', 'dense_bare_energy_pj'])
        expect(sum(name) / Number(layer[name]), name).toBeCloseTo(1, 10)
    }
  })
})
