// A section of a machine description, held against a table of what a user is told about it.
import { expect } from 'vitest'
import type { z } from 'zod'
import { metaOf, rangeOf, shapeOf } from '../../models/config/check.js'

/** Name, range in words, unit. */
export type Row = readonly [name: string, range: string, unit: string]

/** The rows hold; every field says what it is; unknown ones are refused. */
export function expectFields(schema: z.ZodType, rows: readonly Row[]): void {
  const shape = shapeOf(schema)!
  const told = rows.map(([name]): Row => [name, rangeOf(shape[name]!), metaOf(shape[name]!).unit])
  expect(told).toEqual(rows)
  for (const [name, field] of Object.entries(shape)) expect(metaOf(field).description, name).toMatch(/\w+ \w+/)
  const refused = JSON.stringify(schema.safeParse({ never: 1 }).error?.issues)
  expect(refused).toContain('unrecognized_keys')
}
