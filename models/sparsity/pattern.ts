// A pattern description: at most two block patterns, from YAML or by name.
import { SpecError } from '../base/errors.js'
import { unknownName } from '../base/registry.js'
import { complaints } from '../config/check.js'
import { type ConfigDocument, readDocument } from '../config/document.js'
import { patternKinds } from './kinds/index.js'
import { namedPatterns } from './named.js'
import type { Pattern, PatternDescription } from './types.js'

/** CIMinus composes at most two block patterns: more would cost more routing and index memory than they save. */
export const mostPatterns = 2

const known = ['name', 'description', 'patterns']

/**
 * @param source name of a pattern (`row-block`, `2:4`), or path of a YAML file
 * @throws SpecError with file, line and column
 */
export function loadPattern(source: string): PatternDescription {
  const isFile = source.includes('/') || source.includes('\\') || /\.ya?ml$/.test(source)
  return isFile ? readPattern(readDocument(source)) : patternOf(source)
}

/** @throws SpecError for a name that no pattern has */
export function patternOf(name: string): PatternDescription {
  const nm = /^([1-9]\d{0,3}):([1-9]\d{0,3})$/.exec(name)
  const fields = nm === null ? namedPatterns.get(name) : nmFields(Number(nm[1]), Number(nm[2]))
  if (fields === undefined)
    throw new SpecError(
      `${unknownName('pattern', name, [...namedPatterns.keys(), '2:4'])} N:M is any two numbers; a file of your own needs the ending .yaml.`,
    )
  const data = { name, ...fields }
  return readPattern({ file: `pattern ${name}`, data, position: () => `pattern ${name}` })
}

function nmFields(n: number, m: number) {
  return {
    description: `in every ${m} consecutive rows of an output ${n} weights survive`,
    patterns: [{ kind: 'intra-block', rows: m, cols: 1, keep: n }],
  }
}

export function readPattern(document: ConfigDocument): PatternDescription {
  const { data, file } = document
  const odd = Object.keys(data).find((key) => !known.includes(key))
  if (odd !== undefined) throw new SpecError(`${document.position([odd], true)} ${unknownName('field', odd, known)}`)
  for (const key of ['name', 'description']) {
    if (data[key] !== undefined && typeof data[key] !== 'string')
      throw new SpecError(`${document.position([key])} ${key}: expected text, got ${JSON.stringify(data[key])}`)
  }
  const list = data['patterns']
  if (!Array.isArray(list) || list.length < 1 || list.length > mostPatterns) {
    const got = Array.isArray(list) ? `${list.length} patterns` : JSON.stringify(list)
    throw new SpecError(
      `${document.position(['patterns'])} patterns: expected a list of 1 or ${mostPatterns} block patterns, got ${got}`,
    )
  }
  const patterns = list.map((fields, i) => readOne(document, fields, ['patterns', i]))
  const open = patterns.filter((pattern) => pattern.share === null)
  if (open.length > 1)
    throw new SpecError(
      `${document.position(['patterns'])} both patterns leave their sparsity open; give one of them a sparsity, so that the target decides the other`,
    )
  if (patterns.length > 1 && patterns.every((pattern) => pattern.keep !== null))
    throw new SpecError(
      `${document.position(['patterns'])} two intra-block patterns; one of the two must drop blocks whole (full-block)`,
    )
  return { name: String(data['name'] ?? file), description: String(data['description'] ?? ''), patterns }
}

function readOne(document: ConfigDocument, fields: unknown, path: readonly PropertyKey[]): Pattern {
  const at = document.position(path)
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields))
    throw new SpecError(`${at} patterns: expected a map with a kind, got ${JSON.stringify(fields)}`)
  const name = (fields as Record<string, unknown>)['kind']
  if (typeof name !== 'string')
    throw new SpecError(`${at} kind: missing; expected one of ${patternKinds.all.map((kind) => kind.name).join(', ')}`)
  if (!patternKinds.all.some((kind) => kind.name === name)) {
    const names = patternKinds.all.map((kind) => kind.name)
    throw new SpecError(`${document.position([...path, 'kind'])} ${unknownName('pattern kind', name, names)}`)
  }
  const kind = patternKinds.get(name)
  const problems = complaints(kind.schema, fields, (inner, key) => document.position([...path, ...inner], key))
  if (problems.length > 0) throw new SpecError(problems.join('\n'))
  const pattern = kind.read(fields)
  if ('complaint' in pattern) throw new SpecError(`${at} ${name}: ${pattern.complaint}`)
  return pattern
}

/** Sparsity that a description fixes by itself, ragged edges left aside; null where the target decides. */
export function fixedSparsity(description: PatternDescription): number | null {
  if (description.patterns.some((pattern) => pattern.share === null)) return null
  return 1 - description.patterns.reduce((kept, pattern) => kept * (1 - pattern.share!), 1)
}
