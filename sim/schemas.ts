// The files that people write, as JSON Schema (draft 7): for editors, and for programs that make such files. Made from the schemas that
// check the files; rules across fields are not in them. The written copies in schema/ are held equal by a test (npm run schema).
import { z } from 'zod'
import { type Named, registry } from '../models/base/registry.js'
import { patternKinds } from '../models/sparsity/kinds/index.js'
import { mostPatterns } from '../models/sparsity/pattern.js'
import { inputsSchema } from '../traces/inputs/spec.js'
import { machineSchema } from './chip/spec.js'

type Json = { [key: string]: unknown }

export interface FileSchema extends Named {
  build(): Json
}

const draft = 'http://json-schema.org/draft-07/schema#'

/** A file may extend another one, and then it may leave everything out. */
const machine: FileSchema = {
  name: 'machine',
  doc: 'a machine description (--arch FILE.yaml)',
  build() {
    const complete = jsonOf(machineSchema)
    const parent = {
      type: 'string',
      description: 'preset or file that this one builds on; what is left out comes from there',
    }
    const withParent = { ...complete, properties: { extends: parent, ...(complete['properties'] as Json) } }
    const { required, ...open } = withParent as Json
    return titled('cimulator machine', {
      ...open,
      // Every field is described once, without `required`; what must be there stands below, for files that extend nothing.
      properties: withoutRequired(withParent.properties),
      if: { not: { required: ['extends'] } },
      // biome-ignore lint/suspicious/noThenProperty: the keyword of JSON Schema
      then: requirements({ ...complete, required }),
    })
  },
}

const inputs: FileSchema = {
  name: 'inputs',
  doc: 'a description of inputs (--inputs FILE.yaml)',
  build: () => titled('cimulator inputs', jsonOf(inputsSchema)),
}

const pattern: FileSchema = {
  name: 'pattern',
  doc: 'a pruning pattern (--pattern FILE.yaml)',
  build: () =>
    titled('cimulator pattern', {
      type: 'object',
      properties: {
        name: { type: 'string' },
        description: { type: 'string' },
        patterns: {
          type: 'array',
          minItems: 1,
          maxItems: mostPatterns,
          items: { anyOf: patternKinds.all.map((kind) => ({ ...jsonOf(kind.schema), description: kind.doc })) },
        },
      },
      required: ['patterns'],
      additionalProperties: false,
    }),
}

export const fileSchemas = registry<FileSchema>('schema', [machine, inputs, pattern])

/** The text of schema/NAME.schema.json. */
export function schemaText(name: string): string {
  return `${JSON.stringify(fileSchemas.get(name).build(), null, 2)}\n`
}

function titled(title: string, schema: Json): Json {
  return { $schema: draft, title, ...schema }
}

function jsonOf(schema: z.ZodType): Json {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { io: 'input', target: 'draft-7' })
  return withUnits(json) as Json
}

/** `unit` is no word of JSON Schema: it goes into the description. */
function withUnits(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withUnits)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(([key, part]) => [key, withUnits(part)] as const)
  const { unit, ...rest } = Object.fromEntries(entries) as Json
  // A field may be called "unit": then it is a schema, not a text.
  if (typeof unit !== 'string') return unit === undefined ? rest : { ...rest, unit }
  return unit === '' ? rest : { ...rest, description: `${String(rest['description'] ?? '')} [${unit}]`.trim() }
}

function withoutRequired(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutRequired)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).filter(([key, part]) => !(key === 'required' && Array.isArray(part)))
  return Object.fromEntries(entries.map(([key, part]) => [key, withoutRequired(part)]))
}

/** Only what must be there: `required` of a schema and of the objects in it. */
function requirements(schema: Json): Json {
  const inner = Object.entries((schema['properties'] ?? {}) as Record<string, Json>)
    .map(([key, part]) => [key, requirements(part)] as const)
    .filter(([, part]) => Object.keys(part).length > 0)
  return {
    ...(schema['required'] === undefined ? {} : { required: schema['required'] }),
    ...(inner.length === 0 ? {} : { properties: Object.fromEntries(inner) }),
  }
}
