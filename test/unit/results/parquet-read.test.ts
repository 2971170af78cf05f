// Tables that somebody else may have written: rows or a SpecError, whatever the bytes.
import { describe, expect, it } from 'vitest'
import { SpecError } from '../../../models/base/errors.js'
import { parquetOf } from '../../../traces/results/parquet.js'
import { readParquet } from '../../../traces/results/parquet-read.js'

const table = {
  name: 'layers',
  columns: [
    { name: 'layer_index', kind: 'integer', cells: [0, 1, 2] },
    { name: 'op', kind: 'text', cells: ['Conv', 'Conv', 'Gemm'] },
    { name: 'speedup', kind: 'real', cells: [1.5, null, 2] },
  ],
} as unknown as Parameters<typeof parquetOf>[0]
const bytes = parquetOf(table, { schema_version: '1' })

describe('Parquet tables', () => {
  it('are read as they were written', async () => {
    expect(await readParquet(bytes, 'run: layers.parquet')).toEqual([
      { layer_index: 0n, op: 'Conv', speedup: 1.5 },
      { layer_index: 1n, op: 'Conv', speedup: null },
      { layer_index: 2n, op: 'Gemm', speedup: 2 },
    ])
  })

  it('with a long number anywhere give rows or a SpecError, in time; what hangs or fails alone is ended', async () => {
    const outcomes = new Map<string, number>()
    for (let at = 4; at < bytes.length - 8; at += 7) {
      const changed = Uint8Array.from(bytes)
      changed.set([255, 255, 255, 255, 7].slice(0, bytes.length - 8 - at), at)
      const outcome = await readParquet(changed, 'run: layers.parquet', 500).then(
        () => 'rows',
        (cause: unknown) => {
          expect(cause).toBeInstanceOf(SpecError)
          expect((cause as Error).message).toMatch(/^run: layers\.parquet is not readable \(/)
          return (cause as Error).message.includes('no end') ? 'ended' : 'refused'
        },
      )
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
    }
    expect(outcomes.get('refused')).toBeGreaterThan(0)
  })

  it.each([
    ['nothing', new Uint8Array(0)],
    ['text', new TextEncoder().encode('layer_index,op\n0,Conv\n')],
    ['a cut file', bytes.slice(0, bytes.length - 20)],
  ])('%s is refused', async (_, given) => {
    await expect(readParquet(given, 'x')).rejects.toThrow(SpecError)
  })
})
