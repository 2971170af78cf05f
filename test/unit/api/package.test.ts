// The library from outside, as the built package gives it: what can be imported, what docs/api.md says about it, and the examples.
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { packageRoot } from '../../../models/base/paths.js'

const root = packageRoot()
const folder = mkdtempSync(join(tmpdir(), 'cimulator-'))
afterAll(() => rmSync(folder, { recursive: true }))
for (const name of ['network.onnx', 'inputs.npz'])
  copyFileSync(join(root, 'models', 'embedded', name), join(folder, name))

/** Runs a module whose imports are resolved in the repository (where "cimulator" is the package itself), in the scratch folder. */
function program(source: string) {
  const moved = `process.chdir(${JSON.stringify(folder)})\n${source}`
  const run = spawnSync(process.execPath, ['--input-type=module'], { cwd: root, encoding: 'utf8', input: moved })
  return { code: run.status, out: run.stdout, err: run.stderr }
}

const text = (...path: string[]) => readFileSync(join(root, ...path), 'utf8')
const page = text('docs', 'api.md')
const functions = [
  ...['actions', 'compareRuns', 'loadNetwork', 'machineNames', 'mapLayer', 'openRun', 'openTrace', 'price', 'record'],
  ...['renderTable', 'resolveMachine', 'run', 'simulateLayer', 'summaryOf', 'tablesOf', 'writeRun'],
]
const errors = ['CheckFailure', 'CimulatorError', 'Interrupted', 'ModelError', 'SimFault', 'SpecError']

describe('the package', () => {
  it('exports these names and no others', () => {
    const { out, err } = program("console.log(JSON.stringify(Object.keys(await import('cimulator'))))")
    expect(err).toBe('')
    expect((JSON.parse(out) as string[]).sort()).toEqual([...functions, ...errors].sort())
  })

  it.each([
    'dist/sim/api/index.js',
    'dist/sim/run.js',
    'sim/run',
    'dist/models/base/errors.js',
    'schema/machine.schema.json',
  ])('does not let %s be imported', (path) => {
    const { out } = program(`await import('cimulator/${path}').catch((error) => console.log(error.code))`)
    expect(out.trim()).toBe('ERR_PACKAGE_PATH_NOT_EXPORTED')
  })

  it('tells its version', () => {
    const { out, err } = program(`
      import { createRequire } from 'node:module'
      console.log(createRequire(${JSON.stringify(pathToFileURL(join(root, 'x.js')).href)})('cimulator/package.json').version)`)
    expect(err).toBe('')
    expect(out.trim()).toBe((JSON.parse(text('package.json')) as { version: string }).version)
  })
})

describe('docs/api.md', () => {
  const blocks = [...page.matchAll(/```js\n([\s\S]*?)```/g)].map(([, source]) => source!)

  it('has an example of every function, and tells of every error', () => {
    const imported = blocks.flatMap((source) => /import \{ (.*) \}/.exec(source)![1]!.split(', '))
    expect([...new Set(imported)].filter((name) => functions.includes(name)).sort()).toEqual([...functions].sort())
    for (const name of errors) expect(page).toContain(`\`${name}\``)
  })

  it.each(blocks.map((source, i) => [i, source] as const))('block %i runs as it stands', (_, source) => {
    const { code, out, err } = program(source)
    expect(err).toBe('')
    expect(code).toBe(0)
    expect(out).not.toMatch(/undefined|NaN/)
  })
})

describe('examples', () => {
  const example = (name: string, ...args: string[]) =>
    spawnSync(process.execPath, [join(root, 'examples', name), ...args], { cwd: folder, encoding: 'utf8' })

  it('sweep-adc.mjs: energy rises with the bits, and lossless bits spoil nothing', () => {
    const { stdout, stderr } = example('sweep-adc.mjs')
    expect(stderr).toBe('')
    const rows = stdout.trim().split('\n').slice(1)
    const energies = rows.map((row) => Number(row.trim().split(/\s+/)[1]))
    expect(energies).toEqual([...energies].sort((a, b) => a - b))
    expect(rows.at(-1)).toMatch(/^ +6 .* 0\.000 % +no error$/)
  })

  it('ou-utilisation.mjs: a 9 × 16 layer leaves 7 of 16 rows of its OUs empty', () => {
    const { stdout, stderr } = example('ou-utilisation.mjs', 'network.onnx', 'conv1')
    expect(stderr).toBe('')
    expect(stdout).toMatch(/^conv1: 2 OUs of 16×8, 56\.3 % full\n/)
  })
})
