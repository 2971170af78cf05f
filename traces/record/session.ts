// One onnxruntime-node session that also gives the tensors between the nodes: single thread, no graph optimisation, so that nothing is
// fused away and two runs on one machine are identical.
import { ModelError, SpecError } from '../../models/base/errors.js'
import { unknownName } from '../../models/base/registry.js'
import { halfToNumber } from '../../models/nn/constant.js'
import { onnx } from '../../models/nn/proto/onnx.js'
import type { Network } from '../../models/nn/types.js'

export interface InputArray {
  readonly dtype: string
  readonly shape: readonly number[]
  readonly data: ArrayBufferView & ArrayLike<number | bigint>
}

/** One item: an array for every input of the network. */
export type InputItem = ReadonlyMap<string, InputArray>

export interface FetchedTensor {
  /** as onnxruntime names it: float32, uint8 … */
  readonly dtype: string
  readonly shape: readonly number[]
  readonly data: ArrayLike<number>
}

export interface Session {
  /** Runs one item and gives the named tensors (inputs of the network included). */
  run(item: InputItem, names: readonly string[]): Promise<Map<string, FetchedTensor>>
  release(): Promise<void>
}

export const installHint = 'npm install --ignore-scripts onnxruntime-node@1.30.0'

type Runtime = typeof import('onnxruntime-node')

async function loadRuntime(): Promise<Runtime> {
  try {
    return await import('onnxruntime-node')
  } catch {
    throw new SpecError(
      `running a network needs onnxruntime-node, which is not installed; install it with: ${installHint} (or replay a recorded trace with --trace)`,
    )
  }
}

/** @param names tensors that `run` may be asked for; they become outputs of the graph unless they are inputs or outputs already */
export async function openSession(network: Network, model: Uint8Array, names: readonly string[]): Promise<Session> {
  const runtime = await loadRuntime()
  const given = new Set(network.inputs.map((input) => input.name))
  const present = new Set([...given, ...network.outputs])
  const extra = [...new Set(names)].filter((name) => !present.has(name))
  const session = await createSession(runtime, network, withOutputs(model, extra))
  return {
    async run(item, wanted) {
      checkItem(network, item)
      const feeds = Object.fromEntries(
        network.inputs.map((input) => [input.name, tensorOf(runtime, item.get(input.name)!)]),
      )
      const fetched = new Map<string, FetchedTensor>()
      for (const name of wanted)
        if (given.has(name))
          fetched.set(name, {
            dtype: item.get(name)!.dtype,
            shape: item.get(name)!.shape,
            data: readable(network, name, item.get(name)!.dtype, item.get(name)!.data),
          })
      const outputs = wanted.filter((name) => !given.has(name))
      if (outputs.length === 0) return fetched
      const results = await session.run(feeds, outputs).catch((cause: Error) => {
        throw new ModelError(`${network.file}: onnxruntime could not run the network: ${cause.message}`)
      })
      for (const name of outputs) {
        const tensor = results[name]!
        fetched.set(name, {
          dtype: tensor.type,
          shape: tensor.dims,
          data: readable(network, name, tensor.type, tensor.data),
        })
      }
      return fetched
    },
    release: () => session.release(),
  }
}

const plain = new Set(['float32', 'float64', 'uint8', 'int8', 'int32'])

/** Numbers of a tensor; half precision arrives as bit patterns. @throws ModelError for types that hold no numbers */
function readable(network: Network, name: string, type: string, data: unknown): ArrayLike<number> {
  if (plain.has(type)) return data as ArrayLike<number>
  if (type === 'float16') return Float32Array.from(data as Uint16Array, halfToNumber)
  if (type === 'int64') return Float64Array.from(data as BigInt64Array, Number)
  throw new ModelError(`${network.file}: tensor "${name}" has element type ${type}; expected float or 8-bit integers`)
}

async function createSession(runtime: Runtime, network: Network, bytes: Uint8Array) {
  try {
    return await runtime.InferenceSession.create(bytes, {
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      graphOptimizationLevel: 'disabled',
      logSeverityLevel: 3,
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

function tensorOf(runtime: Runtime, input: InputArray) {
  return new runtime.Tensor(input.dtype as 'float32', input.data as unknown as Float32Array, input.shape as number[])
}

/** @throws SpecError when names, types, shapes or sizes are not those of the network's inputs */
function checkItem(network: Network, item: InputItem): void {
  const known = network.inputs.map((input) => input.name)
  const odd = [...item.keys()].find((name) => !known.includes(name))
  if (odd !== undefined) throw new SpecError(unknownName(`input of ${network.file}`, odd, known))
  for (const input of network.inputs) {
    const array = item.get(input.name)
    if (array === undefined)
      throw new SpecError(
        `no array for input "${input.name}" of ${network.file}; given: ${[...item.keys()].join(', ')}`,
      )
    const fits =
      array.shape.length === input.shape.length &&
      input.shape.every((dim, i) => typeof dim === 'string' || dim === array.shape[i])
    const size = array.shape.reduce((product, dim) => product * dim, 1)
    if (array.data.length !== size) {
      throw new SpecError(
        `input "${input.name}" of ${network.file}: expected ${size} values for shape [${array.shape.join(', ')}], got ${array.data.length}`,
      )
    }
    if (!fits || array.dtype !== input.dtype) {
      throw new SpecError(
        `input "${input.name}" of ${network.file}: expected ${input.dtype} [${input.shape.join(', ')}], got ${array.dtype} [${array.shape.join(', ')}]`,
      )
    }
  }
}
