// Files in and out: .npy, traces, run directories.
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { parquetMetadata, parquetReadObjects } from 'hyparquet'
import { afterAll, describe, expect, it } from 'vitest'
import { SpecError } from '../../../models/base/errors.js'
import { resolveMachine } from '../../../sim/chip/resolve.js'
import { runDefaults } from '../../../sim/options.js'
import { silent } from '../../../sim/progress.js'
import { runSimulation } from '../../../sim/run.js'
import { embeddedFile } from '../../../sim/source.js'
import { readInputs } from '../../../traces/inputs/read.js'
import { renderTable } from '../../../traces/report/table.js'
import { runFiles, writeRunDirectory } from '../../../traces/results/directory.js'
import type { RunResult } from '../../../traces/results/result.js'
import { type FileSystem, realFiles } from '../../../traces/store/atomic.js'
import { readNpy, writeNpy } from '../../../traces/store/npy.js'

const folder = mkdtempSync(join(tmpdir(), 'cimulator-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe('.npy', () => {
  it('reads what it writes, also from the middle of a larger buffer', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -128, max: 127 }), { maxLength: 40 }),
        fc.integer({ min: 0, max: 9 }),
        (list, offset) => {
          const bytes = writeNpy({ shape: [list.length], data: Float32Array.from(list) })
          const shared = Buffer.alloc(bytes.length + 20)
          shared.set(bytes, offset)
          const array = readNpy(shared.subarray(offset, offset + bytes.length), 'x')
          expect(array.shape).toEqual([list.length])
          expect(Array.from(array.data as Float32Array)).toEqual(list)
        },
      ),
    )
  })

  it('brings column-major arrays into row-major order', () => {
    const bytes = writeNpy({ shape: [2, 3], data: Int8Array.of(1, 4, 2, 5, 3, 6) })
    const fortran = Buffer.from(
      Buffer.from(bytes).toString('latin1').replace("'fortran_order': False", "'fortran_order': True "),
      'latin1',
    )
    expect(Array.from(readNpy(fortran, 'x').data as Int8Array)).toEqual([1, 2, 3, 4, 5, 6])
  })

  it('refuses every truncation and every changed byte of the header with a SpecError, or reads an array', () => {
    const bytes = writeNpy({ shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) })
    for (let length = 0; length < bytes.length; length++)
      expect(() => readNpy(bytes.subarray(0, length), 'cut.npy')).toThrow(SpecError)
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 100 }), fc.integer({ min: 0, max: 255 }), (at, value) => {
        const changed = bytes.slice()
        changed[at] = value
        try {
          readNpy(changed, 'bad.npy')
        } catch (error) {
          expect(error).toBeInstanceOf(SpecError)
        }
      }),
      { numRuns: 500 },
    )
  })
})

describe('inputs', () => {
  const wanted = [{ name: 'x', dtype: 'float32', shape: ['N', 2] }]
  const save = (name: string, shape: number[], data: Float32Array | Uint8Array | Float64Array) => {
    const path = join(folder, name)
    writeFileSync(path, writeNpy({ shape, data }))
    return path
  }

  it('split along the first axis into items of batch 1; bytes become floats', async () => {
    const { items } = await readInputs(save('a.npy', [3, 2], Uint8Array.of(1, 2, 3, 4, 5, 255)), wanted, 2, null)
    expect(items.map((entry) => entry.get('x'))).toEqual([
      { dtype: 'float32', shape: [1, 2], data: Float32Array.of(1, 2) },
      { dtype: 'float32', shape: [1, 2], data: Float32Array.of(3, 4) },
    ])
  })

  it('wrong shape and wrong type name what was expected and what was got', async () => {
    await expect(readInputs(save('b.npy', [3, 4], new Float32Array(12)), wanted, null, null)).rejects.toThrow(
      /expected float32 \[N, 2\].*got float32 \[3, 4\]/,
    )
    await expect(readInputs(save('c.npy', [3, 2], new Float64Array(6).fill(0.1)), wanted, null, null)).rejects.toThrow(
      /expected float32, got float64, and 0\.1 at position 0 is not exact.*astype/,
    )
    await expect(readInputs(join(folder, 'none.npy'), wanted, null, null)).rejects.toThrow(
      /none\.npy: cannot read the inputs \(ENOENT\)/,
    )
  })
})

const info = { version: '0', configuration: { a: 1 }, seeds: {}, request: {}, environment: { when: 'now' } }

async function embeddedRun(values = true): Promise<RunResult> {
  const { machine } = resolveMachine('wu2024', [])
  const outcome = await runSimulation(
    {
      ...runDefaults,
      trace: embeddedFile('trace.npz'),
      machine,
      layers: 'conv3,gemm',
      limit: 1,
      vectors: { kind: 'first', n: 4 },
      values,
      adcCodes: true,
      signal: new AbortController().signal,
    },
    silent,
  )
  return outcome.result!
}

describe('run directory', () => {
  it('holds tables whose sums are the summary, the same bytes every time, and says that it is partial', async () => {
    const result = await embeddedRun()
    const files = runFiles(result, info, new Map())
    const again = runFiles(await embeddedRun(), info, new Map())
    for (const [path, content] of files) expect(again.get(path), path).toEqual(content)
    const read = async (name: string) => {
      const bytes = files.get(name) as Uint8Array
      const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer
      expect(parquetMetadata(buffer).key_value_metadata?.find((entry) => entry.key === 'schema_version')?.value).toBe(
        '1',
      )
      return parquetReadObjects({ file: buffer })
    }
    const layers = await read('layers.parquet')
    const summary = JSON.parse(files.get('summary.json') as string)
    expect(layers.reduce((sum, row) => sum + Number(row['cycles']), 0)).toBe(summary.totals.cycles)
    expect(layers.every((row) => String(row['partial']).includes('first 4 vectors'))).toBe(true)
    expect(summary.partial).toContain('2 of')
    for (const row of await read('stages.parquet')) {
      expect(Number(row['busy_cycles']) + Number(row['blocked_cycles']) + Number(row['starved_cycles'])).toBe(
        Number(row['span_cycles']),
      )
    }
    const energy = (await read('energy.parquet')).reduce(
      (sum, row) => sum + Number(row['dynamic_pj']) + Number(row['leakage_pj']),
      0,
    )
    expect(energy / summary.totals.energy_pj).toBeCloseTo(1, 12)
    expect((files.get('layers.csv') as string).trim().split('\n').length).toBe(1 + result.layers.length)
    expect(renderTable(result, { width: 160, color: false })).toMatch(/^PARTIAL[\s\S]*conv3[\s\S]*gemm/)
  })

  it('leaves nothing behind whichever write fails, and keeps the old directory', async () => {
    const result = await embeddedRun(false)
    const target = join(folder, 'run')
    await writeRunDirectory(target, result, info, new Map(), { force: false })
    const before = readdirSync(target).sort()
    await expect(writeRunDirectory(target, result, info, new Map(), { force: false })).rejects.toThrow(/exists/)
    for (let failing = 0; failing < 14; failing++) {
      let calls = 0
      const full =
        <A extends unknown[]>(f: (...args: A) => Promise<void>) =>
        async (...args: A) => {
          if (calls++ === failing) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
          return f(...args)
        }
      const files: FileSystem = { ...realFiles, write: full(realFiles.write), makeFolder: full(realFiles.makeFolder) }
      await expect(writeRunDirectory(target, result, info, new Map(), { force: true, files })).rejects.toThrow(/ENOSPC/)
      expect(readdirSync(target).sort()).toEqual(before)
      expect(readdirSync(folder).filter((name) => name.startsWith('.run'))).toEqual([])
    }
    await writeRunDirectory(target, result, info, new Map(), { force: true })
    expect(readdirSync(target).sort()).toEqual(before)
  })

  it('never replaces a directory that is no run', async () => {
    const place = join(folder, 'precious')
    await realFiles.makeFolder(place)
    writeFileSync(join(place, 'thesis.tex'), 'x')
    await expect(writeRunDirectory(place, await embeddedRun(false), info, new Map(), { force: true })).rejects.toThrow(
      /no run directory/,
    )
    expect(readdirSync(place)).toEqual(['thesis.tex'])
  })
})
