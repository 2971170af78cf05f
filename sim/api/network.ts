// Networks and recorded activations for programs.
import { openModel } from '../../models/nn/model-file.js'
import type { Network } from '../../models/nn/types.js'
import type { ItemFacts, RecordedItem, TraceHead } from '../../traces/record/trace.js'
import { openTrace as openTraceFile } from '../../traces/store/trace-file.js'
import { silent } from '../progress.js'
import { recordToFile } from '../run.js'
import { embeddedFile } from '../source.js'
import { type RecordRequest, recordOptions } from './request.js'

/**
 * The layers of an ONNX network that multiply activations by constant weights, in graph order, as plain data. Weights are the model's own
 * numbers; a machine makes integers of them.
 * @param file ONNX file; absent: the embedded network
 * @throws SpecError when the file cannot be read; ModelError for what is no network or is not supported, naming the node
 */
export function loadNetwork(file: string = embeddedFile('network.onnx')): Network {
  return openModel(file).network
}

export interface Recorded {
  readonly file: string
  readonly items: number
  readonly bytes: number
  /** of the trace: the same for the same network, inputs and input settings of the machine */
  readonly sha256: string
}

/**
 * Runs a network on its inputs in onnxruntime-node and writes the integer activations of every layer to a file. Of the machine only
 * `input.signed`, `input.calibration` and `input.percentile` matter.
 * @throws SpecError for requests, inputs and files that cannot be; ModelError for networks; Interrupted
 */
export async function record(request: RecordRequest): Promise<Recorded> {
  const { head, sha256, bytes } = await recordToFile(recordOptions(request), request.progress ?? silent)
  return { file: request.out, items: head.items, bytes, sha256 }
}

/** A recorded trace, open for reading. */
export interface Trace {
  readonly head: TraceHead
  /** what is known of every item without reading its codes: prediction, labels, hashes */
  readonly items: readonly ItemFacts[]
  /** Codes of one item, its hash checked. @param index 0 … head.items − 1; @throws SpecError for a damaged file */
  readItem(index: number): Promise<RecordedItem>
  /** SHA-256 of the trace, lower-case hexadecimal */
  sha256(): string
  close(): Promise<void>
}

/**
 * @param file trace of `record` or `cimulator record` (.npz, .safetensors); absent: the trace of the embedded network
 * @throws SpecError naming file and entry for anything that no recording wrote
 */
export async function openTrace(file: string = embeddedFile('trace.npz')): Promise<Trace> {
  const { head, items, readItem, sha256, close } = await openTraceFile(file)
  return { head, items, readItem, sha256, close }
}
