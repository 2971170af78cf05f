// onnxruntime-node: one session that also gives tensors between the nodes. Single thread, no graph optimisation, so that nothing is fused
// away and two runs on one machine are identical.
import { ModelError, SpecError } from '../../models/base/errors.js'
import { halfToNumber } from '../../models/nn/constant.js'
import { onnx } from '../../models/nn/proto/onnx.js'
import type { Network } from '../../models/nn/types.js'
import type { FetchedTensor, InputArray } from './tensors.js'

export const installHint = 'npm install --ignore-scripts onnxruntime-node@1.30.0'

/** What the package holds libraries for. */
const runtimePlatforms = 'Linux (x64 or arm64, with glibc), macOS (arm64) or Windows (x64 or arm64)'

/** The version that onnxruntime-node is expected to have. */
export const expectedRuntime = installHint.split('@')[1]!

export type Runtime = typeof import('onnxruntime-node')
export type RuntimeSession = Awaited<ReturnType<Runtime['InferenceSession']['create']>>

let used: string | null = null

/** Version of the onnxruntime-node that this process used; null when it used none. */
export function runtimeVersion(): string | null {
  return used
}

export async function loadRuntime(): Promise<Runtime> {
  try {
    const runtime = await import('onnxruntime-node')
    used = runtime.env.versions.node ?? runtime.env.versions.common
    return runtime
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    throw new SpecError(
      code === 'ERR_MODULE_NOT_FOUND'
        ? `running a network needs onnxruntime-node, which is not installed; install it with: ${installHint} (or replay a recorded trace with --trace)`
        : `onnxruntime-node is installed but does not load on ${process.platform} ${process.arch}: ${message.split('\n')[0]}; it needs ${runtimePlatforms}. Recorded traces are replayed without it (--trace)`,
    )
  }
}

/**
 * @param outputs tensors that become outputs of the graph; none of them may be one already
 * @param folder where external data lie; null: nowhere
 */
export async function createSession(
  runtime: Runtime,
  network: Network,
  model: Uint8Array,
  outputs: readonly string[],
  folder: string | null,
): Promise<RuntimeSession> {
  try {
    return await runtime.InferenceSession.create(withOutputs(model, outputs), {
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      graphOptimizationLevel: 'disabled',
      logSeverityLevel: 3,
      ...(folder === null ? {} : { extra: { session: { model_external_initializers_file_folder_path: folder } } }),
    })
  } catch (cause) {
    throw new ModelError(
      `${network.file}: onnxruntime cannot load the model: ${cause instanceof Error ? cause.message : String(cause)}`,
    )
  }
}

/** Appends outputs to a model without touching its bytes: protobuf merges a repeated embedded message field by field. */
function withOutputs(model: Uint8Array, names: readonly string[]): Uint8Array {
  if (names.length === 0) return model
  const tail = onnx.ModelProto.encode({ graph: { output: names.map((name) => ({ name })) } }).finish()
  const bytes = new Uint8Array(model.length + tail.length)
  bytes.set(model)
  bytes.set(tail, model.length)
  return bytes
}

export function feedOf(runtime: Runtime, input: InputArray) {
  return new runtime.Tensor(input.dtype as 'float32', input.data as unknown as Float32Array, input.shape as number[])
}

const plain = new Set(['float32', 'float64', 'uint8', 'int8', 'int32'])

/** Numbers of a tensor. @throws ModelError for types that hold no numbers */
export function fetchedTensor(
  network: Network,
  name: string,
  dtype: string,
  shape: readonly number[],
  data: unknown,
): FetchedTensor {
  if (plain.has(dtype)) return { dtype, shape, data: data as ArrayLike<number> }
  // Bit patterns, or, from Node 24 on, where there is a Float16Array, numbers.
  if (dtype === 'float16')
    return {
      dtype,
      shape,
      data:
        data instanceof Uint16Array ? Float32Array.from(data, halfToNumber) : Float32Array.from(data as Float32Array),
    }
  if (dtype === 'int64') return { dtype, shape, data: Float64Array.from(data as BigInt64Array, Number) }
  throw new ModelError(`${network.file}: tensor "${name}" has element type ${dtype}; expected float or 8-bit integers`)
}

const elementBytes: Readonly<Record<string, number>> = {
  float64: 8,
  int64: 8,
  uint64: 8,
  float16: 2,
  bfloat16: 2,
  int16: 2,
  uint16: 2,
  int8: 1,
  uint8: 1,
  bool: 1,
}

/**
 * Bytes of the outputs of a session, as far as its shapes are known.
 * @param sizes of symbolic dimensions
 */
export function outputBytes(session: RuntimeSession, sizes: ReadonlyMap<string, number>): Map<string, number> {
  const bytes = new Map<string, number>()
  for (const output of session.outputMetadata) {
    if (!output.isTensor) continue
    const dims = output.shape.map((dim) => (typeof dim === 'number' ? dim : sizes.get(dim)))
    const known = dims.every((dim) => dim !== undefined && dim >= 0)
    if (known)
      bytes.set(
        output.name,
        dims.reduce<number>((a, b) => a * b!, elementBytes[output.type] ?? 4),
      )
  }
  return bytes
}
