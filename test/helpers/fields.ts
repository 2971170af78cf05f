// A section of a machine description, held against a table of what a user is told about it.
import { expect } from 'vitest'
import type { z } from 'zod'
import { metaOf, rangeOf, shapeOf } from '../../models/config/check.js'

/** Name, range in words, unit. */
export type Row = readonly [name: string, range: string, unit: string]

export function expectFields(schema: z.ZodType, rows: readonly Row[]): void {
  const fields = Object.entries(shapeOf(schema)!)
  const told = fields.map(([name, field]) => [name, rangeOf(field), metaOf(field).unit])
  expect(told.sort()).toEqual([...rows].map((row) => [...row]).sort())
  for (const [name, field] of fields) expect(metaOf(field).description, name).toMatch(/\w+ \w+/)
  const refused = JSON.stringify(schema.safeParse({ never: 1 }).error?.issues)
  expect(refused).toContain('unrecognized_keys')
}
