// zod's complaints → sentences with position, range, unit and a near name.
import { z } from 'zod'
import { nearest } from '../base/registry.js'

/** Where the value at a path came from: "file:line:col", or "--set a.b". */
export type Locate = (path: readonly PropertyKey[], key: boolean) => string

/** Every complaint about the data, one a line, in the order of their places; empty when it fits. */
export function complaints(schema: z.ZodType, data: unknown, locate: Locate): string[] {
  const parsed = schema.safeParse(data)
  if (parsed.success) return []
  return byPlace(parsed.error.issues.flatMap((issue) => describeIssue(schema, data, issue, locate)))
}

/** Lines that begin with "file:line:col", file by file as they come, from top to bottom; what has no place stays behind, in its order. */
export function byPlace(lines: readonly string[]): string[] {
  const placed = lines.map((text) => {
    const match = /^(.+?):(\d+):(\d+) /.exec(text)
    return { text, file: match?.[1] ?? '', line: Number(match?.[2] ?? 0), column: Number(match?.[3] ?? 0) }
  })
  const files = [...new Set(placed.map(({ file }) => file))].sort((a, b) => Number(a === '') - Number(b === ''))
  return placed
    .sort((a, b) => files.indexOf(a.file) - files.indexOf(b.file) || a.line - b.line || a.column - b.column)
    .map(({ text }) => text)
}

function describeIssue(schema: z.ZodType, data: unknown, issue: z.core.$ZodIssue, locate: Locate): string[] {
  if (issue.code === 'unrecognized_keys') {
    const known = Object.keys(shapeAt(schema, issue.path) ?? {})
    return issue.keys.map((key) => {
      const near = nearest(key, known)
      const hint = near === null ? ` Known here: ${known.join(', ')}.` : ` Did you mean "${near}"?`
      return `${locate([...issue.path, key], true)} ${[...issue.path, key].join('.')}: unknown field.${hint}`
    })
  }
  const path = issue.path.join('.')
  const value = valueAt(data, issue.path)
  const field = fieldAt(schema, issue.path)
  // Inside a choice of shapes there is no one field: then the library's own words, such as "Too small: …".
  if (field === null) return [`${locate(issue.path, false)} ${path}: ${issue.message}, got ${JSON.stringify(value)}`]
  const expected = expectation(field)
  if (value === undefined) return [`${locate(issue.path.slice(0, -1), false)} ${path}: missing; expected ${expected}`]
  return [
    `${locate(issue.path, false)} ${path}: expected ${expected}, got ${JSON.stringify(value)}${choiceHint(issue, value)}`,
  ]
}

function choiceHint(issue: z.core.$ZodIssue, value: unknown): string {
  if (issue.code !== 'invalid_value' || typeof value !== 'string') return ''
  const near = nearest(value, issue.values.map(String))
  return near === null ? '' : `. Did you mean "${near}"?`
}

export function valueAt(data: unknown, path: readonly PropertyKey[]): unknown {
  let at = data
  for (const step of path)
    at = typeof at === 'object' && at !== null ? (at as Record<PropertyKey, unknown>)[step] : undefined
  return at
}

/** The schema of the field at a path, wrappers such as defaults removed. */
export function fieldAt(schema: z.ZodType, path: readonly PropertyKey[]): z.ZodType | null {
  let at: z.ZodType | null = schema
  for (const step of path) at = at === null ? null : childOf(at, String(step))
  return at
}

/** The schema of one field of a map, of every value of a map with free keys, or of every element of a list. */
function childOf(schema: z.ZodType, key: string): z.ZodType | null {
  const bare = unwrap(schema)
  if (bare instanceof z.ZodRecord) return bare.valueType as z.ZodType
  if (bare instanceof z.ZodArray) return bare.element as z.ZodType
  return shapeOf(bare)?.[key] ?? null
}

function shapeAt(schema: z.ZodType, path: readonly PropertyKey[]): Record<string, z.ZodType> | null {
  const field = fieldAt(schema, path)
  return field === null ? null : shapeOf(field)
}

export function shapeOf(schema: z.ZodType): Record<string, z.ZodType> | null {
  const bare = unwrap(schema)
  return bare instanceof z.ZodObject ? (bare.shape as Record<string, z.ZodType>) : null
}

/** A field without its default and optional wrappers. */
export function unwrap(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodOptional) return unwrap(schema.unwrap() as z.ZodType)
  return schema
}

/** Text and unit of a field, wherever in its wrappers they stand. */
export function metaOf(schema: z.ZodType): { readonly description: string; readonly unit: string } {
  const meta =
    schema.meta() ??
    (schema instanceof z.ZodDefault || schema instanceof z.ZodOptional
      ? metaOf(schema.unwrap() as z.ZodType)
      : undefined)
  return { description: String(meta?.['description'] ?? ''), unit: String(meta?.['unit'] ?? '') }
}

/** Range of a field in words: "a whole number 1 … 4096 (word line)". */
export function rangeOf(schema: z.ZodType): string {
  const bare = unwrap(schema)
  if (bare instanceof z.ZodUnion) return (bare.options as z.ZodType[]).map(rangeOf).join(' or ')
  if (bare instanceof z.ZodLiteral) return `"${[...bare.values].join('" or "')}"`
  if (bare instanceof z.ZodEnum) return (bare.options as string[]).map((option) => `"${option}"`).join(', ')
  if (bare instanceof z.ZodBoolean) return 'true or false'
  if (bare instanceof z.ZodNumber)
    return `${bare.isInt ? 'a whole number' : 'a number'} ${bare.minValue} … ${bare.maxValue}`
  if (bare instanceof z.ZodString) return 'text'
  if (bare instanceof z.ZodArray) return `a list (each ${rangeOf(bare.element as z.ZodType)})`
  if (bare instanceof z.ZodObject || bare instanceof z.ZodRecord) return 'a map of fields'
  return metaOf(bare).description || 'a value'
}

function expectation(field: z.ZodType): string {
  const { unit } = metaOf(field)
  return `${rangeOf(field)}${unit === '' ? '' : ` (${unit})`}`
}
