// A run directory that somebody wrote some time: read as untrusted, its files held against the hashes of the manifest.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { SpecError } from '../../models/base/errors.js'
import { readParquet } from './parquet-read.js'

const hash = z.string().regex(/^[0-9a-f]{64}$/)
const map = z.record(z.string(), z.unknown())

const manifestSchema = z.looseObject({
  schema_version: z.literal(1),
  cimulator: z.string().max(100),
  model_sha256: hash,
  trace_sha256: hash,
  engine: z.string().max(100),
  partial: z.string().nullable(),
  request: map,
  configuration: map,
  files: z.record(z.string().max(4096), hash),
})

const environmentSchema = z.looseObject({ paths: map.default({}) })

export type Manifest = z.infer<typeof manifestSchema>

export interface StoredRun {
  readonly folder: string
  readonly manifest: Manifest
  /** `paths` of environment.json: where model, inputs and trace were; empty when there is none */
  readonly paths: Readonly<Record<string, unknown>>
  /** bytes of a file of the run; @throws SpecError when it is missing or not the file that the run wrote */
  read(path: string): Uint8Array
  /** reads every file of the manifest, which is all but manifest.json and environment.json; @throws SpecError, as `read` */
  verify(): void
  json(path: string): unknown
  table(name: string): Promise<Record<string, number | string | null>[]>
}

/** @throws SpecError when it is no run directory */
export function openRun(folder: string): StoredRun {
  const manifest = checked(manifestSchema, readJson(folder, 'manifest.json'), `${folder}: manifest.json`)
  const odd = Object.keys(manifest.files).find(
    (path) => /^[/\\]|^[A-Za-z]:/.test(path) || path.split(/[/\\]/).includes('..'),
  )
  if (odd !== undefined) throw new SpecError(`${folder}: manifest.json: names the file "${odd}" outside the directory`)
  const read = (path: string): Uint8Array => {
    const expected = manifest.files[path]
    if (expected === undefined) throw new SpecError(`${folder}: the run has no ${path}`)
    const bytes = readBytes(folder, path)
    const found = createHash('sha256').update(bytes).digest('hex')
    if (found !== expected)
      throw new SpecError(
        `${folder}: ${path} was changed after the run: sha256 ${found}, the manifest says ${expected}; run it again`,
      )
    return bytes
  }
  return {
    folder,
    manifest,
    paths: pathsOf(folder),
    read,
    verify() {
      for (const path of Object.keys(manifest.files)) read(path)
    },
    json: (path) => parse(read(path), `${folder}: ${path}`),
    async table(name) {
      const bytes = read(`${name}.parquet`)
      const rows = await readParquet(bytes, `${folder}: ${name}.parquet`)
      return rows.map((row) => Object.fromEntries(Object.entries(row).map(([key, cell]) => [key, cellOf(cell)])))
    },
  }
}

function pathsOf(folder: string): Readonly<Record<string, unknown>> {
  try {
    return environmentSchema.parse(readJson(folder, 'environment.json')).paths
  } catch {
    // Only needed to find files again; a run without it is a run.
    return {}
  }
}

function cellOf(cell: unknown): number | string | null {
  if (typeof cell === 'bigint') return Number(cell)
  return typeof cell === 'number' || typeof cell === 'string' ? cell : null
}

function readBytes(folder: string, path: string): Uint8Array {
  try {
    return readFileSync(join(folder, path))
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    throw new SpecError(`${folder}: cannot read ${path} (${code ?? message}); expected a run directory (run --out DIR)`)
  }
}

function readJson(folder: string, path: string): unknown {
  return parse(readBytes(folder, path), `${folder}: ${path}`)
}

function parse(bytes: Uint8Array, what: string): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    throw new SpecError(`${what} is not JSON`)
  }
}

function checked<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]!
  throw new SpecError(`${what}: ${issue.path.join('.')}: ${issue.message}; is this a run of another version?`)
}
