// Random machines, dumped and recomputed by reference.py (Python and numpy), a second program written from docs/timing.md and
// docs/values.md: mapping, every firing, every counter, every output.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { packageRoot } from '../../models/base/paths.js'
import { event } from '../../sim/chip/items/event.js'
import { prepareJob } from '../../sim/chip/job.js'
import { dumpLayer } from '../../sim/dump.js'
import { finished, layerOf, tensorOf } from '../helpers/layer.js'
import { type Case, caseArbitrary } from '../helpers/work.js'

const machines = 60
const python = process.env['CIMULATOR_PYTHON'] ?? 'python3'
const available = spawnSync(python, ['-c', 'import numpy']).status === 0
if (!available) process.stdout.write(`skipped: ${python} with numpy is not here\n`)

function dump(input: Case, folder: string): string {
  const tensor = tensorOf(input)
  const choice = { vectors: null, values: true, adcCodes: true, memoryBytes: 2 ** 30, kernel: 'wheel' as const }
  const job = prepareJob(layerOf(input), tensor.shape, input.machine, choice)
  const recorder = dumpLayer(job.placed, input.machine, tensor, { dumpMapping: true, dumpVectors: 1_000_000 })
  const outcome = finished(event.open(job)({ tensor, item: 0, onPass: null, onFiring: recorder.onFiring }))
  for (const [path, content] of recorder.files(outcome)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), content)
  }
  return join(folder, 'dump', 'layer-000')
}

it.skipIf(!available)(
  `the Python program agrees on ${machines} random machines: mapping, firings, counters, outputs`,
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'cimulator-dump-'))
    try {
      const cases = fc.sample(caseArbitrary, { numRuns: machines, seed: 20_240_122 })
      const dirs: string[] = []
      for (const [i, input] of cases.entries()) dirs.push(dump(input, join(folder, String(i))))
      const script = process.env['CIMULATOR_WITNESS'] ?? join(packageRoot(), 'test', 'independent', 'reference.py')
      const run = spawnSync(python, [script, ...dirs], { encoding: 'utf8', maxBuffer: 1 << 26 })
      expect(run.stdout.split('\n').slice(-200).join('\n') + run.stderr).toBe(`${machines} layers agree\n`)
    } finally {
      rmSync(folder, { recursive: true })
    }
  },
  300_000,
)
