import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { parquetMetadata, parquetReadObjects } from 'hyparquet'
import { describe, expect, it } from 'vitest'
import { SimFault } from '../../../models/base/errors.js'
import { packageRoot } from '../../../models/base/paths.js'
import { csvOf } from '../../../traces/results/csv.js'
import { parquetOf } from '../../../traces/results/parquet.js'
import { summaryOf } from '../../../traces/results/summary.js'
import { type Table, tablesOf, utilisation } from '../../../traces/results/tables.js'
import { resultOf } from '../../helpers/result.js'

const shapes = fc.record({
  seed: fc.integer(),
  layers: fc.integer({ min: 1, max: 4 }),
  macros: fc.integer({ min: 1, max: 3 }),
  values: fc.boolean(),
})

const arrayBuffer = (bytes: Uint8Array) => Uint8Array.from(bytes).buffer

/** RFC 4180, written apart from the writer. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = []
  const field = /(?:"((?:[^"]|"")*)"|([^",\n]*))(,|\n)/gy
  let row: string[] = []
  for (let match = field.exec(text); match !== null; match = field.exec(text)) {
    row.push(match[1] === undefined ? match[2]! : match[1].replaceAll('""', '"'))
    if (match[3] === '\n') {
      rows.push(row)
      row = []
    }
  }
  return rows
}

const tableNamed = (tables: readonly Table[], name: string) => tables.find((table) => table.name === name)!
const cells = (table: Table, column: string) => table.columns.find((c) => c.name === column)!.cells
const total = (list: readonly unknown[]) => list.reduce<number>((sum, x) => sum + Number(x), 0)

describe('tables', () => {
  it('the sums of the summary are those of the tables', () => {
    fc.assert(
      fc.property(shapes, (shape) => {
        const result = resultOf(shape)
        const tables = tablesOf(result)
        const layers = tableNamed(tables, 'layers')
        const { totals, energy_by_component } = summaryOf(result)
        expect(total(cells(layers, 'cycles'))).toBe(totals.cycles)
        expect(total(cells(layers, 'bound_cycles'))).toBe(totals.bound_cycles)
        expect(total(cells(layers, 'macs'))).toBe(totals.macs)
        expect(total(cells(layers, 'dense_bare_cycles'))).toBe(totals.dense_bare.cycles)
        const energy = tableNamed(tables, 'energy')
        const sum = total(cells(energy, 'dynamic_pj')) + total(cells(energy, 'leakage_pj'))
        expect(sum / totals.energy_pj).toBeCloseTo(1, 12)
        expect(total(energy_by_component.map((row) => row.energy_pj)) / sum).toBeCloseTo(1, 12)
        expect(totals.time_ns).toBe(totals.cycles * 10)
        expect(totals.tops_per_watt! / ((2 * totals.macs) / sum)).toBeCloseTo(1, 12)
      }),
    )
  })

  it('busy + blocked + starved = span in every row of stages', () => {
    fc.assert(
      fc.property(shapes, (shape) => {
        const stages = tableNamed(tablesOf(resultOf(shape)), 'stages')
        const column = (name: string) => cells(stages, name) as number[]
        const [busy, blocked, starved, span] = ['busy', 'blocked', 'starved', 'span'].map((n) => column(`${n}_cycles`))
        expect(span!.length).toBe(shape.layers * shape.macros * 7)
        for (const [i, cycles] of span!.entries()) expect(busy![i]! + blocked![i]! + starved![i]!).toBe(cycles)
      }),
    )
  })

  it('CSV and Parquet hold the same cells', async () => {
    await fc.assert(
      fc.asyncProperty(shapes, async (shape) => {
        for (const table of tablesOf(resultOf(shape))) {
          const rows = parseCsv(csvOf(table))
          const file = arrayBuffer(parquetOf(table, { schema_version: '1' }))
          const objects = await parquetReadObjects({ file })
          expect(rows[0]).toEqual(table.columns.map((c) => c.name))
          expect([rows.length - 1, objects.length]).toEqual([table.columns[0]!.cells.length, rows.length - 1])
          for (const [r, object] of objects.entries()) {
            for (const [c, column] of table.columns.entries()) {
              const cell = column.cells[r]!
              expect(rows[r + 1]![c]).toBe(cell === null ? '' : String(cell))
              expect(object[column.name]).toEqual(column.kind === 'integer' && cell !== null ? BigInt(cell) : cell)
            }
          }
        }
      }),
      { numRuns: 20 },
    )
  })

  it('Parquet: INT64, DOUBLE, UTF8 columns and the metadata', () => {
    const table = tableNamed(tablesOf(resultOf({ seed: 1, layers: 2, macros: 1, values: true })), 'layers')
    const metadata = parquetMetadata(
      arrayBuffer(parquetOf(table, { schema_version: '1', configuration_sha256: 'abc' })),
    )
    const type = (name: string) => metadata.schema.find((element) => element.name === name)?.type
    expect([type('cycles'), type('energy_pj'), type('layer_name')]).toEqual(['INT64', 'DOUBLE', 'BYTE_ARRAY'])
    expect(metadata.key_value_metadata).toEqual(
      expect.arrayContaining([
        { key: 'schema_version', value: '1' },
        { key: 'configuration_sha256', value: 'abc' },
      ]),
    )
  })

  it('a table without rows is still a table', async () => {
    for (const table of tablesOf(resultOf({ seed: 1, layers: 0, macros: 1, values: true }))) {
      expect(csvOf(table).split('\n').length).toBe(2)
      expect(await parquetReadObjects({ file: arrayBuffer(parquetOf(table, {})) })).toEqual([])
    }
  })

  it('what is not finite is null; a broken count is a bug', () => {
    const result = resultOf({ seed: 3, layers: 1, macros: 1, values: false })
    const layer = result.layers[0]!
    const energy = [{ component: 'adc', dynamicPj: Number.NaN, leakagePj: Number.POSITIVE_INFINITY }]
    const tables = tablesOf({ ...result, layers: [{ ...layer, energy }] })
    expect(cells(tableNamed(tables, 'energy'), 'dynamic_pj')).toEqual([null])
    expect(() => tablesOf({ ...result, layers: [{ ...layer, macs: 1.5 }] })).toThrow(SimFault)
  })

  it('docs/results.md names every column, total and statistic', () => {
    const text = readFileSync(join(packageRoot(), 'docs', 'results.md'), 'utf8')
    const result = resultOf({ seed: 1, layers: 1, macros: 1, values: true })
    const names = tablesOf(result).flatMap((table) => table.columns.map((column) => column.name))
    const { totals, statistics } = summaryOf(result)
    const keys = [...names, ...Object.keys(totals), ...Object.keys(statistics!), ...Object.keys(statistics!.cycles)]
    expect(keys.filter((name) => !text.includes(`\`${name}\``))).toEqual([])
  })

  it('utilisation looks at the slowest macro', () => {
    const result = resultOf({ seed: 4, layers: 1, macros: 1, values: false })
    const stage = (busy: number, span: number) => [{ name: 'adc', firings: 1, busy, blocked: 0, starved: span - busy }]
    const macros = [
      { macro: 0, groups: [0], span: 10, stages: stage(10, 10) },
      { macro: 1, groups: [1], span: 40, stages: stage(10, 40) },
    ]
    const layer = { ...result.layers[0]!, timing: { ...result.layers[0]!.timing, macros } }
    expect(utilisation(layer, 'adc')).toBe(0.25)
    expect(utilisation(layer, 'none')).toBe(0)
  })
})
