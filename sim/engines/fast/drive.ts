// Linear identities: how often every row of a matrix is driven, and over which cells, is a property of the mapping; only the digits of its
// codes are activations. So pulses and cell reads are dot products of two vectors over rows.
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
  const tables = createLevelTables(mapping, coding)
  for (let ou = 0; ou < mapping.ous; ou++) {
    const { matrix: m } = mapping.strips[mapping.stripOf[ou]!]!
    const { cols, e } = mapping.matrices[m]!
    const { table, min } = tables(sliceMasks[ou]!)
    const own = cells[m]!
    const count = popcount(sliceMasks[ou]!)
    const first = mapping.colStart[ou]!
    const end = mapping.colStart[ou + 1]!
    for (let i = mapping.rowStart[ou]!; i < mapping.rowStart[ou + 1]!; i++) {
      const row = mapping.rowOf[i]!
      slices[m]![row]! += count
      for (let c = first; c < end; c++) {
        const at = (e[row * cols + mapping.colOf[c]!]! - min) * levels
        for (let level = 0; level < levels; level++) own[row * levels + level]! += table[at + level]!
      }
    }
  }
  return { slices, cells, levels }
}

/** Cells by level of every weight that occurs, for a mask of visited slices. */
function createLevelTables(mapping: Mapping, coding: WeightCoding) {
  let min = 0
  let max = 0
  for (const { e } of mapping.matrices) {
    for (let i = 0; i < e.length; i++) {
      if (e[i]! < min) min = e[i]!
      if (e[i]! > max) max = e[i]!
    }
  }
  const levels = 2 ** coding.cellBits
  const known = new Map<number, Uint8Array>()
  return (mask: number): { readonly table: Uint8Array; readonly min: number } => {
    let table = known.get(mask)
    if (table === undefined) {
      table = new Uint8Array((max - min + 1) * levels)
      known.set(mask, table)
      for (let e = min; e <= max; e++) {
        for (let slice = 0; slice < coding.slices; slice++) {
          if (((mask >>> slice) & 1) === 0) continue
          for (let polarity = 0; polarity < coding.polarities; polarity++)
            table[(e - min) * levels + cellLevel(coding, e, slice, polarity)]! += 1
        }
      }
    }
    return { table, min }
  }
}

/** @param digitSums per matrix and row: Σ of the digits of its codes over all passes */
export function linearDrive(weights: DriveWeights, digitSums: readonly Float64Array[]): DriveCounts {
  const cellReads = new Float64Array(weights.levels)
  let pulses = 0
  for (const [m, sums] of digitSums.entries()) {
    const slices = weights.slices[m]!
    const cells = weights.cells[m]!
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
