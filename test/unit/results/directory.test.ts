import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { Interrupted, SimFault, SpecError } from '../../../models/base/errors.js'
import { packageRoot } from '../../../models/base/paths.js'
import { canonicalJson } from '../../../traces/results/canonical.js'
import { type ManifestInfo, runFiles, writeRunDirectory } from '../../../traces/results/directory.js'
import { type FileSystem, realFiles } from '../../../traces/store/atomic.js'
import { resultOf } from '../../helpers/result.js'

const root = mkdtempSync(join(tmpdir(), 'cimulator-results-'))
afterAll(() => rmSync(root, { recursive: true }))
let folder = root
beforeEach(() => {
  folder = mkdtempSync(join(root, 'case-'))
})

const result = resultOf({ seed: 1, layers: 2, macros: 2, values: true })
const other = resultOf({ seed: 2, layers: 1, macros: 1, values: true })
const info = (when: string): ManifestInfo => ({
  version: '0.1.0',
  configuration: { b: 1, a: { d: [2, { z: 1, y: 2 }], c: 3 } },
  seeds: {},
  request: { limit: 4 },
  environment: { when },
})
const none = new Map<string, string>()

function write(target: string, force = false, files: FileSystem = realFiles, run = result) {
  return writeRunDirectory(target, run, info('now'), none, { force, files })
}

/** Every file below a folder with its hash, hidden ones too. */
function snapshot(path: string): string[] {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((file) => `${file} ${createHash('sha256').update(readFileSync(file)).digest('hex')}`)
    .sort()
}

/** The real file system until operation number `at` (writing ones counted), which fails; half a file is written. */
function failing(at: number): { files: FileSystem; operations: () => number } {
  let count = 0
  const step = () => {
    if (count++ === at) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
  }
  const files: FileSystem = {
    ...realFiles,
    async write(path, content) {
      if (count === at) await realFiles.write(path, content.slice(0, content.length >> 1))
      step()
      await realFiles.write(path, content)
    },
    async rename(from, to) {
      step()
      await realFiles.rename(from, to)
    },
    async makeFolder(path) {
      step()
      await realFiles.makeFolder(path)
    },
  }
  return { files, operations: () => count }
}

describe('run directory', () => {
  it('the manifest has the hash of every file, and only environment.json differs between two runs', async () => {
    const first = join(folder, 'a')
    const second = join(folder, 'b')
    const dump = new Map([['dump/layer-000/mapping.json', '{}\n']])
    await writeRunDirectory(first, result, info('monday'), dump, { force: false })
    await writeRunDirectory(second, result, info('tuesday'), dump, { force: false })
    const manifest = JSON.parse(readFileSync(join(first, 'manifest.json'), 'utf8'))
    const hashes = Object.entries<string>(manifest.files).map(([path, hash]) => `${join(first, path)} ${hash}`)
    const rest = ['manifest.json', 'environment.json'].map((name) => join(first, name))
    expect(snapshot(first).filter((line) => !rest.some((path) => line.startsWith(path)))).toEqual(hashes.sort())
    const differing = snapshot(first).filter((line) => !snapshot(second).includes(line.replace(first, second)))
    expect(differing.map((line) => line.split(' ')[0])).toEqual([join(first, 'environment.json')])
    expect(readdirSync(folder).sort()).toEqual(['a', 'b'])
  })

  it('no path or clock of the run is in the other files', () => {
    for (const [path, content] of runFiles(result, info('monday'), none))
      if (path !== 'environment.json')
        expect(Buffer.from(content).toString('latin1'), path).not.toMatch(/monday|some\/where/)
  })

  it('the hash of the configuration does not depend on the order of its keys', () => {
    expect(canonicalJson({ b: 1, a: [{ d: 1, c: null }] })).toBe('{"a":[{"c":null,"d":1}],"b":1}')
  })

  it('exists whole or not at all, wherever writing fails; an old run stays', async () => {
    const fresh = join(folder, 'deep', 'er', 'run')
    const old = join(folder, 'old')
    await write(old, false, realFiles, other)
    const before = snapshot(folder)
    const whole = failing(-1)
    await write(join(folder, 'count'), false, whole.files)
    rmSync(join(folder, 'count'), { recursive: true })
    expect(whole.operations()).toBeGreaterThan(15)
    for (let at = 0; at < whole.operations(); at++) {
      const failed = write(fresh, false, failing(at).files)
      await expect(failed, `operation ${at}`).rejects.toThrow(SpecError)
      await expect(failed).rejects.toThrow(/deep\/er\/run: cannot write \(ENOSPC/)
      expect(snapshot(folder)).toEqual(before)
      expect(readdirSync(folder)).toEqual(['old'])
    }
    for (let at = 0; at < whole.operations() + 1; at++) {
      await expect(write(old, true, failing(at).files), `operation ${at}`).rejects.toThrow(/old: cannot write/)
      expect(snapshot(folder)).toEqual(before)
    }
    await write(old, true)
    expect(snapshot(folder)).not.toEqual(before)
    expect(readdirSync(folder)).toEqual(['old'])
  })

  it('is not written when the signal aborts', async () => {
    const abort = new AbortController()
    const files: FileSystem = {
      ...realFiles,
      async write(path, content) {
        await realFiles.write(path, content)
        if (path.endsWith('stages.parquet')) abort.abort()
      },
    }
    const options = { force: false, files, signal: abort.signal }
    await expect(writeRunDirectory(join(folder, 'run'), result, info('now'), none, options)).rejects.toThrow(
      Interrupted,
    )
    expect(readdirSync(folder)).toEqual([])
  })

  it('only a run directory is replaced, and only by force', async () => {
    const run = join(folder, 'run')
    await write(run)
    await expect(write(run)).rejects.toThrow(/run exists; .*--force/)
    writeFileSync(join(run, 'notes.txt'), 'mine')
    await expect(write(run, true)).rejects.toThrow(/also holds notes\.txt/)
    rmSync(join(run, 'notes.txt'))
    await write(run, true)
    const foreign = join(folder, 'foreign')
    mkdirSync(foreign)
    writeFileSync(join(foreign, 'manifest.json'), '{"name": "an extension", "files": {}}')
    await expect(write(foreign, true)).rejects.toThrow(/is no run directory/)
    const file = join(folder, 'file')
    writeFileSync(file, 'x')
    await expect(write(file, true)).rejects.toThrow(/is no directory/)
    expect(readFileSync(file, 'utf8')).toBe('x')
    symlinkSync(run, join(folder, 'link'))
    await write(join(folder, 'link'), true, realFiles, other)
    expect(JSON.parse(readFileSync(join(run, 'summary.json'), 'utf8')).layers.length).toBe(1)
    expect(readdirSync(folder).sort()).toEqual(['file', 'foreign', 'link', 'run'])
  })

  it('what a dead process left is cleaned up; what a living one writes is not', async () => {
    const { pid: dead } = spawnSync(process.execPath, ['-e', ''])
    const host = hostname().replace(/[^A-Za-z0-9]/g, '_') || 'host'
    const leave = (name: string) => {
      mkdirSync(join(folder, name))
      writeFileSync(join(folder, name, 'manifest.json'), name)
    }
    const kept = [`.run.tmp-${host}-${process.ppid}`, `.run.tmp-elsewhere-${dead}`, `.runs.tmp-${host}-${dead}`]
    for (const name of [...kept, `.run.tmp-${host}-${dead}`, `.run.old-${host}-${dead}`]) leave(name)
    // Killed between the two renames of a forced run: the old run comes back, so this run is refused without force.
    await expect(write(join(folder, 'run'))).rejects.toThrow(/run exists/)
    expect(readFileSync(join(folder, 'run', 'manifest.json'), 'utf8')).toBe(`.run.old-${host}-${dead}`)
    rmSync(join(folder, 'run'), { recursive: true })
    await write(join(folder, 'run'))
    expect(readdirSync(folder).sort()).toEqual([...kept, 'run'].sort())
  })

  it('a dumped file cannot leave the directory or replace another', () => {
    for (const path of ['../x', '/x', 'dump/../../x', 'summary.json'])
      expect(() => runFiles(result, info('now'), new Map([[path, 'x']]))).toThrow(SimFault)
  })

  const dist = join(packageRoot(), 'dist', 'traces', 'results', 'directory.js')
  // a shell with limits
  const posix = existsSync(dist) && process.platform !== 'win32'
  const script = (extra: string) =>
    `import { writeRunDirectory } from ${JSON.stringify(dist)}
     const result = JSON.parse(process.env.RESULT)
     ${extra}
     const big = new Map([['dump/big.bin', new Uint8Array(4_000_000)]])
     const info = { version: '0', configuration: {}, seeds: {}, request: {}, environment: {} }
     await writeRunDirectory(process.env.TARGET, result, info, big, { force: false })
       .catch((e) => { process.stdout.write(e.name + ': ' + e.message); process.exitCode = 2 })`
  const run = (command: string, extra: string) =>
    spawnSync('bash', ['-c', `${command}; exec "$NODE" --input-type=module -e "$SCRIPT"`], {
      env: {
        ...process.env,
        NODE: process.execPath,
        SCRIPT: script(extra),
        RESULT: JSON.stringify({ ...result, layers: [] }),
        TARGET: join(folder, 'run'),
        DIR: folder,
      },
      encoding: 'utf8',
    })

  it.runIf(posix)('a file-size limit of the system leaves nothing', () => {
    const { stdout, status } = run('ulimit -f 1000', '')
    expect(stdout).toMatch(/^SpecError: .*run: cannot write \(EFBIG/)
    expect(status).toBe(2)
    expect(readdirSync(folder)).toEqual([])
  })

  it.runIf(posix)('the end of the process in the middle of writing leaves nothing', () => {
    const stop = "const { readdirSync } = process.getBuiltinModule('node:fs')"
    const when = 'setInterval(() => readdirSync(process.env.DIR).length > 0 && process.exit(130), 1)'
    const { status } = run(':', `${stop}\n${when}`)
    expect(status).toBe(130)
    expect(readdirSync(folder)).toEqual([])
  })
})
