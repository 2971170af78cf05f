// Random machines, dumped and recomputed by witness.py (Python and numpy), a second program written from docs/timing.md and
// docs/values.md alone: mapping, every firing, every counter, every output.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { packageRoot } from '../../models/base/paths.js'
import { finished } from '../../models/base/steps.js'
import { event } from '../../sim/chip/items/event.js'
import { prepareJob } from '../../sim/chip/job.js'
import { dumpLayer } from '../../sim/dump.js'
import { layerOf, tensorOf } from '../helpers/layer.js'
import { type Case, caseArbitrary } from '../helpers/work.js'

const machines = 60
const python = process.env['CIMULATOR_PYTHON'] ?? 'python3'
const available = spawnSync(python, ['-c', 'import numpy']).status === 0
if (!available) process.stdout.write(`skipped: ${python} with numpy is not here\n`)

function dump(input: Case, folder: string): string {
  const tensor = tensorOf(input)
  const choice = {
    vectors: null,
    values: true,
    adcCodes: true,
    memoryBytes: 2 ** 30,
    kernel: 'wheel' as const,
    kernels: 'auto' as const,
  }
  const job = prepareJob(layerOf(input), tensor.shape, input.machine, choice)
  const recorder = dumpLayer(job.placed, input.machine, tensor, { dumpMapping: true, dumpVectors: 1_000_000 })
  const outcome = finished(event.open(job, 1)({ tensor, onPass: null, onFiring: recorder.onFiring }))
  for (const [path, content] of recorder.files(outcome)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), content)
  }
  return join(folder, 'dump', 'layer-000')
}

/** Every other machine shuffles its blocks. */
const cases = fc.sample(caseArbitrary, { numRuns: machines, seed: 20_240_122 }).map((input, i) => {
  const search = { seed: i, population: 2, generations: 1, patience: 1, trials: 2 }
  const mapping = { ...input.machine.mapping, remapper: i % 2 === 0 ? 'identity' : 'genetic', search }
  return { ...input, machine: { ...input.machine, mapping } }
})

function witness(...dirs: string[]) {
  const script = process.env['CIMULATOR_WITNESS'] ?? join(packageRoot(), 'test', 'independent', 'witness.py')
  return spawnSync(python, [script, ...dirs], { encoding: 'utf8', maxBuffer: 1 << 26 })
}

/** Content of a .npy file without its header (format 1.0). */
function npyBody(path: string): Buffer {
  const content = readFileSync(path)
  return content.subarray(10 + content.readUInt16LE(8))
}

it('the dump holds the weights and codes that went in: the program below starts from them', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cimulator-dump-'))
  try {
    for (const [i, input] of cases.entries()) {
      const dir = dump(input, join(folder, String(i)))
      for (const [m, matrix] of input.matrices.entries()) {
        const e = npyBody(join(dir, `e-${m}.npy`))
        expect(Array.from(matrix.e, (_, k) => e.readInt16LE(2 * k))).toEqual(Array.from(matrix.e))
        expect(e.length).toBe(2 * matrix.rows * matrix.cols)
        const size = input.vectors * matrix.rows
        const values = Array.from(tensorOf(input).codes.subarray(m * size, (m + 1) * size), Number)
        const positive = values.map((x) => Math.max(x, 0))
        const negative = values.map((x) => Math.max(-x, 0))
        const codes = input.form === 'split' ? [...positive, ...negative] : values.map((x) => x & 255)
        expect([...npyBody(join(dir, `codes-${m}.npy`))]).toEqual(codes)
      }
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}, 60_000)

it.skipIf(!available)(
  `the Python program agrees on ${machines} random machines: mapping, firings, counters, outputs`,
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'cimulator-dump-'))
    try {
      const dirs: string[] = []
      for (const [i, input] of cases.entries()) dirs.push(dump(input, join(folder, String(i))))
      const run = witness(...dirs)
      expect(run.stdout.split('\n').slice(-200).join('\n') + run.stderr).toBe(`${machines} layers agree\n`)
    } finally {
      rmSync(folder, { recursive: true })
    }
  },
  300_000,
)

type Change = (content: Buffer) => Buffer

/** The last firing starts a cycle later. */
function laterStart(content: Buffer): Buffer {
  const lines = content.toString().trimEnd().split('\n')
  const [macro, stage, start, ...rest] = lines.at(-1)!.split(',')
  return Buffer.from([...lines.slice(0, -1), [macro, stage, Number(start) + 1, ...rest].join(','), ''].join('\n'))
}

/** One more in a field of a JSON object. */
const oneMore = (field: RegExp): Change => {
  return (content) => Buffer.from(content.toString().replace(field, (_, name, value) => `${name}${Number(value) + 1}`))
}

/** One more in the last float64 of a .npy file. */
function nextOutput(content: Buffer): Buffer {
  const changed = Buffer.from(content)
  changed.writeDoubleLE(changed.readDoubleLE(changed.length - 8) + 1, changed.length - 8)
  return changed
}

const changes: [string, Change][] = [
  ['firings.csv', laterStart],
  ['counters.json', oneMore(/("rowGathers":\s*)(\d+)/)],
  ['counters.json', oneMore(/("busy":\s*)(\d+)/)],
  ['outputs.npy', nextOutput],
  ['mapping.json', oneMore(/("row_union":\s*)(\d+)/)],
]

it.skipIf(!available)(
  'the Python program names the file when one firing, counter, output or window of a dump is changed',
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'cimulator-dump-'))
    try {
      const dir = dump(cases.find((input) => input.matrices.some((m) => m.e.some((e) => e !== 0)))!, folder)
      for (const [name, change] of changes) {
        const path = join(dir, name)
        const content = readFileSync(path)
        const changed = change(content)
        expect(changed.equals(content), name).toBe(false)
        writeFileSync(path, changed)
        const run = witness(dir)
        expect(run.status, name).toBe(1)
        expect(run.stderr).toMatch(new RegExp(`^${path}: .*: expected .*, got .*\\n$`))
        writeFileSync(path, content)
      }
      expect(witness(dir).stdout).toBe('1 layers agree\n')
    } finally {
      rmSync(folder, { recursive: true })
    }
  },
  60_000,
)
