// What pruning is asked to do, and what it tells.
import type { Finding } from '../../models/sparsity/legality.js'
import type { Overhead } from '../../models/sparsity/overhead.js'
import type { PruneRequest } from '../../models/sparsity/prune.js'
import type { PatternDescription } from '../../models/sparsity/types.js'
import type { Machine } from '../chip/spec.js'

export interface PruneOptions {
  /** ONNX file; null: the embedded network */
  readonly model: string | null
  readonly description: PatternDescription
  readonly machine: Machine
  readonly sparsity: number | null
  readonly criterion: string
  readonly norm: PruneRequest['norm']
  readonly scope: PruneRequest['scope']
  readonly seed: string
  /** layers to prune, names or numbers; null: all but those that are spared by default */
  readonly layers: readonly string[] | null
  readonly skip: readonly string[]
  readonly inputs: string | null
  readonly labels: string | null
  /** folder that the paths of described inputs start from; null: what the description says */
  readonly data: string | null
  readonly limit: number | null
  /** sparsities at which every layer is pruned alone; null: no table */
  readonly sensitivity: readonly (number | null)[] | null
  /** file to write; null: none */
  readonly out: string | null
  readonly force: boolean
  readonly signal: AbortSignal
}

export interface LayerReport {
  readonly index: number
  readonly name: string
  readonly op: string
  readonly rows: number
  readonly cols: number
  readonly matrices: number
  readonly weights: number
  readonly zerosBefore: number
  readonly zerosAfter: number
  /** zeros that the pattern put there, or accounts for */
  readonly masked: number
  /** why the layer was left alone; null: it was pruned */
  readonly spared: string | null
  readonly overhead: Overhead
}

/** Right answers among the items; labels missing: null. `agree`: same class as the network before pruning. */
export interface Score {
  readonly correct: number | null
  readonly agree: number
}

export interface SensitivityRow {
  readonly layer: string
  readonly index: number
  /** asked for; null: what the pattern fixes */
  readonly target: number | null
  readonly zeros: number
  readonly weights: number
  readonly score: Score | null
  /** why the layer cannot be pruned alone; null: it can */
  readonly refused: string | null
}

export interface PruneReport {
  readonly file: string
  readonly sha256: string
  readonly machine: string
  readonly description: PatternDescription
  readonly findings: readonly Finding[]
  readonly target: number | null
  readonly layers: readonly LayerReport[]
  readonly items: number
  readonly before: Score | null
  readonly after: Score | null
  readonly sensitivity: readonly SensitivityRow[]
  readonly bytes: Uint8Array
}
