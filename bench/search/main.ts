// npm run search [-- NAME] [-- --write]: how good the searches are, on the networks of the data folder; tables trained, tiles, optimum, equal. --write
// puts them into docs/mapping.md.
import { readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { packageRoot } from '../../models/base/paths.js'
import { type SearchPool, searchPool } from '../../sim/threads/strips.js'
import { dataFolder } from '../networks/data.js'
import { equalEvaluations, optimum, type Table, tileHeights, trainedMasks } from './tables.js'

if (dataFolder === null) {
  process.stdout.write('skipped: CIMULATOR_DATA not set\n')
  process.exit(0)
}

const measures: readonly (readonly [string, (pool: SearchPool) => Promise<Table>])[] = [
  ['trained', trainedMasks],
  ['tiles', tileHeights],
  ['optimum', optimum],
  ['equal', equalEvaluations],
]
const filter = process.argv.slice(2).find((arg) => !arg.startsWith('-')) ?? ''
const pool = searchPool(Math.max(1, availableParallelism() - 1))
for (const [name, measure] of measures.filter(([entry]) => entry.includes(filter))) {
  const table = await measure(pool)
  const text = markdown(table)
  process.stdout.write(`${text}\n`)
  for (const failure of table.failures) process.stderr.write(`search: FAILED ${name}: ${failure}\n`)
  if (table.failures.length > 0) process.exitCode = 1
  if (process.argv.includes('--write')) writePage(name, text)
}
await pool.close()

function markdown({ title, text, rows }: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const [head, ...body] = rows
  return [
    `### ${title}`,
    '',
    text,
    '',
    line(head!),
    line(head!.map((_, i) => (i === 0 ? '---' : '---:'))),
    ...body.map(line),
    '',
  ].join('\n')
}

function writePage(name: string, table: string): void {
  const page = join(packageRoot(), 'docs', 'mapping.md')
  const text = readFileSync(page, 'utf8')
  const begin = `<!-- search ${name} -->`
  const [head, rest] = text.split(begin)
  const end = rest?.indexOf('<!-- end -->') ?? -1
  if (end < 0) throw new Error(`${page}: no place for the table (${begin} … <!-- end -->)`)
  writeFileSync(page, `${head}${begin}\n${table}${rest!.slice(end)}`)
}
