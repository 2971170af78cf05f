// A table as CSV (RFC 4180): quotes only where needed, empty for null.
import type { Cell, Table } from './tables.js'

export function csvOf(table: Table): string {
  const rows = table.columns[0]?.cells.length ?? 0
  const lines = [table.columns.map((column) => column.name).join(',')]
  for (let r = 0; r < rows; r++) lines.push(table.columns.map((column) => field(column.cells[r]!)).join(','))
  return `${lines.join('\n')}\n`
}

function field(cell: Cell): string {
  if (cell === null) return ''
  const text = String(cell)
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
