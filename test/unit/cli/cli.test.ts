// The command line as a user meets it: exit codes, streams, help. Long-running parts run the built program.
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { packageRoot } from '../../../models/base/paths.js'
import { commands } from '../../../sim/cli/index.js'
import { buildProgram } from '../../../sim/cli/program.js'
import { program, programIn } from '../../helpers/program.js'

const folder = mkdtempSync(join(tmpdir(), 'cimulator-'))
const trace = join(packageRoot(), 'models', 'embedded', 'trace.npz')
writeFileSync(join(folder, 'afile'), '')
writeFileSync(join(folder, 'broken.yaml'), 'a: b: c\n')
afterAll(() => rmSync(folder, { recursive: true }))

const cimulator = programIn(folder)

describe('help', () => {
  it.each(commands.map((command) => command.name))(
    '%s has a description and at least one example that begins with the program',
    (name) => {
      const entry = commands.find((command) => command.name === name)!
      expect(entry.doc).not.toBe('')
      expect(entry.examples.length).toBeGreaterThan(0)
      for (const example of entry.examples) expect(example).toMatch(/^cimulator /)
      const command = buildProgram(new AbortController().signal).commands.find((c) => c.name() === name)!
      for (const option of command.options) expect(option.description, option.flags).not.toBe('')
    },
  )

  it('goes to stdout with exit code 0', () => {
    const { code, out, err } = cimulator('run', '--help')
    expect(code).toBe(0)
    expect(out).toContain('Examples:')
    expect(out).toMatch(/--memory <size>[^-]*\(default:\s+1GiB\)/)
    expect(err).toBe('')
  })
})

describe('exit codes and streams', () => {
  it.each([
    [['runn'], /Did you mean run\?/],
    [['run', '--verbos'], /unknown option/],
    [['run', 'none.onnx', '--inputs', 'x.npy'], /none\.onnx: cannot read the model \(ENOENT\)/],
    [['run', '--vectors', 'all'], /expected first:N or every:K/],
    [['run', '--engine', 'warp'], /unknown engine/],
    [['run', '--limit', '0'], /at least 1/],
    [['run', '--dump-mapping'], /give --out DIR/],
    [['run', '--set', 'adcs=0'], /--set adcs=0 adcs: expected a whole number 1 …/],
    [['run', '--layers', 'conv17'], /^error: .*no layer "conv17"; did you mean "conv1"\?.*conv1, conv2/],
    [['run', '--vectors', 'first:99999999999999999999'], /expected first:N or every:K with a whole number/],
    [['run', '--threads', '65'], /--threads 65: expected a whole number from 1 to 64/],
    [['remap', '--threads', '500'], /from 1 to 64/],
    [
      ['run', '--out', 'afile/x'],
      /^error: afile\/x: cannot be written: .*afile: a part of the path is no folder \(ENOTDIR\)/,
    ],
    [['record', '--out', 'afile/x.npz'], /^error: afile\/x\.npz: cannot be written/],
    [['prune', '--pattern', '2:4', '--out', 'afile/x.onnx'], /^error: afile\/x\.onnx: cannot be written/],
    [['remap', '--out', 'afile/x.json'], /^error: afile\/x\.json: cannot be written/],
    [['map', '--layer', '1', '--out', 'afile/x.svg'], /^error: afile\/x\.svg: cannot be written/],
    [['trace', 'convert', trace, 'afile/x.npz'], /^error: afile\/x\.npz: cannot be written/],
    [['inputs', 'check', 'none.yaml', '-o', 'afile/x.png'], /^error: afile\/x\.png: cannot be written/],
    [
      ['describe', 'parameters', 'zzz'],
      /^error: unknown parameter "zzz"\. `cimulator describe parameters` lists all \d+\.\n$/,
    ],
    [['describe', 'parameters', 'adz'], /Did you mean "adcs?"\?/],
    [['describe', 'parameters', 'bitsPerStep'], /Did you mean "input\.bitsPerStep"\?/],
    [
      ['run', '--engine', 'event', '--set', 'cim.latency=1000000'],
      /windows under way .*; cim holds 1000000 \(latency 1000000\): use a smaller cim\.latency or cim\.depth\n$/,
    ],
    [['config', 'show', '--set', 'adcs={'], /the value is not YAML \(Flow map must end with a \}\)\n$/],
    [
      ['config', 'show', '--arch', 'broken.yaml'],
      /^error: .*broken\.yaml:1:4 Nested mappings are not allowed in compact mappings\n$/,
    ],
    [['describe', 'stagez'], /Did you mean "stages"\?/],
  ] as const)('%j is the user’s error: exit 2, nothing on stdout, no stack', (args, message) => {
    const { code, out, err } = cimulator(...args)
    expect(code).toBe(2)
    expect(out).toBe('')
    expect(err).toMatch(message)
    expect(err).not.toMatch(/\n\s+at /)
  })

  it('an empty, a cut and a foreign file are refused by name', () => {
    for (const [name, bytes] of [
      ['empty.onnx', ''],
      ['text.onnx', 'this is text'],
    ] as const) {
      writeFileSync(join(folder, name), bytes)
      const { code, err } = cimulator('run', name, '--inputs', 'x.npy')
      expect(code).toBe(2)
      expect(err).toContain(name)
    }
  })

  it('a dry run says what it estimates: the event engine takes longer, values take longer', () => {
    const perItem = (...args: string[]) => {
      const { out } = cimulator('run', '--dry-run', ...args)
      const [, engine, number, unit] = /expected of engine (\w+),.* layers, ([\d.]+) ?(\S*)s per item/.exec(out)!
      return { engine, seconds: Number(number) * { n: 1e-9, µ: 1e-6, m: 1e-3, '': 1 }[unit!]! }
    }
    const [fast, event] = [perItem(), perItem('--engine', 'event')]
    expect([fast.engine, event.engine]).toEqual(['fast', 'event'])
    expect(event.seconds / fast.seconds).toBeCloseTo(450 / 2, -1)
    expect(fast.seconds / perItem('--values', 'off').seconds).toBeCloseTo(2, 1)
  })

  it('--limit: as many as there are is the whole, more is remarked on', () => {
    const args = ['--layers', 'gemm', '--vectors', 'first:1', '--json']
    const part = cimulator('run', '--limit', '63', ...args)
    expect((JSON.parse(part.out) as { partial: string }).partial).toContain('first 63 items')
    for (const limit of ['64', '70']) {
      const { out, err } = cimulator('run', '--limit', limit, ...args)
      expect((JSON.parse(out) as { partial: string }).partial).not.toContain('items')
      expect(err.includes('limit 70: there are only 64 items')).toBe(limit === '70')
    }
  })

  it('--limit of recorded inputs: the same, and the remark', () => {
    const [network, inputs] = ['network.onnx', 'inputs.npz'].map((f) => join(packageRoot(), 'models', 'embedded', f))
    const args = ['run', network!, '--inputs', inputs!, '--check', 'off', '--layers', 'gemm', '--vectors', 'first:1']
    for (const [limit, part] of [
      ['63', true],
      ['64', false],
      ['65', false],
    ] as const) {
      const { out, err } = cimulator(...args, '--json', '--limit', limit)
      expect((JSON.parse(out) as { partial: string }).partial.includes('63 items')).toBe(part)
      expect(err.includes('limit 65: there are only 64 items; all of them are taken')).toBe(limit === '65')
    }
  })

  it('--json puts nothing but JSON on stdout, --quiet nothing on stderr', () => {
    const { code, out, err } = cimulator('run', '--limit', '1', '--layers', 'gemm', '--json', '--quiet')
    expect(code).toBe(0)
    expect(err).toBe('')
    const summary = JSON.parse(out)
    expect(summary.layers.map((layer: { name: string }) => layer.name)).toEqual(['gemm'])
    expect(summary.partial).toContain('1 of 6 layers')
  })

  it('writes a run directory with everything in it, and a dump when asked', () => {
    expect(
      cimulator(
        'run',
        '--limit',
        '1',
        '--layers',
        'gemm',
        '--out',
        'r',
        '--dump-mapping',
        '--dump-vectors',
        '10',
        '--quiet',
      ).code,
    ).toBe(0)
    for (const name of [
      'manifest.json',
      'environment.json',
      'summary.json',
      'layers.csv',
      'layers.parquet',
      'dump/layer-005/mapping.json',
      'dump/layer-005/firings.csv',
    ]) {
      expect(existsSync(join(folder, 'r', name)), name).toBe(true)
    }
    expect(cimulator('run', '--limit', '1', '--out', 'r').err).toMatch(/r exists/)
  })

  it('SIGINT ends a run with 130 and leaves nothing', async () => {
    const child = spawn(process.execPath, [program, 'run', '--engine', 'event', '--out', 'interrupted'], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    // its first words: from then on it listens, however long this machine takes to start it
    await new Promise((resolve) => child.stderr.once('data', resolve))
    child.stderr.resume()
    child.kill('SIGINT')
    const code = await new Promise((resolve) => child.on('exit', (status, signal) => resolve(signal ?? status)))
    expect(process.platform === 'win32' ? 130 : code).toBe(130)
    expect(existsSync(join(folder, 'interrupted'))).toBe(false)
  })
})
