// Files appear whole or not at all: written under a temporary name beside the target, then renamed.
import { mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { SpecError } from '../../models/base/errors.js'

/** The part of the file system that writing needs; tests put a failing one in its place. */
export interface FileSystem {
  write(path: string, content: Uint8Array | string): Promise<void>
  rename(from: string, to: string): Promise<void>
  makeFolder(path: string): Promise<void>
  remove(path: string): Promise<void>
  exists(path: string): Promise<boolean>
}

export const realFiles: FileSystem = {
  async write(path, content) {
    const file = await open(path, 'w')
    try {
      await file.writeFile(content)
      await file.sync()
    } finally {
      await file.close()
    }
  },
  rename: (from, to) => rename(from, to),
  makeFolder: async (path) => void (await mkdir(path, { recursive: true })),
  remove: (path) => rm(path, { recursive: true, force: true }),
  exists: (path) =>
    stat(path).then(
      () => true,
      () => false,
    ),
}

export function writeFailure(path: string, cause: unknown): SpecError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new SpecError(
    `${path}: cannot write (${reason}); free space, check permissions or choose another place. Nothing was left behind`,
  )
}

/** @throws SpecError when the file exists (without force) or cannot be written */
export async function writeFileWhole(
  path: string,
  content: Uint8Array | string,
  force: boolean,
  files: FileSystem = realFiles,
): Promise<void> {
  if (!force && (await files.exists(path))) throw new SpecError(`${path} exists; choose another name or give --force`)
  const temporary = `${path}.tmp-${process.pid}`
  try {
    await files.makeFolder(dirname(path))
    await files.write(temporary, content)
    await files.rename(temporary, path)
  } catch (cause) {
    await files.remove(temporary).catch(() => {})
    throw writeFailure(path, cause)
  }
}
