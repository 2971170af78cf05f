// A machine description in layers: presets and files that extend one another, then --set; every leaf remembers where it came from.
import { existsSync, readdirSync } from 'node:fs'
import { basename, dirname, isAbsolute, join } from 'node:path'
import { parse } from 'yaml'
import type { z } from 'zod'
import { SpecError } from '../base/errors.js'
import { packageRoot } from '../base/paths.js'
import { nearest, unknownName } from '../base/registry.js'
import { complaints, fieldAt, shapeOf, valueAt } from './check.js'
import { type ConfigDocument, type Plain, readDocument } from './document.js'

export interface Layered {
  readonly data: Plain
  /** "file:line:col" or "--set path=value" of a value or its nearest given parent */
  locate(path: readonly PropertyKey[], key?: boolean): string
  /** where a value comes from: as `locate`, or "default" where nothing gives it */
  origin(path: readonly PropertyKey[]): string
}

export function presetFolder(): string {
  return join(packageRoot(), 'models', 'presets')
}

export function presetNames(): string[] {
  return readdirSync(presetFolder())
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => name.slice(0, -5))
    .sort()
}

/** @param arch preset name, path of a YAML file, or the fields themselves; @param sets "path=value" */
export function loadLayers(arch: string | Plain, sets: readonly string[], schema: z.ZodType): Layered {
  const documents = typeof arch === 'string' ? chain(findFile(arch, process.cwd()), []) : [inMemory(arch)]
  let data: Plain = {}
  for (const document of documents) data = withoutStaleSources(data, merge(data, document.data), document.data)
  delete data['extends']
  const overrides = sets.map((set) => parseSet(set, schema))
  for (const override of overrides) {
    const patch = nest(override.path, override.value)
    data = withoutStaleSources(data, merge(data, patch), patch)
  }
  const locate = (path: readonly PropertyKey[], key = false): string => {
    const set = overrides.findLast(
      (o) => o.path.every((step, i) => i >= path.length || step === String(path[i])) && o.path.length <= path.length,
    )
    if (set !== undefined) return `--set ${set.text}`
    const document = documents.findLast((d) => valueAt(d.data, path) !== undefined) ?? documents.at(-1)!
    return document.position(path, key)
  }
  const problems = complaints(schema, data, locate)
  if (problems.length > 0) throw new SpecError(problems.join('\n'))
  const given = (path: readonly PropertyKey[]) => valueAt(data, path) !== undefined
  return { data, locate, origin: (path) => (given(path) ? locate(path) : 'default') }
}

/** A value that is changed loses the source that the old one had, unless the change brings a source of its own. */
function withoutStaleSources(before: Plain, after: Plain, patch: Plain): Plain {
  const old = before['sources']
  const sources = after['sources']
  if (!isPlain(old) || !isPlain(sources)) return after
  const fresh = isPlain(patch['sources']) ? patch['sources'] : {}
  const stale = (name: string) => {
    const path = name.split('.')
    return (
      name in old && !(name in fresh) && JSON.stringify(valueAt(before, path)) !== JSON.stringify(valueAt(after, path))
    )
  }
  return { ...after, sources: Object.fromEntries(Object.entries(sources).filter(([name]) => !stale(name))) }
}

/** What a program gives has no position in a file. */
function inMemory(data: Plain): ConfigDocument {
  return { file: 'machine', data, position: () => 'machine:' }
}

function findFile(arch: string, folder: string): string {
  const isFile = arch.includes('/') || arch.includes('\\') || arch.endsWith('.yaml') || arch.endsWith('.yml')
  if (isFile) return isAbsolute(arch) ? arch : join(folder, arch)
  const file = join(presetFolder(), `${basename(arch)}.yaml`)
  if (!existsSync(file))
    throw new SpecError(`${unknownName('machine', arch, presetNames())} A file of your own needs the ending .yaml.`)
  return file
}

/** The document and those it extends, base first. */
function chain(file: string, seen: readonly string[]): ConfigDocument[] {
  if (seen.includes(file))
    throw new SpecError(`${[...seen, file].join(' extends ')}: the files extend one another in a circle`)
  const document = readDocument(file)
  const base = document.data['extends']
  if (base === undefined) return [document]
  if (typeof base !== 'string')
    throw new SpecError(
      `${document.position(['extends'])} extends: expected the name of a preset or a file, got ${JSON.stringify(base)}`,
    )
  return [...chain(findFile(base, dirname(file)), [...seen, file]), document]
}

/** Maps are merged, everything else is replaced (RFC 7396 without deletion). */
function merge(base: Plain, patch: Plain): Plain {
  const merged: Plain = { ...base }
  for (const [key, value] of Object.entries(patch)) {
    const old = merged[key]
    merged[key] = isPlain(old) && isPlain(value) ? merge(old, value) : value
  }
  return merged
}

function isPlain(value: unknown): value is Plain {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

interface Override {
  readonly path: readonly string[]
  readonly value: unknown
  readonly text: string
}

function parseSet(text: string, schema: z.ZodType): Override {
  const split = text.indexOf('=')
  if (split < 1) throw new SpecError(`--set ${text}: expected path=value, for example --set ou.rows=8`)
  const path = text.slice(0, split).trim().split('.')
  for (let depth = 1; depth <= path.length; depth++) {
    if (fieldAt(schema, path.slice(0, depth)) !== null) continue
    const parent = fieldAt(schema, path.slice(0, depth - 1))
    const known = Object.keys((parent === null ? null : shapeOf(parent)) ?? {})
    const near = nearest(path[depth - 1]!, known)
    const prefix = path
      .slice(0, depth - 1)
      .map((step) => `${step}.`)
      .join('')
    throw new SpecError(
      `--set ${text}: unknown field "${path.slice(0, depth).join('.')}".${near === null ? ` Known: ${known.join(', ')}.` : ` Did you mean "${prefix}${near}"?`}`,
    )
  }
  try {
    return { path, value: parse(text.slice(split + 1), { prettyErrors: false }) as unknown, text }
  } catch (cause) {
    throw new SpecError(
      `--set ${text}: the value is not YAML (${cause instanceof Error ? cause.message : String(cause)})`,
    )
  }
}

function nest(path: readonly string[], value: unknown): Plain {
  return path.reduceRight<unknown>((inner, step) => ({ [step]: inner }), value) as Plain
}
