// cimulator remap and run --mapping from end to end on the embedded network, pruned.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packageRoot } from '../../../models/base/paths.js'

const program = join(packageRoot(), 'dist', 'sim', 'cli', 'main.js')
const folder = mkdtempSync(join(tmpdir(), 'cimulator-remap-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function cimulator(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { cwd: folder, encoding: 'utf8' })
  return { code: status, out: stdout, err: stderr }
}

const inputs = ['--inputs', join(packageRoot(), 'models', 'embedded', 'inputs.npz'), '--limit', '1']
const some = [...inputs, '--vectors', 'first:8', '--layers', 'conv2,conv3', '--json', '--quiet']

beforeAll(() => {
  const pruned = cimulator('prune', '--pattern', 'block', '--sparsity', '0.7', '-o', 'pruned.onnx', '--quiet')
  expect(pruned.code).toBe(0)
  const first = cimulator('remap', 'pruned.onnx', '-o', 'm.json', '--json', '--quiet')
  expect(first.err).toBe('')
  expect(first.code).toBe(0)
})

describe('cimulator remap', () => {
  it('deletes more rows, takes fewer OUs, and planarises: the report says so', () => {
    const { out } = cimulator('remap', 'pruned.onnx', '--json', '--quiet')
    const { total, layers, remapper } = JSON.parse(out)
    expect(remapper).toBe('auto')
    expect(total.shuffled.deletedWeights).toBeGreaterThan(total.plain.deletedWeights)
    expect(total.final.deletedWeights).toBe(total.shuffled.deletedWeights)
    expect(total.final.ous).toBeLessThan(total.plain.ous)
    expect(total.final.ous).toBe(total.shuffled.ous)
    expect(total.final.padding).toBeLessThan(total.shuffled.padding)
    expect(total.plain.ous).toBeLessThan(total.denseOus)
    for (const layer of layers) expect(layer.final.places).toBe(layer.final.ous + layer.final.padding)
    const text = cimulator('remap', 'pruned.onnx', '--quiet').out
    for (const word of ['conv3', 'utilisation', 'planarisation', 'bitmap', 'inputs distributed'])
      expect(text).toContain(word)
  })

  it('the same search gives the same file; another seed another', () => {
    const genetic = ['--remapper', 'genetic', '--set', 'block=2', '--set', 'mapping.search.trials=1', '--quiet', '-o']
    cimulator('remap', 'pruned.onnx', ...genetic, 'a.json')
    cimulator('remap', 'pruned.onnx', ...genetic, 'b.json')
    cimulator('remap', 'pruned.onnx', ...genetic, 'c.json', '--set', 'mapping.search.seed=7')
    const [a, b, c] = ['a', 'b', 'c'].map((name) => readFileSync(join(folder, `${name}.json`), 'utf8'))
    expect(a).toBe(b)
    expect(JSON.parse(c!).layers).not.toEqual(JSON.parse(a!).layers)
  })

  it('run --mapping gives what run with that remapper gives, and what is not the mapping it was made with is not taken', () => {
    const searched = cimulator('run', 'pruned.onnx', ...some, '--set', 'mapping.remapper=auto')
    const given = cimulator('run', 'pruned.onnx', ...some, '--mapping', 'm.json')
    const plain = cimulator('run', 'pruned.onnx', ...some)
    expect([searched.code, given.code, plain.code]).toEqual([0, 0, 0])
    const cycles = (text: string) => JSON.parse(text).totals.cycles
    expect(JSON.parse(given.out).layers).toEqual(JSON.parse(searched.out).layers)
    expect(cycles(given.out)).toBeLessThan(cycles(plain.out))
    const machine = cimulator('run', 'pruned.onnx', ...some, '--mapping', 'm.json', '--set', 'tile.rows=64')
    expect([machine.code, machine.err]).toEqual([
      2,
      expect.stringMatching(/m\.json: .*tile\.rows is 64, in the file 128/),
    ])
    const network = cimulator('run', ...some, '--mapping', 'm.json')
    expect([network.code, network.err]).toEqual([2, expect.stringMatching(/weights of layer conv2 differ/)])
    const kept = [
      'run',
      'pruned.onnx',
      ...inputs,
      '--vectors',
      'first:2',
      '--mapping',
      'm.json',
      '--out',
      'kept',
      '--quiet',
    ]
    expect(cimulator(...kept).code).toBe(0)
    expect(cimulator('reproduce', 'kept').out).toMatch(/byte for byte/)
    cimulator('remap', 'pruned.onnx', '--remapper', 'sort', '-o', 'other.json', '--quiet')
    expect(cimulator('reproduce', 'kept', '--mapping', 'other.json').code).toBe(1)
    const missing = cimulator('run', ...some, '--mapping', 'nothing.json')
    expect([missing.code, missing.err]).toEqual([2, expect.stringMatching(/nothing\.json: cannot read the mapping/)])
  })

  it('refuses to write over a file, an unknown remapper, matching where it does not fit', () => {
    expect(cimulator('remap', 'pruned.onnx', '-o', 'm.json').err).toMatch(/m\.json exists; .*--force/)
    expect(cimulator('remap', 'pruned.onnx', '--remapper', 'mathing').err).toMatch(/Did you mean "matching"\?/)
    expect(cimulator('remap', '--remapper', 'matching', '--set', 'block=1').err).toMatch(/an OU must hold two/)
  })
})

describe('cimulator map', () => {
  it('draws a layer by name or number, searched or from a mapping file', () => {
    expect(cimulator('map', 'pruned.onnx', '--layer', 'conv3', '-o', 'a.svg', '--quiet').code).toBe(0)
    expect(cimulator('map', 'pruned.onnx', '--layer', '3', '--mapping', 'm.json', '-o', 'b.svg', '--quiet').code).toBe(
      0,
    )
    const [a, b] = ['a.svg', 'b.svg'].map((name) => readFileSync(join(folder, name), 'utf8'))
    const images = (text: string) => text.match(/<image .*/g)
    expect(images(a!)).toEqual(images(b!))
    expect(cimulator('map', 'pruned.onnx', '--layer', 'conv3', '-o', 'a.png', '--quiet').code).toBe(0)
    expect(readFileSync(join(folder, 'a.png')).subarray(1, 4).toString()).toBe('PNG')
  })

  it('refuses an unknown layer, another ending, a file that exists', () => {
    expect(cimulator('map', '--layer', 'conv33', '-o', 'x.svg').err).toMatch(/unknown layer "conv33"\. Did you mean/)
    expect(cimulator('map', '--layer', '99', '-o', 'x.svg').code).toBe(2)
    expect(cimulator('map', '--layer', 'conv3', '-o', 'x.gif').err).toMatch(/ends in \.svg or \.png/)
    expect(cimulator('map', '--layer', 'conv3', '-o', 'm.json').code).toBe(2)
  })
})
