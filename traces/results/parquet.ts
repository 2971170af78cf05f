// A table as Parquet (hyparquet-writer): INT64 for integers, DOUBLE for reals, strings; schema_version in the key-value metadata.
import { parquetWriteBuffer } from 'hyparquet-writer'
import type { Column, Table } from './tables.js'

const types = { integer: 'INT64', real: 'DOUBLE', text: 'STRING' } as const

export function parquetOf(table: Table, metadata: Readonly<Record<string, string>>): Uint8Array {
  const buffer = parquetWriteBuffer({
    columnData: table.columns.map((column) => ({
      name: column.name,
      type: types[column.kind],
      nullable: true,
      data: cellsOf(column),
    })),
    kvMetadata: Object.entries(metadata).map(([key, value]) => ({ key, value })),
  })
  return new Uint8Array(buffer)
}

function cellsOf(column: Column): (bigint | number | string | null)[] {
  return column.cells.map((cell) => (column.kind === 'integer' && typeof cell === 'number' ? BigInt(cell) : cell))
}
