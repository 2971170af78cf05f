// Whether something can be written at a path, asked before the long work whose result goes there.
import { existsSync, lstatSync, mkdirSync, readdirSync, rmdirSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { SpecError } from '../../models/base/errors.js'
import { besideName, leftoversAmong } from './atomic.js'

const sentences: Readonly<Record<string, string>> = {
  EEXIST: 'something that is no folder is in the way',
  ENOTDIR: 'a part of the path is no folder',
  ENOENT: 'this file system takes no new names',
  EACCES: 'no permission to write there',
  EPERM: 'no permission to write there',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  ENAMETOOLONG: 'the path is too long',
  ELOOP: 'symbolic links that lead in a circle',
}

/**
 * Makes a folder beside the target, or in its nearest ancestor that exists, and removes it again: the only answer that also holds for
 * read-only disks, quotas and file systems such as /proc, where missing folders cannot be made.
 * @throws SpecError naming the target, the ancestor and the reason
 */
export function checkPlace(target: string): void {
  const refuse = (place: string, code: string): never => {
    throw new SpecError(
      `${target}: cannot be written: ${place}: ${sentences[code] ?? 'no folder can be made there'} (${code}); choose another place`,
    )
  }
  const first = firstMissing(resolve(target), refuse)
  const place = dirname(first)
  try {
    // Named like any temporary path, and as long: what a killed process left is removed by the next one.
    for (const old of leftoversAmong(readdirSync(place), first, 'tmp')) removeIfEmpty(old)
    const probe = besideName(first, 'tmp')
    mkdirSync(probe)
    rmdirSync(probe)
  } catch (cause) {
    // What an earlier process of this number left is written over.
    if (codeOf(cause) !== 'EEXIST') refuse(place, codeOf(cause))
  }
}

function removeIfEmpty(path: string): void {
  try {
    rmdirSync(path)
  } catch {
    // A file, or not empty: that is for the one who writes there.
  }
}

/** The target itself, or the outermost of its ancestors that does not exist. */
function firstMissing(target: string, refuse: (place: string, code: string) => never): string {
  for (let path = target; ; path = dirname(path)) {
    const folder = dirname(path)
    try {
      return statSync(folder).isDirectory() ? path : refuse(folder, 'ENOTDIR')
    } catch (cause) {
      if (cause instanceof SpecError) throw cause
      const code = codeOf(cause)
      if (code === 'ENOENT' && isLink(folder)) refuse(folder, 'EEXIST')
      if (!['ENOENT', 'ENOTDIR'].includes(code) || dirname(folder) === folder) refuse(folder, code)
    }
  }
}

/** Of what does not exist: a link to nothing. No folder can be made of that name. */
function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined
}

function codeOf(cause: unknown): string {
  const { code, message } = cause as NodeJS.ErrnoException
  return code ?? message
}

/** @throws SpecError when the file exists (without force), is no ordinary file, or could not be written */
export function checkNewFile(file: string, force: boolean): void {
  if (existsSync(file)) {
    if (!force) throw new SpecError(`${file} exists; choose another name or give --force`)
    // It would be replaced by a rename: a folder cannot be, and a device must not be.
    if (!statSync(file).isFile())
      throw new SpecError(`${file} is no ordinary file; --force does not replace it: choose another name`)
  }
  checkPlace(file)
}
