// What a mapping takes: OUs, places for them, index bits, traffic (docs/mapping.md, section 5).
import type { WeightMatrix } from '../nn/types.js'
import { isStructural } from './columns.js'
import type { Mapping } from './mapping.js'
import { toggles } from './reorder.js'

export interface Storage {
  readonly ous: number
  /** OU rows of all strips */
  readonly windows: number
  /** OU places that the strips take in the arrays: height × width of every piece */
  readonly places: number
  /** places without an OU */
  readonly padding: number
  readonly arrayGroups: number
  /** row-list bits in the encoding of the machine */
  readonly listBits: number
  /** Benes settings × switches */
  readonly settingBits: number
  /** activation bits that Cache reads in one pass over all windows */
  readonly cacheBits: number
  /** switches of the Benes network that change in a pass, in the long run */
  readonly togglesPerPass: number
  /** zero weights that compression deleted */
  readonly deletedWeights: number
}

export function storageOf(mapping: Mapping): Storage {
  const places = mapping.pieces.reduce((total, piece) => total + piece.heights * piece.width, 0)
  return {
    ous: mapping.ous,
    windows: mapping.windows,
    places,
    padding: places - mapping.ous,
    arrayGroups: mapping.groups.length,
    listBits: sum(mapping.rowLists.bitsOf),
    settingBits: mapping.reordering.settings.length,
    cacheBits: 8 * sum(mapping.unionRows),
    togglesPerPass: toggles(mapping, 2) - toggles(mapping, 1),
    deletedWeights: mapping.deletedWeights,
  }
}

/** Adds two mappings up, as layers of a network. */
export function addStorage(a: Storage, b: Storage): Storage {
  const names = Object.keys(a) as (keyof Storage)[]
  return Object.fromEntries(names.map((name) => [name, a[name] + b[name]])) as unknown as Storage
}

function sum(list: Int32Array): number {
  return list.reduce((total, entry) => total + entry, 0)
}

/** Weights with e = 0; structural zeros are not counted. */
export function zeroWeights(matrices: readonly WeightMatrix[]): number {
  let zeros = 0
  for (const matrix of matrices) {
    for (let row = 0, at = 0; row < matrix.rows; row++) {
      for (let col = 0; col < matrix.cols; col++, at++) {
        if (matrix.e[at] === 0 && !isStructural(matrix, row, col)) zeros++
      }
    }
  }
  return zeros
}
