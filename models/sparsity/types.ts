// The words of pruning: matrices, masks, blocks, patterns. A matrix is the lowered e[R × C]: R = cin·kh·kw rows in the row order of the
// machine, C outputs; the groups of a convolution are separate matrices (docs/sparsity.md).

/** One weight matrix: real numbers, or the integers e. */
export interface SparsityMatrix {
  readonly rows: number
  readonly cols: number
  /** rows of one input channel: kh·kw of a convolution, 1 of a product */
  readonly channelRows: number
  /** rows × cols, row-major */
  readonly values: Float32Array | Int16Array
}

/** rows × cols, row-major: 1 = kept, 0 = pruned. */
export type Mask = Uint8Array

/** The matrices of one layer, one a group. */
export interface PrunableLayer {
  readonly name: string
  readonly matrices: readonly SparsityMatrix[]
}

/** What a pattern may ask of the machine: the sizes that words stand for and that legality is judged by. */
export interface PatternHardware {
  /** β: adjacent outputs that are pruned and shuffled together */
  readonly beta: number
  /** P_WL and P_BL of an operation unit */
  readonly ouRows: number
  readonly ouCols: number
  /** T: weight rows permuted and compressed together */
  readonly tileRows: number | 'all'
  readonly rowOrder: 'channel-major' | 'position-major'
}

export const rowWords = ['all-rows', 'channel', 'ou-rows'] as const
export const colWords = ['all-cols', 'ou-cols', 'beta'] as const
export type RowExtent = number | (typeof rowWords)[number]
export type ColExtent = number | (typeof colWords)[number]

/** One block pattern of a description, as plain data; the functions that go with it stand in the registry under its kind. */
export interface Pattern {
  readonly kind: string
  /** size of a block, m × n */
  readonly rows: RowExtent
  readonly cols: ColExtent
  /** share of the weights that the pattern removes where the description fixes it; null: whatever reaches the target */
  readonly share: number | null
  /** φ: elements that survive in a block; null for patterns that drop blocks whole */
  readonly keep: number | null
  /** masks to choose from, m·n entries each, row-major, 1 = kept; null: every one with φ ones */
  readonly masks: readonly Uint8Array[] | null
}

/** A composition of one or two patterns, applied in order. */
export interface PatternDescription {
  readonly name: string
  readonly description: string
  readonly patterns: readonly Pattern[]
}
