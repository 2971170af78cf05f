// The run directory: written under a temporary name beside the target and renamed at the end, so that it is whole or absent.
import { createHash } from 'node:crypto'
import { existsSync, lstatSync, readdirSync, readFileSync, realpathSync, renameSync } from 'node:fs'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { Interrupted, SimFault, SpecError } from '../../models/base/errors.js'
import { besideName, type FileSystem, leftovers, realFiles, renamePatiently, withTemporary } from '../store/atomic.js'
import { checkPlace } from '../store/place.js'
import { canonicalJson } from './canonical.js'
import { csvOf } from './csv.js'
import { parquetOf } from './parquet.js'
import type { RunResult } from './result.js'
import { summaryOf } from './summary.js'
import { tablesOf } from './tables.js'

export interface ManifestInfo {
  readonly version: string
  /** resolved machine, as plain data */
  readonly configuration: unknown
  readonly seeds: Readonly<Record<string, string>>
  /** how the run was asked for, without paths: layers, vectors, limit, values */
  readonly request: Readonly<Record<string, unknown>>
  /** host, times, paths: goes into environment.json, the only file that may differ between two runs */
  readonly environment: unknown
}

export interface DirectoryOptions {
  readonly force: boolean
  readonly files?: FileSystem
  /** when it aborts, the run is not written and nothing is left */
  readonly signal?: AbortSignal
}

/** Tables that are also written as CSV. */
const asText = ['layers', 'items']

type Content = Uint8Array | string

const sha256 = (content: Content) => createHash('sha256').update(content).digest('hex')
const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`

/** All files of a run, by path; everything but environment.json is a function of trace and configuration. */
export function runFiles(
  result: RunResult,
  info: ManifestInfo,
  extra: ReadonlyMap<string, Content>,
): Map<string, Content> {
  const files = new Map<string, Content>()
  const configurationHash = sha256(canonicalJson(info.configuration))
  const metadata = { schema_version: '1', cimulator: info.version, configuration_sha256: configurationHash }
  files.set('summary.json', json(summaryOf(result)))
  for (const table of tablesOf(result)) {
    if (asText.includes(table.name)) files.set(`${table.name}.csv`, csvOf(table))
    files.set(`${table.name}.parquet`, parquetOf(table, metadata))
  }
  for (const [path, content] of extra) {
    if (files.has(path) || isAbsolute(path) || path.split(/[/\\]/).includes('..'))
      throw new SimFault(`a dumped file may not be called "${path}"`)
    files.set(path, content)
  }
  const manifest = {
    schema_version: 1,
    cimulator: info.version,
    model_sha256: result.network.sha256,
    trace_sha256: result.trace.sha256,
    engine: result.engine,
    partial: result.partial,
    request: info.request,
    seeds: info.seeds,
    configuration: info.configuration,
    configuration_sha256: configurationHash,
    files: Object.fromEntries([...files].map(([path, content]) => [path, sha256(content)])),
  }
  files.set('manifest.json', json(manifest))
  files.set('environment.json', json(info.environment))
  return files
}

/** @throws SpecError unless a run may be written there, which is tried: no such path, or `force` and it is a run directory with nothing else in it */
export async function checkTarget(target: string, force: boolean): Promise<void> {
  if (!existsSync(target)) return checkPlace(target)
  if (!force) throw new SpecError(`${target} exists; choose another directory or give --force`)
  const refuse = (why: string): never => {
    throw new SpecError(`${target} ${why}; --force does not replace it: choose another directory`)
  }
  if (!lstatSync(realpathSync(target)).isDirectory()) refuse('is no directory')
  const names = filesBelow(target, '')
  if (names.length > 0) checkOwn(target, names, refuse)
  // The new run is written beside the old one.
  checkPlace(realpathSync(target))
}

function checkOwn(target: string, names: readonly string[], refuse: (why: string) => never): void {
  const listed = manifestFiles(target) ?? refuse('is no run directory (it holds no manifest.json of a run)')
  const own = new Set([...listed, 'manifest.json', 'environment.json'])
  const foreign = names.find((name) => !own.has(name))
  if (foreign !== undefined) refuse(`also holds ${foreign}, which the run did not write`)
}

function filesBelow(folder: string, prefix: string): string[] {
  return readdirSync(join(folder, prefix), { withFileTypes: true }).flatMap((entry) => {
    const path = prefix === '' ? entry.name : `${prefix}/${entry.name}`
    return entry.isDirectory() ? filesBelow(folder, path) : [path]
  })
}

/** Paths that the manifest of a run directory lists; null when there is none. */
function manifestFiles(target: string): string[] | null {
  try {
    const manifest = JSON.parse(readFileSync(join(target, 'manifest.json'), 'utf8')) as Record<string, unknown>
    const { files } = manifest
    const ours = typeof manifest['cimulator'] === 'string' && typeof files === 'object' && files !== null
    return ours ? Object.keys(files) : null
  } catch {
    return null
  }
}

/**
 * @param extra more files of the run, by path below the directory
 * @throws SpecError when the target may not be replaced or something cannot be written, Interrupted when the signal aborts; then nothing
 * is left, and an old run is where it was
 */
export async function writeRunDirectory(
  target: string,
  result: RunResult,
  info: ManifestInfo,
  extra: ReadonlyMap<string, Content>,
  options: DirectoryOptions,
): Promise<void> {
  const files = options.files ?? realFiles
  const place = existsSync(target) ? realpathSync(target) : resolve(target)
  await recover(place, files)
  await checkTarget(place, options.force)
  const contents = runFiles(result, info, extra)
  const stopped = () => {
    if (options.signal?.aborted === true) throw new Interrupted('interrupted: the run was not written')
  }
  await withTemporary(place, files, async (temporary) => {
    await files.makeFolder(temporary)
    for (const [path, content] of contents) {
      stopped()
      await files.makeFolder(dirname(join(temporary, path)))
      await files.write(join(temporary, path), content)
    }
    stopped()
    await swap(files, temporary, place)
  })
}

/** Puts the new directory in place of an old one; if that fails, or the process ends in between, the old one comes back. */
async function swap(files: FileSystem, temporary: string, place: string): Promise<void> {
  if (!(await files.exists(place))) return renamePatiently(files, temporary, place)
  const old = besideName(place, 'old')
  const atExit = () => {
    if (existsSync(old) && !existsSync(place)) renameSync(old, place)
  }
  process.once('exit', atExit)
  try {
    await renamePatiently(files, place, old)
    try {
      await renamePatiently(files, temporary, place)
    } catch (cause) {
      await renamePatiently(files, old, place)
      throw cause
    }
  } finally {
    process.off('exit', atExit)
  }
  // The new run is in place: what remains of the old one goes now, or with the next run.
  await files.remove(old).catch(() => {})
}

/** A process that was killed while it swapped left the old run beside the target: back with it, or away with it. */
async function recover(place: string, files: FileSystem): Promise<void> {
  for (const old of await leftovers(place, 'old', files)) {
    if (await files.exists(place)) await files.remove(old)
    else await renamePatiently(files, old, place)
  }
}
