// How many driven rows an OU can have before any of its bit lines can reach a sum that the ADC does not hand on unchanged.
import type { Mapping } from '../../../models/mapping/mapping.js'
import type { AdcTables } from '../../../models/values/adc.js'
import { cellLevel, type WeightCoding } from '../../../models/values/encode.js'

export interface Certificates {
  /** per OU: with at most so many driven rows every conversion is exact; −1 = not even a sum of 0 is, as many as its rows = always */
  readonly ofOu: Int32Array
  /**
   * The same per bit line (empty when there are too many lines to keep this): line (slice, polarity, column) of an OU at
   * lines · colStart[ou] + (slice · polarities + polarity) · columns of the OU + column, lines = slices · polarities
   */
  readonly ofLine: Uint16Array
}

/** Lines whose limits are kept. */
const mostLines = 1 << 24
/** More rows than an OU has. */
const always = 65_535

/** A driven row adds at most (2^d − 1) · level, so the worst choice of k rows of a line is its k largest levels. */
export function certificates(
  mapping: Mapping,
  coding: WeightCoding,
  sliceMasks: Int32Array,
  adc: AdcTables,
  bitsPerStep: number,
): Certificates {
  const top = exactUpTo(adc)
  const digit = 2 ** bitsPerStep - 1
  const levels = 2 ** coding.cellBits
  const counts = new Int32Array(levels)
  const levelOf = tabulateLevels(coding)
  const lines = coding.slices * coding.polarities
  const packed = packLevels(levelOf, lines)
  /** level sum up to which a line cannot be altered */
  const harmless = Math.floor(top / digit)
  /** Added to a word of line sums it sets the highest bit of every field that is above `harmless`, where all of them are below that bit. */
  const spare = (fieldMost >> 1) - harmless
  const lift = Math.imul(spare, 0x01010101)
  const sums = new Int32Array(packed.length)
  const total = mapping.colOf.length * lines
  const ofLine = new Uint16Array(top >= 0 && total <= mostLines ? total : 0).fill(always)
  /** of the OU that is looked at: its weights, and where its rows begin in them */
  let e: Int16Array = new Int16Array(0)
  let bases = new Int32Array(0)

  /** Sum of the levels of one column in a table. */
  function sumOf(table: Int32Array, column: number, rows: number): number {
    const [weights, from] = [e, bases]
    const { min } = levelOf
    let sum = 0
    for (let i = 0; i < rows; i++) sum += table[weights[from[i]! + column]! - min]!
    return sum
  }

  /** Least limit of the lines of one column. */
  function ofColumn(ou: number, at: number, rows: number): number {
    const column = mapping.colOf[at]!
    const tallest = rows * (levels - 1)
    if (tallest <= fieldMost) {
      let above = 0
      for (let w = 0; w < packed.length; w++) {
        const sum = sumOf(packed[w]!, column, rows)
        sums[w] = sum
        above |= (sum + lift) & 0x80808080
      }
      // Most columns: none of their lines can be altered.
      if (above === 0 && spare >= 0 && tallest + spare <= fieldMost) return rows
    } else sums.fill(-1)
    const width = mapping.colStart[ou + 1]! - mapping.colStart[ou]!
    const firstLine = mapping.colStart[ou]! * lines + at - mapping.colStart[ou]!
    let limit = rows
    for (let line = 0; line < lines; line++) {
      const slice = Math.floor(line / coding.polarities)
      if (((sliceMasks[ou]! >>> slice) & 1) === 0) continue
      if (((sums[line >> 2]! >>> (8 * (line & 3))) & fieldMost) <= harmless && harmless < fieldMost) continue
      const table = levelOf.tables[line]!
      counts.fill(0)
      for (let i = 0; i < rows; i++) counts[table[e[bases[i]! + column]! - levelOf.min]!]! += 1
      const own = mostRows(counts, rows, digit, top)
      if (ofLine.length > 0 && own < rows) ofLine[firstLine + line * width] = own
      limit = Math.min(limit, own)
    }
    return limit
  }

  const ofOu = new Int32Array(mapping.ous)
  for (let ou = 0; ou < mapping.ous; ou++) {
    const first = mapping.rowStart[ou]!
    const rows = mapping.rowStart[ou + 1]! - first
    // No line of any weights can get there, or every one does: nothing to look at.
    if (top < 0 || rows * digit * (levels - 1) <= top) {
      ofOu[ou] = top < 0 ? -1 : rows
      continue
    }
    const matrix = mapping.matrices[mapping.strips[mapping.stripOf[ou]!]!.matrix]!
    e = matrix.e
    if (rows > bases.length) bases = new Int32Array(rows)
    for (let i = 0; i < rows; i++) bases[i] = mapping.rowOf[first + i]! * matrix.cols
    let limit = rows
    for (let c = mapping.colStart[ou]!; c < mapping.colStart[ou + 1]!; c++)
      limit = Math.min(limit, ofColumn(ou, c, rows))
    ofOu[ou] = limit
  }
  return { ofOu, ofLine }
}

/** Largest sum of a line that fits its field. */
const fieldMost = 255

/** Level of every weight on four lines at once, in fields of 8 bits: sums of them are sums of all four. */
function packLevels(levelOf: ReturnType<typeof tabulateLevels>, lines: number): Int32Array[] {
  return Array.from({ length: Math.ceil(lines / 4) }, (_, w) => {
    const own = levelOf.tables.slice(4 * w, Math.min(lines, 4 * w + 4))
    return Int32Array.from({ length: own[0]!.length }, (_, e) =>
      own.reduce((word, table, field) => word | (table[e]! << (8 * field)), 0),
    )
  })
}

/** Largest sum up to which every code stands for its sum; −1: none. */
function exactUpTo(adc: AdcTables): number {
  const wrong = adc.codes.findIndex((code, sum) => code * adc.lsb !== sum || adc.clipped[sum] === 1)
  return wrong < 0 ? adc.codes.length - 1 : wrong - 1
}

/** Rows that can be driven without the largest levels passing `top`. */
function mostRows(counts: Int32Array, rows: number, digit: number, top: number): number {
  let left = top
  let driven = 0
  for (let level = counts.length - 1; level > 0; level--) {
    const fit = Math.min(counts[level]!, Math.floor(left / (digit * level)))
    driven += fit
    left -= fit * digit * level
    if (fit < counts[level]!) return driven
  }
  return rows
}

/** Level of every weight that occurs, by line: slice · polarities + polarity. */
export function tabulateLevels(coding: WeightCoding) {
  const { min, max } = coding
  const tables = Array.from({ length: coding.slices * coding.polarities }, (_, at) =>
    Uint16Array.from({ length: max - min + 1 }, (_, i) =>
      cellLevel(coding, min + i, Math.floor(at / coding.polarities), at % coding.polarities),
    ),
  )
  return { min, tables, table: (slice: number, polarity: number) => tables[slice * coding.polarities + polarity]! }
}
