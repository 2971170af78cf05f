// The run directory: written under a temporary name beside the target and renamed at the end, so that it is whole or absent.
import { createHash } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { SpecError } from '../../models/base/errors.js'
import { type FileSystem, realFiles, writeFailure } from '../store/atomic.js'
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
}

const sha256 = (content: Uint8Array | string) => createHash('sha256').update(content).digest('hex')
const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`

/** All files of a run, by path; everything but environment.json is a function of trace and configuration. */
export function runFiles(
  result: RunResult,
  info: ManifestInfo,
  extra: ReadonlyMap<string, Uint8Array | string>,
): Map<string, Uint8Array | string> {
  const files = new Map<string, Uint8Array | string>()
  const configurationHash = sha256(JSON.stringify(info.configuration))
  files.set('summary.json', json(summaryOf(result)))
  for (const table of tablesOf(result)) {
    if (table.name === 'layers') files.set('layers.csv', csvOf(table))
    files.set(
      `${table.name}.parquet`,
      parquetOf(table, { schema_version: '1', configuration_sha256: configurationHash }),
    )
  }
  for (const [path, content] of extra) files.set(path, content)
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

export async function checkTarget(target: string, force: boolean): Promise<void> {
  if (!existsSync(target)) return
  if (!force) throw new SpecError(`${target} exists; choose another directory or give --force`)
  const names = readdirSync(target)
  if (names.length > 0 && !names.includes('manifest.json'))
    throw new SpecError(`${target} is no run directory (it holds no manifest.json); --force does not replace it`)
}

/** @throws SpecError when the target exists, or something cannot be written; then nothing is left */
export async function writeRunDirectory(
  target: string,
  result: RunResult,
  info: ManifestInfo,
  extra: ReadonlyMap<string, Uint8Array | string>,
  options: DirectoryOptions,
): Promise<void> {
  const files = options.files ?? realFiles
  const place = resolve(target)
  await checkTarget(place, options.force)
  const temporary = join(dirname(place), `.${basename(place)}.tmp-${process.pid}`)
  const old = join(dirname(place), `.${basename(place)}.old-${process.pid}`)
  try {
    await files.makeFolder(temporary)
    for (const [path, content] of runFiles(result, info, extra)) {
      await files.makeFolder(dirname(join(temporary, path)))
      await files.write(join(temporary, path), content)
    }
    await swap(files, temporary, place, old)
  } catch (cause) {
    await files.remove(temporary).catch(() => {})
    throw writeFailure(place, cause)
  }
}

/** Puts the new directory in place of an old one; if that fails the old one comes back. */
async function swap(files: FileSystem, temporary: string, place: string, old: string): Promise<void> {
  const replaces = await files.exists(place)
  if (replaces) await files.rename(place, old)
  try {
    await files.rename(temporary, place)
  } catch (cause) {
    if (replaces) await files.rename(old, place)
    throw cause
  }
  if (replaces) await files.remove(old)
}
