// A model in memory, all the way: recorded, its layers' integer products compared with what onnxruntime gives for the layers, and run.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { im2col, integerProduct, outputIndex, resolveLayer } from '../../models/nn/lower.js'
import { loadNetwork } from '../../models/nn/network.js'
import { quantiseWeights } from '../../models/nn/quantise.js'
import { layerTensor, realResults, representable } from '../../models/nn/results.js'
import type { Layer, Network } from '../../models/nn/types.js'
import type { Machine } from '../../sim/chip/spec.js'
import { runDefaults } from '../../sim/options.js'
import { silent } from '../../sim/progress.js'
import { runSimulation } from '../../sim/run.js'
import { recordedTensors, recordTrace } from '../../traces/record/record.js'
import { type InputItem, openSession } from '../../traces/record/session.js'
import type { RecordedTrace } from '../../traces/record/trace.js'
import { traceSource } from '../../traces/record/whole.js'
import type { RunResult } from '../../traces/results/result.js'
import { writeTraceFile } from '../../traces/store/trace-file.js'
import { machine } from './work.js'

export type Signed = Machine['input']['signed']

export interface LayerComparison {
  readonly layer: Layer
  /** results of all items, in the order of the output tensor: the integer product in real numbers, limited to what the tensor can hold */
  readonly ours: Float64Array
  /** onnxruntime's */
  readonly theirs: Float64Array
}

export interface FormCheck {
  readonly network: Network
  readonly trace: RecordedTrace
  readonly layers: readonly LayerComparison[]
}

export async function recordAndCompare(bytes: Uint8Array, items: readonly InputItem[], signed: Signed = 'offset') {
  const network = loadNetwork(bytes, 'form.onnx')
  const session = await openSession(network, bytes, recordedTensors(network))
  try {
    const spec = { bitsPerStep: 1, signed, calibration: 'min-max', percentile: 99.9 } as const
    const trace = await recordTrace(network, session, items, spec, () => {})
    const layers: LayerComparison[] = []
    for (const layer of network.layers) {
      const theirs: number[] = []
      const ours: number[] = []
      for (const [i, given] of items.entries()) {
        const fetched = (await session.run(given, [layer.outputTensor])).get(layer.outputTensor)!
        theirs.push(...Array.from(realResults(layer, fetched.data)))
        ours.push(...productOf(layer, trace, i, fetched.data.length))
      }
      layers.push({ layer, ours: Float64Array.from(ours), theirs: Float64Array.from(theirs) })
    }
    return { network, trace, layers }
  } finally {
    await session.release()
  }
}

function productOf(layer: Layer, trace: RecordedTrace, i: number, length: number): Float64Array {
  const tensor = layerTensor(trace.tensors, layer)!
  const resolved = resolveLayer(layer, tensor.shape)
  const spec = { encoding: 'differential', scale: 'per-channel', rowOrder: 'channel-major' } as const
  const weights = quantiseWeights(layer, spec, 'separate')
  const at = outputIndex(layer, resolved, tensor.shape)
  // A result that is never written stays NaN and is seen.
  const out = new Float64Array(length).fill(Number.NaN)
  for (const [g, matrix] of weights.matrices.entries()) {
    const y = integerProduct(matrix, im2col(layer, resolved, tensor, i, g, spec.rowOrder))
    for (let v = 0; v < resolved.vectors; v++) {
      for (let c = 0; c < resolved.cols; c++) {
        const o = g * resolved.cols + c
        const real = y[v * resolved.cols + c]! * tensor.scale * weights.scale[o]! + (layer.bias?.[o] ?? 0)
        out[at(g, v, c)] = representable(layer, real)
      }
    }
  }
  return out
}

/** Largest difference of a comparison, in units of `unit`. */
export function worst(check: LayerComparison, unit = 1): number {
  let most = 0
  for (const [i, value] of check.ours.entries()) {
    const off = Math.abs(value - check.theirs[i]!) / unit
    if (!(off <= most)) most = Number.isNaN(off) ? Number.POSITIVE_INFINITY : off
  }
  return most
}

/** The same model through `run`, from its trace: every result is compared with the integer product there. */
export async function runForm(
  bytes: Uint8Array,
  trace: RecordedTrace,
  signed: Signed = 'offset',
  engine = 'event',
): Promise<RunResult> {
  const folder = mkdtempSync(join(tmpdir(), 'cimulator-form-'))
  try {
    writeFileSync(join(folder, 'form.onnx'), bytes)
    await writeTraceFile(join(folder, 'trace.npz'), traceSource(trace), { force: false })
    const outcome = await runSimulation(
      {
        ...runDefaults,
        model: join(folder, 'form.onnx'),
        trace: join(folder, 'trace.npz'),
        machine: machine({ input: { bitsPerStep: 1, signed } }),
        engine,
        signal: new AbortController().signal,
      },
      silent,
    )
    return outcome.result!
  } finally {
    rmSync(folder, { recursive: true })
  }
}
