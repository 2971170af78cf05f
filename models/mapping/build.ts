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
  const slots = kept.map((list, column) => {
    const stack: StackedOu[] = []
    const runs = Math.ceil(list.length / spec.ou.rows)
    for (let run = 0; run < runs; run++) stack.push({ column, run })
    return stack
  })
  if (spec.options.planarise) planarise(slots, spec.order)
  let deletedWeights = 0
  if (spec.options.compress) {
    for (const [column, list] of kept.entries()) deletedWeights += deletedZeros(matrix, range, outputs[column]!, list)
  }
  const strip = { matrix: range.matrix, tile, firstRow, rows, firstCol, width, perm, slots: slots.length }
  return { strip, outputs, rows: kept, slots, deletedWeights }
}

/**
 * Gives OUs, windows and pieces their numbers and flattens everything into typed arrays. Objects are written out, not spread: loops over them
 * are compiled for objects of one make, and V8 makes spread ones anew each time.
 */
function number(matrices: readonly WeightMatrix[], stacked: readonly StackedStrip[], spec: MapSpec): Mapping {
  const arrays = ouArrays(sizesOf(stacked, spec.ou.rows))
  const height = stacked.reduce((most, { strip }) => Math.max(most, strip.firstRow + strip.rows), 0)
  const add = createNumberer(arrays, spec.ou.rows, height)
  const strips = stacked.map((entry, index): Strip => {
    const { firstWindow, endWindow } = add(entry, index)
    const { matrix, tile, firstRow, rows, firstCol, width, perm, slots } = entry.strip
    return { matrix, tile, firstRow, rows, firstCol, width, perm, slots, firstWindow, endWindow }
  })
  const placement = place(strips, spec)
  const windows = arrays.unionRows.length
  const pieceOf = new Int32Array(windows)
  for (const [p, piece] of placement.pieces.entries()) {
    pieceOf.fill(p, piece.firstWindow, piece.firstWindow + piece.heights)
  }
  const { rowStart, rowOf, colStart, colOf, stripOf, columnOf, runOf, slotOf, windowStart, unionRows, settings } =
    arrays
  const ous = stripOf.length
  const rowsOf = { matrices, strips, ous, rowStart, rowOf, stripOf }
  const linesOf = { strips, ous, colStart, colOf, stripOf, columnOf, slotOf, windows, windowStart }
  const routed = reordering(linesOf, spec)
  return {
    matrices,
    strips,
    pieces: placement.pieces,
    groups: placement.groups,
    ous,
    rowStart,
    rowOf,
    rowLists: rowLists(rowsOf, spec),
    colStart,
    colOf,
    stripOf,
    columnOf,
    runOf,
    slotOf,
    windows,
    windowStart,
    pieceOf,
    unionRows,
    settings,
    reordering: routed,
    deliveredTo: deliveries(linesOf, routed, spec),
    deletedWeights: stacked.reduce((sum, entry) => sum + entry.deletedWeights, 0),
  }
}

interface Sizes {
  readonly ous: number
  readonly windows: number
  readonly rows: number
  readonly cols: number
}

/** Arrays of the mapping with one entry per OU or window, and the lists that they point into. */
function ouArrays({ ous, windows, rows, cols }: Sizes) {
  const ints = (length: number) => new Int32Array(length)
  return {
    rowStart: ints(ous + 1),
    rowOf: ints(rows),
    colStart: ints(ous + 1),
    colOf: ints(cols),
    stripOf: ints(ous),
    columnOf: ints(ous),
    runOf: ints(ous),
    slotOf: ints(ous),
    windowStart: ints(windows + 1),
    unionRows: ints(windows),
    settings: ints(windows),
  }
}

function sizesOf(stacked: readonly StackedStrip[], ouRows: number): Sizes {
  const sizes = { ous: 0, windows: 0, rows: 0, cols: 0 }
  for (const { slots, rows, outputs } of stacked) {
    sizes.windows += slots.reduce((most, slot) => Math.max(most, slot.length), 0)
    for (const [column, list] of rows.entries()) {
      const runs = Math.ceil(list.length / ouRows)
      sizes.ous += runs
      sizes.rows += list.length
      sizes.cols += runs * outputs[column]!.length
    }
  }
  return sizes
}

/** Numbers strips one after another: their windows from the bottom, the OUs of a window by slot. */
function createNumberer(arrays: ReturnType<typeof ouArrays>, ouRows: number, matrixRows: number) {
  let ou = 0
  let window = 0
  /** per row: the window that holds it last */
  const seenIn = new Int32Array(matrixRows).fill(-1)

  const { rowStart, rowOf, colStart, colOf, stripOf, columnOf, runOf, slotOf, windowStart, unionRows, settings } =
    arrays

  /** @returns rows that no OU of the window before it holds */
  function addOu(entry: StackedStrip, index: number, slot: number, { column, run }: StackedOu): number {
    const rows = entry.rows[column]!
    const outputs = entry.outputs[column]!
    let fresh = 0
    let at = rowStart[ou]!
    for (let i = run * ouRows, end = Math.min(rows.length, i + ouRows); i < end; i++) {
      const row = rows[i]!
      if (seenIn[row] !== window) fresh++
      seenIn[row] = window
      rowOf[at++] = row
    }
    rowStart[ou + 1] = at
    at = colStart[ou]!
    for (let i = 0; i < outputs.length; i++) colOf[at++] = outputs[i]!
    colStart[ou + 1] = at
    stripOf[ou] = index
    columnOf[ou] = column
    runOf[ou] = run
    slotOf[ou] = slot
    ou++
    return fresh
  }

  return (entry: StackedStrip, index: number): { firstWindow: number; endWindow: number } => {
    const { slots, outputs } = entry
    const firstWindow = window
    const heights = slots.reduce((most, slot) => Math.max(most, slot.length), 0)
    const perColumn = new Int32Array(outputs.length)
    for (let height = 0; height < heights; height++, window++) {
      perColumn.fill(0)
      let union = 0
      let most = 0
      for (let slot = 0; slot < slots.length; slot++) {
        const next = slots[slot]![height]
        if (next === undefined) continue
        union += addOu(entry, index, slot, next)
        const count = perColumn[next.column]! + 1
        perColumn[next.column] = count
        if (count > most) most = count
      }
      unionRows[window] = union
      windowStart[window + 1] = ou
      settings[window] = most
    }
    return { firstWindow, endWindow: window }
  }
}
