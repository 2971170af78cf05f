// Where the weights of a layer lie: strips, OU columns, OUs, windows, pieces and array groups (docs/timing.md, section 1).
// Numbering is layer-wide and in the order matrix, tile, strip, OU row, slot, so the OUs of a window, the windows of a piece and the
// pieces of a group are contiguous ranges.
import type { WeightMatrix } from '../nn/types.js'

/** α OU columns over one row tile; one block permutation. */
export interface Strip {
  readonly matrix: number
  readonly tile: number
  /** first weight row of the tile, and its number of rows */
  readonly firstRow: number
  readonly rows: number
  /** first output of the strip, and its number of outputs */
  readonly firstCol: number
  readonly width: number
  /** physical position → logical block */
  readonly perm: Int32Array
  /** OU columns, dropped ones included: slots of the strip */
  readonly slots: number
  readonly firstWindow: number
  readonly endWindow: number
}

/** Consecutive OU rows of a strip that lie together in one array group. */
export interface Piece {
  readonly strip: number
  readonly firstHeight: number
  readonly heights: number
  /** OU columns wide */
  readonly width: number
  readonly group: number
  /** OU row and OU column of its upper left corner in the group */
  readonly row: number
  readonly col: number
  readonly firstWindow: number
}

export interface ArrayGroup {
  readonly firstPiece: number
  readonly endPiece: number
  readonly firstWindow: number
  readonly endWindow: number
}

/** Settings of the Benes network, window by window (docs/mapping.md, section 3). */
export interface Reordering {
  /** switches of the network: bytes of a setting; 0: no network */
  readonly switches: number
  /** one byte a switch, 0 straight or 1 crossed: setting i is settings[i · switches] … */
  readonly settings: Uint8Array
  /** setting under which every OU passes */
  readonly settingOf: Int32Array
  /** settings of window w: firstSetting[w] … firstSetting[w + 1] − 1 */
  readonly firstSetting: Int32Array
}

/** How the row lists are stored (docs/timing.md, section 1, step 12). */
export interface RowLists {
  /** encoding in use; without compression there are no lists, and no bits */
  readonly encoding: 'plain' | 'delta' | 'bitmap'
  /** bits of a gap code, for encoding delta */
  readonly deltaBits: number
  /** bits of every OU's list in that encoding */
  readonly bitsOf: Int32Array
  /** bits of the layer in every encoding */
  readonly totals: { readonly plain: number; readonly delta: number; readonly bitmap: number }
}

export interface Mapping {
  readonly matrices: readonly WeightMatrix[]
  readonly strips: readonly Strip[]
  readonly pieces: readonly Piece[]
  readonly groups: readonly ArrayGroup[]
  readonly ous: number
  /** rows of OU o: rowOf[rowStart[o]] … rowOf[rowStart[o + 1] − 1], rows of the matrix */
  readonly rowStart: Int32Array
  readonly rowOf: Int32Array
  readonly rowLists: RowLists
  /** outputs of OU o: colOf[colStart[o]] …, columns of the matrix in slot order */
  readonly colStart: Int32Array
  readonly colOf: Int32Array
  readonly stripOf: Int32Array
  /** OU column of the strip, and which run of its kept rows */
  readonly columnOf: Int32Array
  readonly runOf: Int32Array
  readonly slotOf: Int32Array
  readonly windows: number
  /** OUs of window w: windowStart[w] … windowStart[w + 1] − 1, in slot order */
  readonly windowStart: Int32Array
  readonly pieceOf: Int32Array
  /** size of the union of the row lists of the window */
  readonly unionRows: Int32Array
  /** Benes settings that the window needs */
  readonly settings: Int32Array
  readonly reordering: Reordering
  /** column of the matrix to which the network delivers every entry of colOf: the same, when every setting is right */
  readonly deliveredTo: Int32Array
  /** weights with e = 0 that compression deleted (structural zeros not counted) */
  readonly deletedWeights: number
}

/** Ports of the reordering network of a machine: port width u, N₀, padded N, switches (docs/timing.md, section 1). */
export interface BenesShape {
  readonly portOutputs: number
  readonly ports: number
  readonly padded: number
  readonly switches: number
  readonly stages: number
}

/** Benes network of N ports: 2·log2(N) − 1 stages of N/2 switches (Benes 1964; field arithmetic N = 16: 56 switches in 7 stages). */
export function benesShape(stripOus: number, ouCols: number, block: number): BenesShape {
  const portOutputs = Math.min(block, ouCols)
  const ports = (stripOus * ouCols) / portOutputs
  let log = 0
  while (2 ** log < ports) log++
  const padded = 2 ** log
  const stages = ports > 1 ? 2 * log - 1 : 0
  return { portOutputs, ports, padded, switches: (padded / 2) * stages, stages }
}

/** Output channel index, over all matrices, of column 0 of a matrix. */
export function firstOutput(matrices: readonly WeightMatrix[], matrix: number): number {
  let sum = 0
  for (let m = 0; m < matrix; m++) sum += matrices[m]!.cols
  return sum
}
