// Small traces in memory, as a source of items.
import { readFileSync, writeFileSync } from 'node:fs'
import type { CodedTensor } from '../../models/nn/types.js'
import { embeddedFile } from '../../sim/source.js'
import { itemsOf, type RecordedItem, type TraceHead, type TraceSource } from '../../traces/record/trace.js'
import { traceSource } from '../../traces/record/whole.js'
import { openTrace, writeTraceFile } from '../../traces/store/trace-file.js'

export type TestTensor = CodedTensor & { readonly name: string }

/** @param tensors codes of all items, one behind the other */
export function sourceOf(
  items: number,
  tensors: readonly TestTensor[],
  change: Partial<Omit<TraceHead, 'tensors' | 'items'>> & {
    readonly labels?: readonly (readonly number[] | null)[]
    readonly predictions?: readonly number[]
  } = {},
): TraceSource {
  const { labels = null, predictions = [], ...rest } = change
  return traceSource(
    {
      modelSha256: '0123456789abcdef'.repeat(4),
      items,
      tensors: new Map(tensors.map(({ name, ...tensor }) => [name, tensor])),
      products: [],
      predictions: Int32Array.from({ length: items }, (_, i) => predictions[i] ?? 0),
      settings: { signed: 'offset', calibration: 'min-max', percentile: 99.9 },
      ...rest,
    },
    labels,
  )
}

export async function allItems(source: TraceSource): Promise<RecordedItem[]> {
  const list: RecordedItem[] = []
  for await (const item of itemsOf(source)) list.push(item)
  return list
}

/** The embedded trace, written to `file` with one code of an item changed. */
export async function damagedTrace(file: string, item: number): Promise<void> {
  const whole = await openTrace(embeddedFile('trace.npz'))
  await writeTraceFile(file, whole, { force: false })
  await whole.close()
  const [shape] = [...whole.head.tensors.values()].map((tensor) => tensor.shape)
  const itemBytes = shape!.reduce((a, b) => a * b, 1)
  const bytes = readFileSync(file)
  // Behind the header of the first entry and that of its array.
  bytes[30 + 'tensor-000.npy'.length + 128 + item * itemBytes + 5]! ^= 1
  writeFileSync(file, bytes)
}
