// What a run or a recording is asked to do; filled by the command line, or by a program.
import type { Machine } from './chip/spec.js'

export type VectorChoice =
  | { readonly kind: 'first'; readonly n: number }
  | { readonly kind: 'every'; readonly k: number }

/** Largest number of threads that may be asked for: each holds an engine, and all of them share `memoryBytes`. */
export const mostThreads = 64

export interface SourceOptions {
  /** ONNX file; null: the embedded network */
  readonly model: string | null
  readonly inputs: string | null
  readonly labels: string | null
  /** folder that the paths of described inputs start from; null: what the description says */
  readonly data?: string | null
  readonly machine: Machine
  /** items to take, from the first; null: all */
  readonly limit: number | null
  readonly signal: AbortSignal
}

export interface RunOptions extends SourceOptions {
  /** recorded trace to replay instead of inputs */
  readonly trace: string | null
  /** mapping file with the block permutations; absent or null: the machine's remapper searches */
  readonly mapping?: string | null
  /** layer names or indices, comma-separated; null: all */
  readonly layers: string | null
  readonly vectors: VectorChoice | null
  readonly values: boolean
  /** count conversions by ADC code */
  readonly adcCodes: boolean
  readonly engine: string
  readonly kernel: 'wheel' | 'sdsl'
  readonly kernels: 'auto' | 'wasm' | 'js'
  /** null: as many as the machine has, one for little work */
  readonly threads: number | null
  /** bytes that the working set of a simulation may take */
  readonly memoryBytes: number
  /** items whose layers are compared with onnxruntime's own results when it runs anyway */
  readonly check: 'off' | 'first' | 'all'
  readonly dryRun: boolean
  readonly dumpMapping: boolean
  /** firings per stage and macro in the dump; null: no vectors dumped */
  readonly dumpVectors: number | null
  readonly out: string | null
  readonly force: boolean
  readonly commandLine: readonly string[]
}

export interface RecordOptions extends SourceOptions {
  /** write a packed .npz, made in memory */
  readonly pack: boolean
  readonly out: string
  readonly force: boolean
}

/** A run of the embedded network in which nothing is left out: what a program changes to ask for something else. */
export const runDefaults: Omit<RunOptions, 'machine' | 'signal'> = {
  model: null,
  inputs: null,
  labels: null,
  limit: null,
  trace: null,
  layers: null,
  vectors: null,
  values: true,
  adcCodes: false,
  engine: 'fast',
  kernel: 'wheel',
  kernels: 'auto',
  threads: null,
  memoryBytes: 2 ** 30,
  check: 'first',
  dryRun: false,
  dumpMapping: false,
  dumpVectors: null,
  out: null,
  force: false,
  commandLine: [],
}
