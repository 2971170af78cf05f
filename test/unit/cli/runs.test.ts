import { copyFileSync, cpSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packageRoot } from '../../../models/base/paths.js'
import { programIn } from '../../helpers/program.js'

const embedded = join(packageRoot(), 'models', 'embedded')
const folder = mkdtempSync(join(tmpdir(), 'cimulator-'))
afterAll(() => rmSync(folder, { recursive: true }))

const cimulator = programIn(folder)

const json = (path: string) => JSON.parse(readFileSync(join(folder, path), 'utf8')) as Record<string, unknown>
const part = ['--limit', '1', '--vectors', 'first:4']

beforeAll(() => {
  copyFileSync(join(embedded, 'network.onnx'), join(folder, 'net.onnx'))
  copyFileSync(join(embedded, 'inputs.npz'), join(folder, 'inputs.npz'))
  const runs = [
    ['a'],
    ['b', '--set', 'adcs=8'],
    ['searched', '--set', 'mapping.remapper=annealing', '--set', 'mapping.search.seed=5'],
    ['recorded', 'net.onnx', '--inputs', 'inputs.npz', '--check', 'all', '--dump-vectors', '2'],
  ]
  for (const [out, ...args] of runs) {
    const { code, err } = cimulator('run', ...args, ...part, '--out', out!)
    expect(code, err).toBe(0)
  }
})

describe('compare', () => {
  it('shows what differs, as text and as JSON', () => {
    const { code, out } = cimulator('compare', 'a', 'b')
    expect(code).toBe(0)
    expect(out).toMatch(/configuration +A +B\nadcs +16 +8/)
    expect(out).toMatch(/largest difference: /)
    const comparison = JSON.parse(cimulator('compare', 'a', 'b', '--json').out) as {
      totals: { name: string; a: number; b: number; percent: number }[]
      layers: { name: string }[]
    }
    const cycles = comparison.totals.find((total) => total.name === 'cycles')!
    const total = (run: string) => (json(`${run}/summary.json`)['totals'] as { cycles: number }).cycles
    expect([cycles.a, cycles.b]).toEqual([total('a'), total('b')])
    expect(cycles.percent).toBeCloseTo((100 * (total('b') - total('a'))) / total('a'), 9)
    expect(comparison.layers.length).toBe(6)
  })

  it('writes differences below zero with the minus sign of the rest', () => {
    for (const pair of [['a', 'b'] as const, ['b', 'a'] as const]) {
      const [, numbers] = cimulator('compare', ...pair).out.split('\ntotal ')
      expect(numbers).not.toMatch(/(^|\s)-\d/)
      expect(numbers).toMatch(/\s−\d/)
    }
  })

  it('--fail-above: exit 1 and the place that differs most; not for equal runs', () => {
    const { code, err } = cimulator('compare', 'a', 'b', '--fail-above', '10')
    expect(code).toBe(1)
    expect(err).toMatch(/differs by .*; allowed 10 %/)
    expect(cimulator('compare', 'a', 'b', '--fail-above', '1000').code).toBe(0)
    const same = cimulator('compare', 'a', 'a', '--fail-above', '0')
    expect(same.code).toBe(0)
    expect(same.out).toContain('all numbers are equal')
    expect(cimulator('compare', 'a', 'b', '--fail-above', 'x').code).toBe(2)
  })
})

describe('manifest and environment', () => {
  it('name the random streams that were used, and the runtime', () => {
    expect(json('a/manifest.json')['seeds']).toEqual({})
    const seeds = json('searched/manifest.json')['seeds'] as Record<string, string>
    expect(Object.keys(seeds).length).toBeGreaterThan(0)
    for (const [group, streams] of Object.entries(seeds)) {
      expect(group).toMatch(/^5\//)
      expect(streams).toMatch(new RegExp(`^alea: ${group}/\\d+/\\d+/\\d+`))
    }
    expect(json('a/environment.json')['onnxruntime']).toBeNull()
    expect(json('recorded/environment.json')['onnxruntime']).toMatch(/^1\.\d+\.\d+$/)
  })
})

describe('table', () => {
  it('prints what the CSV of the run holds', () => {
    expect(cimulator('table', 'a', 'layers').out).toBe(readFileSync(join(folder, 'a', 'layers.csv'), 'utf8'))
    expect(cimulator('table', 'a').out.split('\n')).toContain('energy')
    expect(cimulator('table', 'a', 'layer').err).toMatch(/Did you mean "layers"/)
  })
})

describe('reproduce', () => {
  it.each(['a', 'searched', 'recorded'])('%s: the same bytes again', (run) => {
    const { code, out, err } = cimulator('reproduce', run)
    expect(code, err).toBe(0)
    expect(out).toMatch(/all \d+ files are the same, byte for byte/)
  })

  it('a file that is not what the run gives: exit 1, and its name', () => {
    cpSync(join(folder, 'a'), join(folder, 'edited'), { recursive: true })
    const file = join(folder, 'edited', 'summary.json')
    writeFileSync(file, readFileSync(file, 'utf8').replace('"cycles": ', '"cycles": 1'))
    const { code, err } = cimulator('reproduce', 'edited')
    expect(code).toBe(1)
    expect(err).toMatch(/summary\.json was changed after the run/)
    expect(err).not.toMatch(/layers\.csv/)
  })

  it('a manifest that asks for something else: exit 1, and the files that differ', () => {
    cpSync(join(folder, 'a'), join(folder, 'other'), { recursive: true })
    const manifest = json('other/manifest.json') as { configuration: { adcs: number } }
    manifest.configuration.adcs = 8
    writeFileSync(join(folder, 'other', 'manifest.json'), JSON.stringify(manifest))
    const { code, out } = cimulator('reproduce', 'other', '--json')
    expect(code).toBe(1)
    const { differences } = JSON.parse(out) as { differences: string[] }
    for (const name of ['summary.json', 'layers.csv', 'layers.parquet', 'manifest.json: configuration_sha256'])
      expect(
        differences.some((line) => line.startsWith(name)),
        name,
      ).toBe(true)
  })

  it('files that moved: named, and given anew', () => {
    renameSync(join(folder, 'net.onnx'), join(folder, 'moved.onnx'))
    try {
      const { code, err } = cimulator('reproduce', 'recorded')
      expect(code).toBe(2)
      expect(err).toMatch(/the model was .*net\.onnx, and is gone; say where it is with --model/)
      expect(cimulator('reproduce', 'recorded', '--model', 'moved.onnx', '--threads', '1').code).toBe(0)
    } finally {
      renameSync(join(folder, 'moved.onnx'), join(folder, 'net.onnx'))
    }
  })
})
