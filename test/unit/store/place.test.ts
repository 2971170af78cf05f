// Whether something can be written at a path is found before the work: a folder is made there and removed again.
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SpecError } from '../../../models/base/errors.js'
import { checkTarget } from '../../../traces/results/directory.js'
import { checkNewFile, checkPlace } from '../../../traces/store/place.js'

const folder = mkdtempSync(join(tmpdir(), 'cimulator-place-'))
afterAll(() => rmSync(folder, { recursive: true }))
const at = (...path: string[]) => join(folder, ...path)

beforeAll(() => {
  writeFileSync(at('file'), '')
  mkdirSync(at('folder'))
  symlinkSync(at('nothing'), at('dead'))
})

describe('checkPlace', () => {
  it('lets pass what can be made, with its parents, and leaves nothing', () => {
    for (const path of [at('new'), at('a', 'b', 'c'), at('folder', 'x')]) checkPlace(path)
    expect(readdirSync(folder).sort()).toEqual(['dead', 'file', 'folder'])
    expect(readdirSync(at('folder'))).toEqual([])
  })

  it.each([
    [['file', 'x'], /file: a part of the path is no folder \(ENOTDIR\)/],
    [['file', 'x', 'y'], /file: a part of the path is no folder \(ENOTDIR\)/],
    [['dead', 'x'], /dead: something that is no folder is in the way \(EEXIST\)/],
    [['folder', 'n'.repeat(250)], /the path is too long \(ENAMETOOLONG\)/],
    [['folder', 'n'.repeat(300), 'x'], /the path is too long \(ENAMETOOLONG\)/],
  ] as const)('%j is refused', (path, message) => {
    expect(() => checkPlace(at(...path))).toThrow(SpecError)
    expect(() => checkPlace(at(...path))).toThrow(message)
    expect(() => checkNewFile(at(...path), true)).toThrow(message)
  })

  it.skipIf(process.getuid?.() === 0 || process.platform === 'win32')('a folder without permission is refused', () => {
    mkdirSync(at('closed'))
    chmodSync(at('closed'), 0o500)
    expect(() => checkPlace(at('closed', 'x', 'y'))).toThrow(/closed: no permission to write there \(EACCES\)/)
    rmSync(at('closed'), { recursive: true })
  })

  it.skipIf(!existsSync('/proc/self'))('a file system without new names is refused', () => {
    expect(() => checkPlace('/proc/foo/bar')).toThrow(/^\/proc\/foo\/bar: cannot be written: \/proc: /)
  })
})

describe('before a run', () => {
  it('run directories: the place, with and without force', async () => {
    await checkTarget(at('run', 'first'), false)
    await checkTarget(at('folder'), true)
    await expect(checkTarget(at('file', 'x'), true)).rejects.toThrow(/ENOTDIR/)
    await expect(checkTarget(at('file'), true)).rejects.toThrow(/is no directory/)
  })

  it('files: a folder is never replaced', () => {
    expect(() => checkNewFile(at('file'), false)).toThrow(/exists/)
    expect(() => checkNewFile(at('folder'), true)).toThrow(/is no ordinary file/)
    checkNewFile(at('file'), true)
  })
})
