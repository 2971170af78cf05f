// Files appear whole or not at all: written under a temporary name beside the target, then renamed. What a killed process left behind is
// removed by the next one that writes to the same target.
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { hostname } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { setImmediate, setTimeout } from 'node:timers/promises'
import { CimulatorError, SpecError } from '../../models/base/errors.js'

/** The part of the file system that writing needs; tests put a failing one in its place. */
export interface FileSystem {
  write(path: string, content: Uint8Array | string): Promise<void>
  rename(from: string, to: string): Promise<void>
  /** with its parents */
  makeFolder(path: string): Promise<void>
  /** file or folder, with all that is in it; no error when there is none */
  remove(path: string): Promise<void>
  /** only when it is empty; no error otherwise */
  removeEmptyFolder(path: string): Promise<void>
  exists(path: string): Promise<boolean>
  /** names in a folder; none when there is no folder */
  list(path: string): Promise<readonly string[]>
}

/**
 * Every operation is synchronous inside, so that none is under way when the process ends and `withTemporary` clears up; signals and timers
 * get their turn before every file.
 */
export const realFiles: FileSystem = {
  async write(path, content) {
    await setImmediate()
    const file = openSync(path, 'w')
    try {
      writeFileSync(file, content)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
  },
  rename: async (from, to) => renameSync(from, to),
  makeFolder: async (path) => void mkdirSync(path, { recursive: true }),
  remove: async (path) => rmSync(path, { recursive: true, force: true, maxRetries: 4, retryDelay: 50 }),
  async removeEmptyFolder(path) {
    try {
      rmdirSync(path)
    } catch {
      // Not empty, or not there: both are fine.
    }
  },
  exists: async (path) => existsSync(path),
  list: async (path) => (existsSync(path) && statSync(path).isDirectory() ? readdirSync(path) : []),
}

/** What Windows answers while a virus scanner or an indexer holds a file. */
const held = new Set(['EPERM', 'EBUSY', 'EACCES'])

/** Milliseconds before the second attempt, the third, …: together less than a second. */
const pauses = [10, 20, 50, 100, 200, 400]

/** Renames; what somebody else holds for a moment is tried again. @throws the last failure */
export async function renamePatiently(files: FileSystem, from: string, to: string): Promise<void> {
  for (const pause of pauses) {
    try {
      return await files.rename(from, to)
    } catch (cause) {
      if (!held.has((cause as NodeJS.ErrnoException).code ?? '')) throw cause
      await setTimeout(pause)
    }
  }
  return files.rename(from, to)
}

export function writeFailure(path: string, cause: unknown): CimulatorError {
  if (cause instanceof CimulatorError) return cause
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new SpecError(
    `${path}: cannot write (${reason}); free space, check permissions or choose another place. Nothing was left behind`,
  )
}

/** Host of this process as part of a file name: on a shared disk a process number says nothing about other hosts. */
const host = hostname().replace(/[^A-Za-z0-9]/g, '_') || 'host'

export type Leftover = 'tmp' | 'old'

/** `.<name>.tmp-<host>-<process>`: beside the target, so that the rename stays on one disk. */
export function besideName(target: string, kind: Leftover): string {
  return join(dirname(target), `.${basename(target)}.${kind}-${host}-${process.pid}`)
}

/** Paths that processes of this host which no longer run left beside the target. */
export async function leftovers(target: string, kind: Leftover, files: FileSystem): Promise<string[]> {
  return leftoversAmong(await files.list(dirname(target)), target, kind)
}

/** The same, when the names in the target's folder are known. */
export function leftoversAmong(names: readonly string[], target: string, kind: Leftover): string[] {
  const prefix = `.${basename(target)}.${kind}-${host}-`
  return names
    .filter((name) => name.startsWith(prefix) && /^\d+$/.test(name.slice(prefix.length)))
    .filter((name) => !runs(Number(name.slice(prefix.length))))
    .map((name) => join(dirname(target), name))
}

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

/**
 * Does `work` with a temporary path beside the target. Whatever happens, also the end of the process, the temporary path is gone
 * afterwards, and so are the parent folders that did not exist before a failure.
 */
export async function withTemporary(
  target: string,
  files: FileSystem,
  work: (temporary: string) => Promise<void>,
): Promise<void> {
  const temporary = besideName(target, 'tmp')
  const atExit = () => rmSync(temporary, { recursive: true, force: true })
  process.once('exit', atExit)
  const created = await missingParents(target, files)
  try {
    await files.makeFolder(dirname(target))
    for (const path of await leftovers(target, 'tmp', files)) await files.remove(path)
    await work(temporary)
  } catch (cause) {
    await files.remove(temporary).catch(() => {})
    for (const folder of created) await files.removeEmptyFolder(folder)
    throw writeFailure(target, cause)
  } finally {
    process.off('exit', atExit)
  }
}

/** Innermost first. */
async function missingParents(target: string, files: FileSystem): Promise<string[]> {
  const missing: string[] = []
  for (let folder = dirname(target); !(await files.exists(folder)); folder = dirname(folder)) {
    missing.push(folder)
    if (dirname(folder) === folder) break
  }
  return missing
}

/** @throws SpecError when the file exists (without force) or cannot be written; an old file stays whole until the new one is */
export async function writeFileWhole(
  path: string,
  content: Uint8Array | string,
  force: boolean,
  files: FileSystem = realFiles,
): Promise<void> {
  if (!force && (await files.exists(path))) throw new SpecError(`${path} exists; choose another name or give --force`)
  await withTemporary(path, files, async (temporary) => {
    await files.write(temporary, content)
    await renamePatiently(files, temporary, path)
  })
}
