// Trace files read by a second program (Python and NumPy) that was written from docs/traces.md alone.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { packageRoot } from '../../models/base/paths.js'
import { writeTraceFile } from '../../traces/store/trace-file.js'
import { allItems, sourceOf } from '../helpers/trace.js'

const python = process.env['CIMULATOR_PYTHON'] ?? 'python3'
const available = spawnSync(python, ['-c', 'import numpy']).status === 0
if (!available) process.stdout.write(`skipped: ${python} with numpy is not here\n`)

const folder = mkdtempSync(join(tmpdir(), 'cimulator-traces-'))
afterAll(() => rmSync(folder, { recursive: true }))

const ramp = (length: number, from: number) => Array.from({ length }, (_, i) => from + ((i * 37) % 251))
const source = sourceOf(
  3,
  [
    {
      name: 'a/b:0',
      form: 'unsigned',
      shape: [1, 2, 3],
      codes: Uint8Array.from(ramp(18, 0)),
      scale: 0.5,
      zeroPoint: 7,
    },
    { name: 'ß', form: 'twos-complement', shape: [5], codes: Int8Array.from(ramp(15, -128)), scale: 1, zeroPoint: -3 },
    { name: 'split', form: 'split', shape: [1, 4], codes: Int16Array.from(ramp(12, -120)), scale: 2e-3, zeroPoint: 0 },
  ],
  { labels: [[1], [2, 3], null], predictions: [1, 0, 9] },
)

describe.skipIf(!available)('a second reader', () => {
  it.each([
    ['.npz', false],
    ['.npz', true],
    ['.safetensors', false],
  ])('%s, packed %s: the same items and hashes', async (extension, pack) => {
    const file = join(folder, `${String(pack)}${extension}`)
    await writeTraceFile(file, source, { force: false, pack })
    const run = spawnSync(python, [join(packageRoot(), 'test', 'independent', 'traces.py'), file], { encoding: 'utf8' })
    expect(run.stderr).toBe('')
    const theirs = JSON.parse(run.stdout) as {
      head: { items: { codes_sha256: string; labels: number[] | null; prediction: number }[] }
      sha256: string
      items: { codes_sha256: string; sums: Record<string, number> }[]
    }
    expect(theirs.sha256).toBe(source.sha256())
    for (const item of await allItems(source)) {
      const { codes_sha256, sums } = theirs.items[item.index]!
      expect(codes_sha256).toBe(item.codesSha256)
      expect(theirs.head.items[item.index]).toMatchObject({
        codes_sha256,
        labels: item.labels,
        prediction: item.prediction,
      })
      for (const [name, { codes, scale, zeroPoint }] of item.tensors) {
        const sum = Array.from(codes).reduce((total, code) => total + scale * (code - zeroPoint), 0)
        expect(sums[name]).toBeCloseTo(sum, 9)
      }
    }
  })
})
