// Linear identities: how often every row of a matrix is driven, and over which cells, is a property of the mapping; only the digits of its
// codes are activations. So pulses and cell reads are dot products of two vectors over rows.
import { SimFault } from '../../../models/base/errors.js'
import type { Mapping } from '../../../models/mapping/mapping.js'
import { cellLevel, type WeightCoding } from '../../../models/values/encode.js'
import { popcount } from '../../stages/context.js'
import type { DriveCounts } from '../../stages/tally.js'

/** Per row of every matrix, over all OUs that hold it (visited slices only). */
export interface DriveWeights {
  /** per matrix: slices that a pulse of the row drives */
  readonly slices: readonly Float64Array[]
  /** per matrix: cells by level, [row · levels + level] */
  readonly cells: readonly Float64Array[]
  readonly levels: number
}

export function driveWeights(mapping: Mapping, coding: WeightCoding, sliceMasks: Int32Array): DriveWeights {
  const levels = 2 ** coding.cellBits
  const slices = mapping.matrices.map((matrix) => new Float64Array(matrix.rows))
  const cells = mapping.matrices.map((matrix) => new Float64Array(matrix.rows * levels))
  const tables = createLevelTables(coding)
  for (let ou = 0; ou < mapping.ous; ou++) {
    const { matrix: m } = mapping.strips[mapping.stripOf[ou]!]!
    const { cols, e } = mapping.matrices[m]!
    const { table, packed, min } = tables(sliceMasks[ou]!)
    const own = cells[m]!
    const count = popcount(sliceMasks[ou]!)
    const first = mapping.colStart[ou]!
    const end = mapping.colStart[ou + 1]!
    for (let i = mapping.rowStart[ou]!; i < mapping.rowStart[ou + 1]!; i++) {
      const row = mapping.rowOf[i]!
      slices[m]![row]! += count
      if (levels <= 4 && (end - first) * count * coding.polarities <= 255) {
        let sum = 0
        for (let c = first; c < end; c++) sum += packed[e[row * cols + mapping.colOf[c]!]! - min]!
        for (let level = 0; level < levels; level++) own[row * levels + level]! += (sum >>> (8 * level)) & 255
        continue
      }
      for (let c = first; c < end; c++) {
        const at = (e[row * cols + mapping.colOf[c]!]! - min) * levels
        for (let level = 0; level < levels; level++) own[row * levels + level]! += table[at + level]!
      }
    }
  }
  return { slices, cells, levels }
}

interface LevelTable {
  /** cells of a weight by level: [(e − min) · levels + level] */
  readonly table: Uint8Array
  /** the lowest four levels side by side, 8 bits each: sums of words are sums of all of them */
  readonly packed: Int32Array
  readonly min: number
}

/** Cells by level of every weight that occurs, for a mask of visited slices. */
function createLevelTables(coding: WeightCoding) {
  const { min, max } = coding
  const levels = 2 ** coding.cellBits
  const known = new Map<number, LevelTable>()
  return (mask: number): LevelTable => {
    let found = known.get(mask)
    if (found === undefined) {
      const table = new Uint8Array((max - min + 1) * levels)
      for (let e = min; e <= max; e++) {
        for (let slice = 0; slice < coding.slices; slice++) {
          if (((mask >>> slice) & 1) === 0) continue
          for (let polarity = 0; polarity < coding.polarities; polarity++)
            table[(e - min) * levels + cellLevel(coding, e, slice, polarity)]! += 1
        }
      }
      const packed = Int32Array.from({ length: max - min + 1 }, (_, i) =>
        table.subarray(i * levels, i * levels + Math.min(4, levels)).reduceRight((word, n) => (word << 8) | n, 0),
      )
      found = { table, packed, min }
      known.set(mask, found)
    }
    return found
  }
}

/** @param digitSums per matrix and row: Σ of the digits of its codes over all passes */
export function linearDrive(weights: DriveWeights, digitSums: readonly Float64Array[]): DriveCounts {
  const cellReads = new Float64Array(weights.levels)
  let pulses = 0
  for (const [m, sums] of digitSums.entries()) {
    const slices = weights.slices[m]
    const cells = weights.cells[m]
    if (slices === undefined || cells === undefined || slices.length !== sums.length)
      throw new SimFault(`matrix ${m}: digit sums of ${sums.length} rows for weights of ${slices?.length ?? 0}`)
    for (let row = 0; row < sums.length; row++) {
      const driven = sums[row]!
      if (driven === 0) continue
      pulses += driven * slices[row]!
      for (let level = 0; level < weights.levels; level++)
        cellReads[level]! += driven * cells[row * weights.levels + level]!
    }
  }
  return { pulses, cellReads }
}
