// cimulator table: a table of a run directory as CSV, for programs that do not read Parquet.

import { SpecError } from '../../models/base/errors.js'
import { unknownName } from '../../models/base/registry.js'
import { csvOf } from '../../traces/results/csv.js'
import { openRun } from '../../traces/results/open.js'
import type { CliCommand } from './context.js'

export const table: CliCommand = {
  name: 'table',
  doc: 'print a table of a run directory as CSV',
  examples: ['cimulator table runs/first energy > energy.csv', 'cimulator table runs/first'],
  configure(command, execute) {
    command
      .argument('<run>', 'run directory')
      .argument('[name]', 'table: layers, stages, actions, energy …; none: the list')
      .action((folder: string, name: string | undefined) =>
        execute(async (context) => {
          const run = openRun(folder)
          const names = Object.keys(run.manifest.files)
            .filter((path) => /^[^/]+\.parquet$/.test(path))
            .map((path) => path.slice(0, -'.parquet'.length))
          if (name === undefined) {
            context.out(names.join('\n'))
            return
          }
          if (!names.includes(name)) throw new SpecError(unknownName(`table of ${folder}`, name, names))
          const rows = await run.table(name)
          if (context.json) context.out(JSON.stringify(rows))
          else context.out(csvOf({ name, columns: columnsOf(rows) }).trimEnd())
        }),
      )
  },
}

function columnsOf(rows: readonly Record<string, number | string | null>[]) {
  return Object.keys(rows[0] ?? {}).map((name) => ({
    name,
    kind: 'text' as const,
    cells: rows.map((row) => row[name]!),
  }))
}
