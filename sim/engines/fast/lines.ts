// The sums of the bit lines of one OU in one pass and plane, one after another: for the few places where the ADC may alter them.
import type { WeightCoding } from '../../../models/values/encode.js'
import { tabulateLevels } from './certificate.js'
import type { Streams } from './kernels/kernels.js'
import type { FastPlan } from './plan.js'

/** Told of a line: its index in colOf, slice, polarity, sum. */
export type Line = (column: number, slice: number, polarity: number, sum: number) => void

export interface LineSums {
  /** Chooses a row list, a pass and a plane for the calls of `each` that follow: OUs with this list; how many rows are driven. */
  drive(list: number, plane: number, block: Streams, at: number): number
  /** Calls `line` for every visited bit line that may be altered. */
  each(ou: number, line: Line): void
}

/** Lines of an OU that may be altered, those with the lowest limit first. */
interface Critical {
  readonly limits: Int32Array
  /** index in colOf, and slice · polarities + polarity */
  readonly columns: Int32Array
  readonly lines: Uint16Array
}

/** Critical lines that are kept, over all OUs. */
const mostKept = 1 << 20

/** @param limits `Certificates.ofLine`: lines with a limit that the driven rows do not pass are left out; empty: all are told */
export function createLineSums(
  { mapping, lists, spec }: FastPlan,
  coding: WeightCoding,
  sliceMasks: Int32Array,
  limits: Uint16Array,
): LineSums {
  const levels = tabulateLevels(coding)
  const { bitsPerStep } = spec
  const { polarities } = coding
  const mask = 2 ** bitsPerStep - 1
  const lines = coding.slices * polarities
  const driven: number[] = []
  const digits: number[] = []
  const kept = new Map<number, Critical>()
  let room = mostKept
  return {
    drive(list, plane, { bytes, stride }, at) {
      driven.length = 0
      digits.length = 0
      for (let i = lists.start[list]!; i < lists.start[list + 1]!; i++) {
        const row = lists.rows[i]!
        const digit = (bytes[row * stride + at]! >> (bitsPerStep * plane)) & mask
        if (digit === 0) continue
        driven.push(row)
        digits.push(digit)
      }
      return driven.length
    },
    each(ou, line) {
      const critical = kept.get(ou) ?? keep(ou)
      if (critical === null) {
        eachOf(ou, line)
        return
      }
      for (let i = 0; i < critical.limits.length && driven.length > critical.limits[i]!; i++)
        tell(ou, critical.columns[i]!, critical.lines[i]!, line)
    },
  }

  function tell(ou: number, column: number, own: number, line: Line): void {
    const { cols, e } = mapping.matrices[mapping.strips[mapping.stripOf[ou]!]!.matrix]!
    const table = levels.tables[own]!
    const place = mapping.colOf[column]!
    let sum = 0
    for (let n = 0; n < driven.length; n++) sum += digits[n]! * table[e[driven[n]! * cols + place]! - levels.min]!
    const slice = Math.floor(own / polarities)
    line(column, slice, own - slice * polarities, sum)
  }

  /** The same without what is kept. */
  function eachOf(ou: number, line: Line): void {
    const first = mapping.colStart[ou]!
    const width = mapping.colStart[ou + 1]! - first
    for (let own = 0; own < lines; own++) {
      if (((sliceMasks[ou]! >>> Math.floor(own / polarities)) & 1) === 0) continue
      for (let c = 0; c < width; c++)
        if (limits.length === 0 || driven.length > limits[first * lines + own * width + c]!)
          tell(ou, first + c, own, line)
    }
  }

  function keep(ou: number): Critical | null {
    if (limits.length === 0 || room < 0) return null
    const found = criticalLines(ou)
    room -= found.limits.length
    kept.set(ou, found)
    return found
  }

  function criticalLines(ou: number): Critical {
    const rows = mapping.rowStart[ou + 1]! - mapping.rowStart[ou]!
    const first = mapping.colStart[ou]!
    const width = mapping.colStart[ou + 1]! - first
    const found: { column: number; own: number; limit: number }[] = []
    for (let own = 0; own < lines; own++) {
      if (((sliceMasks[ou]! >>> Math.floor(own / polarities)) & 1) === 0) continue
      for (let c = 0; c < width; c++) {
        const limit = limits[first * lines + own * width + c]!
        if (limit < rows) found.push({ column: first + c, own, limit })
      }
    }
    found.sort((a, b) => a.limit - b.limit)
    return {
      limits: Int32Array.from(found, ({ limit }) => limit),
      columns: Int32Array.from(found, ({ column }) => column),
      lines: Uint16Array.from(found, ({ own }) => own),
    }
  }
}
