// A table without lines for the terminal. Texts may come from files: no control characters of theirs get through.
import CliTable from 'cli-table3'

const edges = ['top', 'bottom', 'left', 'right'] as const
const blank = Object.fromEntries(
  [
    'mid',
    ...edges,
    ...edges.map((edge) => `${edge}-mid`),
    'mid-mid',
    'top-left',
    'top-right',
    'bottom-left',
    'bottom-right',
  ].map((name) => [name, '']),
)

/** @param right columns (from 0) that are aligned to the right: numbers */
export function plainTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly number[] = [],
): string {
  const table = new CliTable({
    head: [...head],
    style: { head: [], border: [], compact: true, 'padding-left': 0, 'padding-right': 0 },
    colAligns: head.map((_, i) => (right.includes(i) ? 'right' : 'left')),
    chars: { ...blank, middle: '  ' },
  })
  for (const row of rows) table.push(row.map(printable))
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
}

export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, '?')
}
