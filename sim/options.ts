// What a run or a recording is asked to do; filled by the command line, or by a program.
import type { Machine } from './chip/spec.js'

export type VectorChoice =
  | { readonly kind: 'first'; readonly n: number }
  | { readonly kind: 'every'; readonly k: number }

export interface SourceOptions {
  /** ONNX file; null: the embedded network */
  readonly model: string | null
  readonly inputs: string | null
  readonly labels: string | null
  readonly machine: Machine
  /** items to take, from the first; null: all */
  readonly limit: number | null
  readonly signal: AbortSignal
}

export interface RunOptions extends SourceOptions {
  /** recorded trace to replay instead of inputs */
  readonly trace: string | null
  /** layer names or indices, comma-separated; null: all */
  readonly layers: string | null
  readonly vectors: VectorChoice | null
  readonly values: boolean
  readonly kernel: 'wheel' | 'sdsl'
  /** compare with onnxruntime's own results where it is at hand */
  readonly check: boolean
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
