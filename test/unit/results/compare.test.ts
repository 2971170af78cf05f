import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { SpecError } from '../../../models/base/errors.js'
import { compareRuns, differences, type Figure, figure, largest } from '../../../traces/results/compare.js'
import { runFiles } from '../../../traces/results/directory.js'
import { openRun } from '../../../traces/results/open.js'
import type { LayerResult, RunResult } from '../../../traces/results/result.js'
import { resultOf } from '../../helpers/result.js'

const root = mkdtempSync(join(tmpdir(), 'cimulator-compare-'))
afterAll(() => rmSync(root, { recursive: true }))
let runs = 0

function write(result: RunResult, configuration: object = { name: 'm', adcs: 16 }, request: object = {}): string {
  const folder = join(root, String(runs++))
  const info = { version: '0.1.0', configuration, seeds: {}, request: { ...request }, environment: {} }
  mkdirSync(folder)
  for (const [path, content] of runFiles(result, info, new Map())) writeFileSync(join(folder, path), content)
  return folder
}

const base = resultOf({ seed: 7, layers: 3, macros: 2, values: true })
const changed = (change: (layer: LayerResult) => LayerResult): RunResult => ({
  ...base,
  layers: base.layers.map(change),
})
const compare = (a: string, b: string) => compareRuns(openRun(a), openRun(b))
const of = (list: readonly Figure[], name: string) => list.find((f) => f.name === name)!

describe('compare', () => {
  it('a run with itself: nothing differs', async () => {
    const comparison = await compare(write(base), write(base))
    expect(comparison.configuration).toEqual([])
    expect(largest(comparison)).toBeNull()
    expect(comparison.layers.map((layer) => layer.name)).toEqual(base.layers.map((layer) => layer.name))
  })

  it('names what differs, in absolute and relative terms, by layer and component', async () => {
    const other = changed((layer) =>
      layer.index !== 1
        ? layer
        : {
            ...layer,
            timing: { ...layer.timing, cycles: layer.timing.cycles * 3 },
            energy: layer.energy.map((row) =>
              row.component === 'adc' ? { ...row, dynamicPj: row.dynamicPj + 500 } : row,
            ),
          },
    )
    const comparison = await compare(write(base), write(other, { name: 'm', adcs: 8, load: { latency: 2 } }))
    expect(comparison.configuration).toEqual([
      { name: 'adcs', a: 16, b: 8 },
      { name: 'load', a: undefined, b: { latency: 2 } },
    ])
    const [first, second] = comparison.layers
    expect(first!.figures.every((f) => f.difference === 0 || f.difference === null)).toBe(true)
    const { cycles } = base.layers[1]!.timing
    expect(of(second!.figures, 'cycles')).toEqual({
      name: 'cycles',
      unit: 'cycle',
      a: cycles,
      b: 3 * cycles,
      difference: 2 * cycles,
      percent: 200,
    })
    expect(of(second!.components, 'adc').difference).toBeCloseTo(500, 6)
    expect(of(second!.components, 'array').difference).toBe(0)
    expect(of(comparison.components, 'adc').difference).toBeCloseTo(500, 6)
    expect(of(comparison.totals, 'cycles').difference).toBe(2 * cycles)
    expect(largest(comparison)).toEqual({ where: `layer ${base.layers[1]!.name} cycles`, percent: 200 })
  })

  it('layers of one run alone are named, and then there are no totals', async () => {
    const fewer = { ...base, layers: base.layers.slice(1) }
    const comparison = await compare(write(base), write(fewer))
    expect(comparison.onlyA).toEqual([base.layers[0]!.name])
    expect(comparison.layers.length).toBe(2)
    expect(comparison.totals).toEqual([])
  })

  it.each<[string, RunResult, RegExp]>([
    [
      'another network',
      { ...base, network: { ...base.network, sha256: 'c'.repeat(64) } },
      /different networks \(sha256 a{64} and c{64}\)/,
    ],
    [
      'other vectors',
      changed((layer) => ({ ...layer, vectors: layer.vectors + 1 })),
      /vectors is \d+ in .* and \d+ in/,
    ],
    ['no layer in common', { ...base, layers: [{ ...base.layers[0]!, index: 9 }] }, /no layer in common/],
  ])('refused: %s', async (_, other, message) => {
    await expect(compare(write(base), write(other))).rejects.toThrow(SpecError)
    await expect(compare(write(base), write(other))).rejects.toThrow(message)
  })

  it('what is no run, or was changed after the run, is refused with its name', async () => {
    expect(() => openRun(root)).toThrow(/cannot read manifest\.json \(ENOENT\); expected a run directory/)
    const folder = write(base)
    const file = join(folder, 'layers.parquet')
    writeFileSync(file, Buffer.concat([readFileSync(file), Buffer.from('x')]))
    await expect(compare(folder, write(base))).rejects.toThrow(/layers\.parquet was changed after the run/)
    // also of a file whose numbers are not compared
    for (const turned of [false, true]) {
      const [whole, odd] = [write(base), write(base)]
      writeFileSync(join(odd, 'items.csv'), 'item\n')
      await expect(turned ? compare(whole, odd) : compare(odd, whole)).rejects.toThrow(/items\.csv was changed/)
      rmSync(join(odd, 'items.csv'))
      await expect(turned ? compare(whole, odd) : compare(odd, whole)).rejects.toThrow(/cannot read items\.csv/)
    }
    writeFileSync(join(folder, 'manifest.json'), '{"schema_version": 2}')
    expect(() => openRun(folder)).toThrow(/manifest\.json: schema_version/)
    writeFileSync(join(folder, 'manifest.json'), 'x')
    expect(() => openRun(folder)).toThrow(/manifest\.json is not JSON/)
    const manifest = JSON.parse(readFileSync(join(write(base), 'manifest.json'), 'utf8')) as { files: object }
    manifest.files = { '../x': 'a'.repeat(64) }
    writeFileSync(join(folder, 'manifest.json'), JSON.stringify(manifest))
    expect(() => openRun(folder)).toThrow(/"\.\.\/x" outside the directory/)
  })
})

describe('figures', () => {
  it.each([
    [4, 5, 1, 25],
    [-4, -5, -1, -25],
    [0, 0, 0, 0],
    [0, 5, 5, null],
    [5, 0, -5, -100],
    [null, 5, null, null],
    [Number.NaN, 5, null, null],
  ])('%s → %s', (a, b, difference, percent) => {
    expect(figure('x', '', a, b)).toMatchObject({ difference, percent })
  })

  it('leaves are compared, lists as a whole', () => {
    expect(differences({ a: { b: 1, c: [1, 2] } }, { a: { b: 1, c: [1, 3] }, d: null }, [])).toEqual([
      { name: 'a.c', a: [1, 2], b: [1, 3] },
      { name: 'd', a: undefined, b: null },
    ])
  })
})
