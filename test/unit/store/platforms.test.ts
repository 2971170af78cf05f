// What differs between systems: files that somebody else holds for a moment, line ends, byte-order marks, separators of paths.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { packageRoot } from '../../../models/base/paths.js'
import type { NetworkInput } from '../../../models/nn/types.js'
import { loadPattern } from '../../../models/sparsity/pattern.js'
import { openDescribed } from '../../../traces/inputs/described.js'
import { readInputs } from '../../../traces/inputs/read.js'
import { openRun } from '../../../traces/results/open.js'
import { type FileSystem, realFiles, renamePatiently, writeFileWhole } from '../../../traces/store/atomic.js'
import { writeNpy } from '../../../traces/store/npy.js'

const folder = mkdtempSync(join(tmpdir(), 'cimulator-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** The real file system, in which the first `times` renames fail with an error code. */
function holding(times: number, code: string): { files: FileSystem; attempts: () => number } {
  let attempts = 0
  const files: FileSystem = {
    ...realFiles,
    async rename(from, to) {
      if (attempts++ < times) throw Object.assign(new Error(`${code}: held, rename`), { code })
      await realFiles.rename(from, to)
    },
  }
  return { files, attempts: () => attempts }
}

describe('a file that is held', () => {
  it.each(['EPERM', 'EBUSY', 'EACCES'])('%s: renamed as soon as it is free', async (code) => {
    const { files, attempts } = holding(3, code)
    const target = join(folder, `${code}.txt`)
    await writeFileWhole(target, 'whole', false, files)
    expect(readFileSync(target, 'utf8')).toBe('whole')
    expect(attempts()).toBe(4)
  })

  it('for good: an error that names the file, and nothing is left', async () => {
    const { files, attempts } = holding(Number.POSITIVE_INFINITY, 'EBUSY')
    const place = join(folder, 'held')
    mkdirSync(place)
    await expect(writeFileWhole(join(place, 'x.txt'), 'x', false, files)).rejects.toThrow(
      /x\.txt: cannot write \(EBUSY/,
    )
    expect(attempts()).toBeGreaterThan(3)
    expect(await realFiles.list(place)).toEqual([])
  })

  it('any other failure is no reason to wait', async () => {
    const { files, attempts } = holding(1, 'ENOSPC')
    await expect(renamePatiently(files, 'a', 'b')).rejects.toThrow('ENOSPC')
    expect(attempts()).toBe(1)
  })
})

describe('line ends and byte-order marks of Windows', () => {
  const crlf = (text: string) => `\uFEFF${text.replaceAll('\n', '\r\n')}`
  const image: NetworkInput = { name: 'x', dtype: 'float32', shape: ['N', 2] }

  it('labels in JSON', async () => {
    writeFileSync(join(folder, 'x.npy'), writeNpy({ shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) }))
    writeFileSync(join(folder, 'labels.json'), crlf('[\n  3,\n  [4, 5]\n]\n'))
    const { labels } = await readInputs(join(folder, 'x.npy'), [image], null, join(folder, 'labels.json'))
    expect(labels).toEqual([[3], [4, 5]])
  })

  it('described inputs', async () => {
    const text = 'inputs:\n  x:\n    file: x.npy\nlabels:\n  ids: [7, 8]\n'
    for (const [name, content] of [
      ['plain.yaml', text],
      ['crlf.yaml', crlf(text)],
    ] as const) {
      writeFileSync(join(folder, name), content)
      const inputs = openDescribed(join(folder, name), [image], { limit: null, data: null })
      expect([...(await inputs.item(1)).values()].map(({ data }) => Array.from(data as Float32Array))).toEqual([[3, 4]])
      expect(inputs.labels(1)).toEqual([8])
      inputs.close()
    }
  })

  it('patterns', () => {
    const text = readFileSync(join(packageRoot(), 'examples', 'patterns', 'hybrid.yaml'), 'utf8')
    const [plain, windows] = [join(folder, 'p.yaml'), join(folder, 'w.yaml')]
    writeFileSync(plain, text.replaceAll('\r', ''))
    writeFileSync(windows, crlf(text.replaceAll('\r', '')))
    expect(loadPattern(windows)).toEqual(loadPattern(plain))
  })
})

describe('paths', () => {
  it('those in a run directory have "/" on every system, and none leaves it', () => {
    const hash = '0'.repeat(64)
    for (const path of ['../x', '..\\x', 'dump\\..\\..\\x', '/etc/x', 'C:\\x']) {
      const place = mkdtempSync(join(folder, 'run-'))
      const manifest = {
        ...{ schema_version: 1, cimulator: '0', model_sha256: hash, trace_sha256: hash, engine: 'fast', partial: null },
        ...{ request: {}, configuration: {}, files: { [path]: hash } },
      }
      writeFileSync(join(place, 'manifest.json'), JSON.stringify(manifest))
      expect(() => openRun(place), path).toThrow(/outside the directory/)
    }
  })
})
