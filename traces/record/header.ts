// The text that stands for a trace: everything but the codes, and a hash of the codes of every item. Its SHA-256 is the SHA-256 of the
// trace, whatever file holds it.
import { createHash } from 'node:crypto'
import type { CodedTensor } from '../../models/nn/types.js'
import type { InputItem } from './session.js'
import type { ItemFacts, TraceHead } from './trace.js'

export const traceVersion = 2

/** Key of the tensor with this position in the head, in files. */
export function tensorKey(position: number): string {
  return `tensor-${String(position).padStart(3, '0')}`
}

/** trace.json: the same bytes for the same trace. It names no tool version, no file and no time. */
export function traceText(head: TraceHead, items: readonly ItemFacts[]): string {
  const { signed, calibration, percentile } = head.settings
  return JSON.stringify({
    schema_version: traceVersion,
    model_sha256: head.modelSha256,
    settings: { signed, calibration, percentile },
    tensors: [...head.tensors].map(([name, tensor], i) => ({
      name,
      key: tensorKey(i),
      form: tensor.form,
      shape: [...tensor.shape],
      scale: tensor.scale,
      zero_point: tensor.zeroPoint,
    })),
    products: head.products.map(({ name, op, shapes, macs }) => ({ name, op, shapes, macs })),
    items: items.map((item) => ({
      prediction: item.prediction,
      labels: item.labels,
      codes_sha256: item.codesSha256,
      inputs_sha256: item.inputsSha256,
    })),
  })
}

/** SHA-256 of `traceText`: what `unzip -p FILE.npz trace.json | sha256sum` prints. */
export function traceSha256(head: TraceHead, items: readonly ItemFacts[]): string {
  return createHash('sha256').update(traceText(head, items)).digest('hex')
}

export function byteView(data: ArrayBufferView): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
}

export function codesSha256(tensors: Iterable<Pick<CodedTensor, 'codes'>>): string {
  const hash = createHash('sha256')
  for (const { codes } of tensors) hash.update(byteView(codes))
  return hash.digest('hex')
}

/** Names, types, shapes and values of an item, in the order of the names. */
export function inputSha256(item: InputItem): string {
  const hash = createHash('sha256')
  for (const [name, array] of [...item].sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(JSON.stringify([name, array.dtype, array.shape]))
    hash.update(byteView(array.data))
  }
  return hash.digest('hex')
}
