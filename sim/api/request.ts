// What a program asks for. Everything may be left out; what is there is checked before anything is read.
import { z } from 'zod'
import { SpecError } from '../../models/base/errors.js'
import { complaints } from '../../models/config/check.js'
import { engines } from '../chip/items/index.js'
import type { Machine } from '../chip/spec.js'
import type { RecordOptions, RunOptions, VectorChoice } from '../options.js'
import { mostThreads, runDefaults } from '../options.js'
import type { Progress } from '../progress.js'
import { type Overrides, resolveMachine } from './machine.js'

/** A network, what it is fed, and a machine. File names are relative to the working directory. */
export interface SourceRequest {
  /** ONNX file; absent: the embedded network */
  readonly model?: string | undefined
  /** inputs: a description (.yaml), .npy or .npz; absent, for the embedded network: its own inputs */
  readonly inputs?: string | undefined
  /** JSON list of class numbers, one an item, for inputs in .npy and .npz */
  readonly labels?: string | undefined
  /** folder that the paths of described inputs start from; absent: what the description says */
  readonly data?: string | undefined
  /** preset, YAML file, or what `resolveMachine` gave; absent: wu2024 */
  readonly machine?: string | Machine | undefined
  /** overrides of the machine */
  readonly set?: Overrides | undefined
  /** items to take, from the first; absent: all */
  readonly limit?: number | undefined
  /** stops the work: the promise is rejected with Interrupted */
  readonly signal?: AbortSignal | undefined
  /** is told how far the work is */
  readonly progress?: Progress | undefined
}

export interface RunRequest extends SourceRequest {
  /** recorded trace to replay instead of inputs */
  readonly trace?: string | undefined
  /** mapping file (`cimulator remap`) with the block permutations; absent: the machine's remapper searches */
  readonly mapping?: string | undefined
  /** layers to simulate, by name or by number; absent: all */
  readonly layers?: readonly (string | number)[] | undefined
  /** vectors of every layer: `{ kind: 'first', n }` or `{ kind: 'every', k }`; absent: all */
  readonly vectors?: VectorChoice | undefined
  /** false: timing and energy alone (default true) */
  readonly values?: boolean | undefined
  /** count conversions by ADC code (default false) */
  readonly adcCodes?: boolean | undefined
  /** 'fast' (default) or 'event'; both give the same result */
  readonly engine?: string | undefined
  /** 1 … 64; absent: one a core, one for little work; the result does not depend on it */
  readonly threads?: number | undefined
  /** bytes that the working set may take (default 2^30, at least 2^26) */
  readonly memoryBytes?: number | undefined
  /** items to compare with onnxruntime when it runs anyway (default 'first') */
  readonly check?: RunOptions['check'] | undefined
}

export interface RecordRequest extends SourceRequest {
  /** trace file to write: .npz or .safetensors */
  readonly out: string
  /** replace an existing file (default false) */
  readonly force?: boolean | undefined
  /** packed .npz, made in memory (default false) */
  readonly pack?: boolean | undefined
}

const most = Number.MAX_SAFE_INTEGER
const file = z.string().min(1).optional()
const source = {
  model: file,
  inputs: file,
  labels: file,
  data: file,
  machine: z.union([z.string(), z.record(z.string(), z.unknown())]).optional(),
  set: z.record(z.string(), z.unknown()).optional(),
  limit: z.int().min(1).max(most).optional(),
  signal: z.instanceof(AbortSignal).meta({ description: 'an AbortSignal' }).optional(),
  progress: z.looseObject({}).optional(),
}
const runSchema = z.strictObject({
  ...source,
  trace: file,
  mapping: file,
  layers: z
    .array(z.union([z.string(), z.int().min(0)]))
    .min(1)
    .optional(),
  vectors: z
    .union([
      z.strictObject({ kind: z.literal('first'), n: z.int().min(1) }),
      z.strictObject({ kind: z.literal('every'), k: z.int().min(1) }),
    ])
    .optional(),
  values: z.boolean().optional(),
  adcCodes: z.boolean().optional(),
  engine: z.enum(engines.all.map((engine) => engine.name)).optional(),
  threads: z.int().min(1).max(mostThreads).optional(),
  memoryBytes: z
    .int()
    .min(2 ** 26)
    .max(most)
    .optional(),
  check: z.enum(['off', 'first', 'all']).optional(),
})
const recordSchema = z.strictObject({
  ...source,
  out: z.string().min(1),
  force: z.boolean().optional(),
  pack: z.boolean().optional(),
})

/** @throws SpecError naming unknown and impossible fields of the request, and as `resolveMachine` */
export function runOptions(request: RunRequest): RunOptions {
  check('run', runSchema, request)
  if (request.inputs !== undefined && request.trace !== undefined)
    throw new SpecError('run: inputs and trace: give one of them')
  const { machine: _m, set: _s, layers, progress: _p, ...rest } = request
  return {
    ...runDefaults,
    ...defined(rest),
    ...sourceOptions(request),
    layers: layers?.join(',') ?? null,
  }
}

/** @throws SpecError, as `runOptions` */
export function recordOptions(request: RecordRequest): RecordOptions {
  check('record', recordSchema, request)
  const { out, force = false, pack = false } = request
  return { ...sourceOptions(request), out, force, pack }
}

function sourceOptions(request: SourceRequest) {
  const { model = null, inputs = null, labels = null, data = null, limit = null, signal } = request
  const machine = resolveMachine(request.machine, request.set)
  return { model, inputs, labels, data, limit, machine, signal: signal ?? new AbortController().signal }
}

/** Fields that are there but undefined count as left out. */
function defined<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> }
}

function check(what: string, schema: z.ZodType, request: unknown): void {
  const problems = complaints(schema, request, () => `${what}:`)
  if (problems.length > 0) throw new SpecError(problems.join('\n'))
}
