// Between a source of items and all items at once.
import { type Codes, emptyCodes } from '../../models/nn/quantise.js'
import type { CodedTensor } from '../../models/nn/types.js'
import { codesSha256, traceSha256 } from './header.js'
import { itemsOf, type RecordedItem, type RecordedTrace, type TraceHead, type TraceSource } from './trace.js'

/** @param limit items to take, from the first; null: all */
export async function wholeTrace(
  source: TraceSource,
  limit: number | null = null,
): Promise<{ readonly trace: RecordedTrace; readonly labels: readonly (readonly number[])[] | null }> {
  const { head } = source
  const items = Math.min(head.items, limit ?? head.items)
  const codes = new Map<string, Codes>()
  const predictions = new Int32Array(items)
  const labels: (readonly number[])[] = []
  for await (const item of itemsOf(source, items)) {
    predictions[item.index] = item.prediction
    if (item.labels !== null) labels.push(item.labels)
    for (const [name, tensor] of item.tensors) {
      const all = codes.get(name) ?? emptyCodes(tensor.form, tensor.codes.length * items)
      all.set(tensor.codes, item.index * tensor.codes.length)
      codes.set(name, all)
    }
  }
  const tensors = [...head.tensors].map(([name, tensor]): [string, CodedTensor] => [
    name,
    { ...tensor, codes: codes.get(name)! },
  ])
  return {
    trace: { ...head, items, tensors: new Map(tensors), predictions },
    labels: labels.length === items ? labels : null,
  }
}

/** The items of a trace in memory. @param labels outputs that count as right, per item; null: not known */
export function traceSource(
  trace: RecordedTrace,
  labels: readonly (readonly number[] | null)[] | null = null,
): TraceSource {
  const { predictions, ...rest } = trace
  const head: TraceHead = {
    ...rest,
    tensors: new Map([...trace.tensors].map(([name, { codes: _, ...tensor }]) => [name, tensor])),
  }
  const item = (index: number): RecordedItem => {
    const tensors = [...trace.tensors].map(([name, { codes, ...tensor }]): [string, CodedTensor] => {
      const length = codes.length / trace.items
      return [name, { ...tensor, codes: codes.slice(index * length, (index + 1) * length) }]
    })
    return {
      index,
      tensors: new Map(tensors),
      prediction: predictions[index]!,
      labels: labels?.[index] ?? null,
      codesSha256: codesSha256(tensors.map(([, tensor]) => tensor)),
      inputsSha256: null,
    }
  }
  return {
    head,
    labels: (index) => labels?.[index] ?? null,
    readItem: async (index) => item(index),
    sha256: () =>
      traceSha256(
        head,
        Array.from({ length: trace.items }, (_, index) => item(index)),
      ),
    close: async () => {},
  }
}
