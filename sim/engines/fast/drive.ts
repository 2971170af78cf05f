// Linear identities: how often every row of a matrix is driven, and over which cells, is a property of the mapping; only the digits of its
// codes are activations. So pulses and cell reads are dot products of two vectors over rows.
import { SimFault } from '../../../models/base/errors.js'
import type { Mapping } from '../../../models/mapping/mapping.js'
import type { WeightMatrix } from '../../../models/nn/types.js'
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
  const { matrices, strips, stripOf, rowStart, rowOf, colStart, colOf } = mapping
  const levels = 2 ** coding.cellBits
  const slices = matrices.map((matrix) => new Float64Array(matrix.rows))
  const cells = matrices.map((matrix) => new Float64Array(matrix.rows * levels))
  const tables = createLevelTables(coding)
  const whole = wholeMatrices(mapping, sliceMasks)
  for (const [m, mask] of whole.entries()) if (mask >= 0) addWhole(matrices[m]!, tables(mask), levels, cells[m]!)
  for (let ou = 0; ou < mapping.ous; ou++) {
    const { matrix: m } = strips[stripOf[ou]!]!
    const { cols, e } = matrices[m]!
    const mask = sliceMasks[ou]!
    const { table, packed, min, most } = tables(mask)
    const own = cells[m]!
    const driven = slices[m]!
    const count = popcount(mask)
    const first = colStart[ou]!
    const end = colStart[ou + 1]!
    if (whole[m]! >= 0) {
      for (let i = rowStart[ou]!; i < rowStart[ou + 1]!; i++) driven[rowOf[i]!]! += count
      continue
    }
    const neighbours = areNeighbours(colOf, first, end)
    for (let i = rowStart[ou]!; i < rowStart[ou + 1]!; i++) {
      const row = rowOf[i]!
      const base = row * cols
      driven[row]! += count
      if (end - first > most) {
        for (let c = first; c < end; c++) {
          const at = (e[base + colOf[c]!]! - min) * levels
          for (let level = 0; level < levels; level++) own[row * levels + level]! += table[at + level]!
        }
        continue
      }
      let sum = 0
      if (neighbours) {
        const from = base + colOf[first]!
        for (let at = from; at < from + end - first; at++) sum += packed[e[at]! - min]!
      } else for (let c = first; c < end; c++) sum += packed[e[base + colOf[c]!]! - min]!
      addPacked(own, row * levels, levels, sum)
    }
  }
  return { slices, cells, levels }
}

/**
 * Per matrix: the mask of visited slices, where OUs with one and the same mask hold every weight of it (no weight lies in two OUs, so as many
 * are all); −1 for the others.
 */
function wholeMatrices({ matrices, strips, stripOf, rowStart, colStart, ous }: Mapping, sliceMasks: Int32Array) {
  const held = new Float64Array(matrices.length)
  const masks = new Int32Array(matrices.length)
  for (let ou = 0; ou < ous; ou++) {
    const { matrix: m } = strips[stripOf[ou]!]!
    const mask = sliceMasks[ou]!
    if (held[m] === 0) masks[m] = mask
    else if (mask !== masks[m]) masks[m] = -1
    held[m]! += (rowStart[ou + 1]! - rowStart[ou]!) * (colStart[ou + 1]! - colStart[ou]!)
  }
  return masks.map((mask, m) => (held[m] === matrices[m]!.e.length ? mask : -1))
}

/** Adds up the cells of a matrix row by row, as many weights at once as their packed counts allow. */
function addWhole(
  { rows, cols, e }: WeightMatrix,
  { table, packed, min, most }: LevelTable,
  levels: number,
  own: Float64Array,
): void {
  for (let row = 0; row < rows; row++) {
    const to = row * levels
    const end = (row + 1) * cols
    if (most === 0) {
      for (let at = row * cols; at < end; at++)
        for (let level = 0; level < levels; level++) own[to + level]! += table[(e[at]! - min) * levels + level]!
      continue
    }
    for (let at = row * cols; at < end; ) {
      const stop = Math.min(end, at + most)
      let sum = 0
      for (; at < stop; at++) sum += packed[e[at]! - min]!
      addPacked(own, to, levels, sum)
    }
  }
}

function addPacked(own: Float64Array, to: number, levels: number, sum: number): void {
  own[to]! += sum & 255
  own[to + 1]! += (sum >>> 8) & 255
  if (levels === 2) return
  own[to + 2]! += (sum >>> 16) & 255
  own[to + 3]! += sum >>> 24
}

/** Whether columns of the matrix stand side by side, in order. */
function areNeighbours(colOf: Int32Array, first: number, end: number): boolean {
  for (let c = first + 1; c < end; c++) if (colOf[c] !== colOf[c - 1]! + 1) return false
  return true
}

interface LevelTable {
  /** cells of a weight by level: [(e − min) · levels + level] */
  readonly table: Uint8Array
  /** the lowest four levels side by side, 8 bits each: sums of words are sums of all of them */
  readonly packed: Int32Array
  readonly min: number
  /** weights whose packed counts add up without leaving their bits; 0: there are more levels than fit */
  readonly most: number
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
      const perWeight = popcount(mask) * coding.polarities
      const most = levels > 4 ? 0 : Math.floor(255 / Math.max(1, perWeight))
      found = { table, packed, min, most }
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
