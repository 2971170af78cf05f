// A layer's matrices → Mapping: strips, row lists, planarised slots, numbering, placement (docs/timing.md, section 1).
import { SimFault } from '../base/errors.js'
import type { WeightMatrix } from '../nn/types.js'
import { columnOutputs, deletedZeros, keptRows } from './columns.js'
import type { Mapping, Strip } from './mapping.js'
import { place } from './place.js'
import { planarise, type StackedOu } from './planarise.js'
import { blocksOf, type StripRange, stripRanges } from './ranges.js'
import { deliveries, reordering } from './reorder.js'
import { rowLists } from './row-lists.js'
import { searchLayer } from './search.js'
import type { MapSpec } from './spec.js'
import { isPermutation } from './strip.js'

/** One strip with its OUs stacked, before numbering. */
interface StackedStrip {
  readonly strip: Omit<Strip, 'firstWindow' | 'endWindow'>
  readonly outputs: number[][]
  readonly rows: Int32Array[]
  readonly slots: StackedOu[][]
  readonly deletedWeights: number
}

/**
 * Maps the matrices of one layer. Deterministic; no input is changed.
 * @param perms permutation of every strip, in strip order; absent: searched by `mapping.remapper`
 * @throws SimFault when a permutation has not the length of its strip
 */
export function mapLayer(
  matrices: readonly WeightMatrix[],
  spec: MapSpec,
  perms: readonly Int32Array[] = searchLayer(matrices, spec, ''),
): Mapping {
  const ranges = stripRanges(matrices, spec)
  const stacked = ranges.map((range, i) => {
    const perm = perms[i]
    const blocks = blocksOf(range, spec.block)
    if (perm === undefined || perm.length !== blocks || perms.length !== ranges.length)
      throw new SimFault(`mapping: strip ${i} of ${ranges.length} needs a permutation of ${blocks} blocks`)
    if (!isPermutation(perm)) throw new SimFault(`mapping: strip ${i}: [${perm}] is no permutation`)
    return stackStrip(matrices[range.matrix]!, range, perm, spec)
  })
  return number(matrices, stacked, spec)
}

function stackStrip(matrix: WeightMatrix, range: StripRange, perm: Int32Array, spec: MapSpec): StackedStrip {
  const { firstRow, rows, firstCol, width, tile } = range
  const outputs = columnOutputs(perm, spec.block, spec.ou.cols, firstCol, width)
  const kept = outputs.map((columns) => keptRows(matrix, range, columns, spec.options.compress))
  const slots = kept.map((list, column) =>
    Array.from({ length: Math.ceil(list.length / spec.ou.rows) }, (_, run) => ({ column, run })),
  )
  if (spec.options.planarise) planarise(slots, spec.order)
  let deletedWeights = 0
  if (spec.options.compress) {
    for (const [column, list] of kept.entries()) deletedWeights += deletedZeros(matrix, range, outputs[column]!, list)
  }
  const strip = { matrix: range.matrix, tile, firstRow, rows, firstCol, width, perm, slots: slots.length }
  return { strip, outputs, rows: kept, slots, deletedWeights }
}

/** Gives OUs, windows and pieces their numbers and flattens everything into typed arrays. */
function number(matrices: readonly WeightMatrix[], stacked: readonly StackedStrip[], spec: MapSpec): Mapping {
  const strips: Strip[] = []
  const list = new OuLists()
  for (const [index, entry] of stacked.entries()) {
    const firstWindow = list.windowStart.length
    const heights = Math.max(0, ...entry.slots.map((slot) => slot.length))
    for (let height = 0; height < heights; height++) list.addWindow(index, entry, height, spec.ou.rows)
    strips.push({ ...entry.strip, firstWindow, endWindow: list.windowStart.length })
  }
  const placement = place(strips, spec)
  const pieceOf = new Int32Array(list.windowStart.length)
  for (const [p, piece] of placement.pieces.entries()) {
    pieceOf.fill(p, piece.firstWindow, piece.firstWindow + piece.heights)
  }
  const numbered = {
    matrices,
    strips,
    pieces: placement.pieces,
    groups: placement.groups,
    ous: list.stripOf.length,
    rowStart: prefixSums(list.rowLists),
    rowOf: flatten(list.rowLists),
    colStart: prefixSums(list.colLists),
    colOf: flatten(list.colLists),
    stripOf: Int32Array.from(list.stripOf),
    columnOf: Int32Array.from(list.columnOf),
    runOf: Int32Array.from(list.runOf),
    slotOf: Int32Array.from(list.slotOf),
    windows: list.windowStart.length,
    windowStart: Int32Array.from([...list.windowStart, list.stripOf.length]),
    pieceOf,
    unionRows: Int32Array.from(list.unionRows),
    settings: Int32Array.from(list.settings),
    deletedWeights: stacked.reduce((sum, entry) => sum + entry.deletedWeights, 0),
  }
  const routed = { ...numbered, rowLists: rowLists(numbered, spec), reordering: reordering(numbered, spec) }
  return { ...routed, deliveredTo: deliveries(routed, spec) }
}

/** Growing lists, one entry per OU or window, in numbering order. */
class OuLists {
  readonly rowLists: Int32Array[] = []
  readonly colLists: Int32Array[] = []
  readonly stripOf: number[] = []
  readonly columnOf: number[] = []
  readonly runOf: number[] = []
  readonly slotOf: number[] = []
  readonly windowStart: number[] = []
  readonly unionRows: number[] = []
  readonly settings: number[] = []

  addWindow(strip: number, entry: StackedStrip, height: number, ouRows: number): void {
    this.windowStart.push(this.stripOf.length)
    const union = new Set<number>()
    const perColumn = new Map<number, number>()
    for (const [slot, stack] of entry.slots.entries()) {
      const ou = stack[height]
      if (ou === undefined) continue
      const rows = entry.rows[ou.column]!.subarray(ou.run * ouRows, (ou.run + 1) * ouRows)
      for (const row of rows) union.add(row)
      perColumn.set(ou.column, (perColumn.get(ou.column) ?? 0) + 1)
      this.rowLists.push(rows)
      this.colLists.push(Int32Array.from(entry.outputs[ou.column]!))
      this.stripOf.push(strip)
      this.columnOf.push(ou.column)
      this.runOf.push(ou.run)
      this.slotOf.push(slot)
    }
    this.unionRows.push(union.size)
    this.settings.push(Math.max(...perColumn.values()))
  }
}

function prefixSums(lists: readonly Int32Array[]): Int32Array {
  const sums = new Int32Array(lists.length + 1)
  for (const [i, list] of lists.entries()) sums[i + 1] = sums[i]! + list.length
  return sums
}

function flatten(lists: readonly Int32Array[]): Int32Array {
  const flat = new Int32Array(lists.reduce((sum, list) => sum + list.length, 0))
  let at = 0
  for (const list of lists) {
    flat.set(list, at)
    at += list.length
  }
  return flat
}
