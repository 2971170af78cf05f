// The command from end to end on the embedded network.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { packageRoot } from '../../../models/base/paths.js'
import { loadNetwork } from '../../../models/nn/network.js'
import { onnx } from '../../../models/nn/proto/onnx.js'
import { prunableLayer } from '../../../models/sparsity/layers.js'
import { writeNpy } from '../../../traces/store/npy.js'
import { floats, model } from '../../helpers/onnx.js'

const program = join(packageRoot(), 'dist', 'sim', 'cli', 'main.js')
const embedded = join(packageRoot(), 'models', 'embedded')
const folder = mkdtempSync(join(tmpdir(), 'cimulator-prune-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function cimulator(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { cwd: folder, encoding: 'utf8' })
  return { code: status, out: stdout, err: stderr }
}

const inputs = ['--inputs', join(embedded, 'inputs.npz')]

describe('cimulator prune', () => {
  it('a pruned network runs faster, and the table says so', () => {
    expect(cimulator('prune', '--pattern', 'row-block', '--sparsity', '0.75', '-o', 'rows.onnx', '--quiet').code).toBe(
      0,
    )
    const simulated = (...model: string[]) => {
      const { code, out, err } = cimulator(
        'run',
        ...model,
        ...inputs,
        '--limit',
        '1',
        '--vectors',
        'first:16',
        '--quiet',
      )
      expect(err).toBe('')
      expect(code).toBe(0)
      const sparsity = /sparsity .*/.exec(out)![0]
      return { speedUp: Number(/speed-up +([\d.]+)× against dense-bare/.exec(out)?.[1]), sparsity }
    }
    const before = simulated()
    const after = simulated('rows.onnx')
    // Three quarters of the rows of every OU column of the three large layers are deleted.
    expect(after.speedUp).toBeGreaterThan(1.5 * before.speedUp)
    expect(before.sparsity).not.toContain('pattern')
    expect(after.sparsity).toMatch(/pattern "row-block" accounts for 100 %: legal here/)
  })

  it('the file differs only where weights became zero, and --json says how many did', () => {
    const { code, out, err } = cimulator(
      'prune',
      '--pattern',
      'block',
      '--sparsity',
      '0.5',
      '--out',
      'half.onnx',
      '--json',
      '--quiet',
      '--sensitivity',
      '--limit',
      '8',
    )
    expect(err).toBe('')
    expect(code).toBe(0)
    const report = JSON.parse(out)
    const [original, pruned] = [readFileSync(join(embedded, 'network.onnx')), readFileSync(join(folder, 'half.onnx'))]
    expect(pruned.length).toBe(original.length)
    for (let at = 0; at < pruned.length; at++) if (pruned[at] !== original[at]) expect(pruned[at]).toBe(0)
    const network = loadNetwork(pruned, 'half.onnx')
    for (const [l, layer] of network.layers.entries()) {
      const values = prunableLayer(layer, 'channel-major').matrices.flatMap((matrix) => [...matrix.values])
      expect(report.layers[l].zeros_after).toBe(values.filter((v) => v === 0).length)
      expect(report.layers[l].weights).toBe(values.length)
    }
    const spared = report.layers.map((layer: { spared: string | null }) => layer.spared)
    expect(spared).toEqual(['first layer', null, 'depth-wise', null, null, 'last layer (classifier)'])
    expect(report.before).toEqual({ correct: 8, same_class: 8 })
    expect(report.sensitivity.map((row: { layer: string }) => row.layer)).toEqual([
      'conv1',
      'conv2',
      'dw',
      'conv3',
      'conv4',
      'gemm',
    ])
  })

  it('finds the mask that it made, and a pattern of one’s own', () => {
    writeFileSync(join(folder, 'mine.yaml'), 'patterns:\n  - { kind: full-block, rows: 2, cols: 8 }\n')
    expect(
      cimulator(
        'prune',
        '--pattern',
        'mine.yaml',
        '--sparsity',
        '0.5',
        '--scope',
        'global',
        '-o',
        'mine.onnx',
        '--quiet',
      ).code,
    ).toBe(0)
    const found = JSON.parse(
      cimulator('prune', 'mine.onnx', '--pattern', 'mine.yaml', '--criterion', 'found', '--json', '--quiet').out,
    )
    for (const layer of found.layers.filter((l: { zeros_after: number }) => l.zeros_after > 0)) {
      expect(layer.zeros_by_pattern).toBe(layer.zeros_after)
    }
    expect(found.layers.reduce((sum: number, l: { zeros_after: number }) => sum + l.zeros_after, 0)).toBeGreaterThan(0)
  })

  it.each([
    [['--pattern', 'blok', '--sparsity', '0.5'], /unknown pattern "blok". Did you mean "block"/],
    [['--pattern', 'block', '--sparsity', '1'], /sparsity 1: expected a number from 0 to less than 1/],
    [['--pattern', 'block', '--sparsity', 'half'], /sparsity half/],
    [['--pattern', '2:4', '--sensitivity', '0.3'], /removes 50.0 % by itself/],
    [['--pattern', 'block'], /leaves its sparsity open/],
    [['--pattern', 'block', '--sparsity', '0.5', '--criterion', 'magnitud'], /Did you mean "magnitude"/],
    [['--pattern', 'block', '--sparsity', '0.5', '--norm', 'l3'], /--norm l3: expected l1 or l2/],
    [
      ['--pattern', 'block', '--sparsity', '0.5', '--layers', 'conv9'],
      /--layers: unknown layer "conv9". Did you mean "conv1"/,
    ],
    [['--pattern', 'ou-block', '--sparsity', '0.5', '--layers', 'dw'], /--layers dw: pattern "ou-block" does not fit/],
    [
      ['--pattern', 'block', '--sparsity', '0.5', '--skip', 'conv2,conv3,conv4'],
      /no layer left to prune .*conv2: --skip/,
    ],
    [['nothing.onnx', '--pattern', 'block', '--sparsity', '0.5'], /nothing\.onnx: cannot read the model/],
    [
      [join(embedded, 'network.onnx'), '--pattern', 'block', '--sparsity', '0.5', '--sensitivity'],
      /give --inputs FILE/,
    ],
  ] as const)('%j is the user’s error', (args, message) => {
    const { code, out, err } = cimulator('prune', ...args)
    expect(err).toMatch(message)
    expect(code).toBe(2)
    expect(out).toBe('')
  })

  it('layers that share their weights are pruned together, and a sensitivity says why not alone', () => {
    const nodes = ['a', 'b', 'c', 'd'].map((name, i) => ({
      op: 'MatMul',
      name,
      inputs: [i === 0 ? 'x' : `t${i - 1}`, i === 1 || i === 2 ? 'shared' : `w${i}`],
      outputs: [`t${i}`],
    }))
    const values = Array.from({ length: 256 }, (_, i) => Math.sin(i + 1))
    const weights = ['w0', 'shared', 'w3'].map((name) => floats(name, [16, 16], values))
    writeFileSync(join(folder, 'twins.onnx'), model([1, 16], nodes, weights, 't3'))
    writeFileSync(join(folder, 'ones.npy'), writeNpy({ shape: [2, 16], data: new Float32Array(32).fill(1) }))
    const args = [
      'prune',
      'twins.onnx',
      '--pattern',
      'block',
      '--sparsity',
      '0.5',
      '--inputs',
      'ones.npy',
      '--sensitivity',
      '--json',
    ]
    const { code, out } = cimulator(...args)
    expect(code).toBe(0)
    const { sensitivity, layers } = JSON.parse(out)
    expect(layers.map((l: { zeros_after: number }) => l.zeros_after)).toEqual([0, 128, 128, 0])
    const refused = sensitivity.map((row: { refused: string | null }) => row.refused)
    expect(refused).toEqual([
      null,
      expect.stringMatching(/"shared" of b are used by c too/),
      expect.stringMatching(/used by b too/),
      null,
    ])
    expect(sensitivity.map((row: { same_class: number | null }) => row.same_class === null)).toEqual([
      false,
      true,
      true,
      false,
    ])
  })

  it('weights in another file are refused by name', () => {
    const decoded = onnx.ModelProto.decode(readFileSync(join(embedded, 'network.onnx')))
    const tensor = decoded.graph!.initializer!.find((entry) => (entry.dims?.length ?? 0) > 1)!
    writeFileSync(join(folder, 'weights.bin'), tensor.raw_data!)
    Object.assign(tensor, {
      raw_data: null,
      data_location: onnx.TensorProto.DataLocation.EXTERNAL,
      external_data: [{ key: 'location', value: 'weights.bin' }],
    })
    writeFileSync(join(folder, 'outside.onnx'), onnx.ModelProto.encode(decoded).finish())
    const { code, err } = cimulator('prune', 'outside.onnx', '--pattern', 'block', '--sparsity', '0.5')
    expect(code).toBe(2)
    expect(err).toMatch(/outside\.onnx: weights ".+" lie in another file/)
  })

  it('an existing file stays unless --force is given, and nothing is left behind', () => {
    writeFileSync(join(folder, 'there.onnx'), 'mine')
    const args = ['prune', '--pattern', 'block', '--sparsity', '0.5', '-o', 'there.onnx', '--limit', '1', '--quiet']
    const { code, err } = cimulator(...args)
    expect([code, err]).toEqual([2, expect.stringMatching(/there\.onnx exists.*--force/)])
    expect(readFileSync(join(folder, 'there.onnx'), 'utf8')).toBe('mine')
    expect(cimulator(...args, '--force').code).toBe(0)
    expect(loadNetwork(readFileSync(join(folder, 'there.onnx')), 'there.onnx').layers.length).toBe(6)
    expect(readdirSync(folder).filter((name) => name.startsWith('.'))).toEqual([])
    expect(existsSync(join(folder, 'there.onnx'))).toBe(true)
  })
})
