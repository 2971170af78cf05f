// Proves a mapping: every invariant of docs/timing.md, section 1, checked from the finished arrays alone, and the inverse map.
import { SimFault } from '../base/errors.js'
import type { WeightMatrix } from '../nn/types.js'
import { isStructural } from './columns.js'
import type { Mapping } from './mapping.js'
import { groupSize } from './place.js'
import { deliveries } from './reorder.js'
import type { MapSpec } from './spec.js'
import { isPermutation } from './strip.js'

/** @throws SimFault naming the first invariant that does not hold */
export function checkMapping(mapping: Mapping, spec: MapSpec): void {
  checkPermutations(mapping)
  checkOus(mapping, spec)
  checkWindows(mapping, spec)
  checkPlacement(mapping, spec)
  checkCoverage(mapping, spec)
  checkReordering(mapping, spec)
}

/** Rebuilds the matrices from what the OUs hold: unmap(map(W)) = W. */
export function unmap(mapping: Mapping): WeightMatrix[] {
  const rebuilt = mapping.matrices.map((matrix) => ({ ...matrix, e: new Int16Array(matrix.e.length) }))
  for (let ou = 0; ou < mapping.ous; ou++) {
    const m = mapping.strips[mapping.stripOf[ou]!]!.matrix
    const source = mapping.matrices[m]!
    for (let r = mapping.rowStart[ou]!; r < mapping.rowStart[ou + 1]!; r++) {
      for (let c = mapping.colStart[ou]!; c < mapping.colStart[ou + 1]!; c++) {
        const at = mapping.rowOf[r]! * source.cols + mapping.colOf[c]!
        rebuilt[m]!.e[at] = rebuilt[m]!.e[at]! + source.e[at]!
      }
    }
  }
  return rebuilt
}

function fail(what: string): never {
  throw new SimFault(`mapping: ${what}`)
}

function checkPermutations(mapping: Mapping): void {
  for (const [s, strip] of mapping.strips.entries()) {
    if (!isPermutation(strip.perm)) fail(`strip ${s}: [${strip.perm}] is not a permutation of its blocks`)
  }
}

function checkOus(mapping: Mapping, spec: MapSpec): void {
  for (let ou = 0; ou < mapping.ous; ou++) {
    const strip = mapping.strips[mapping.stripOf[ou]!]!
    const rows = mapping.rowOf.subarray(mapping.rowStart[ou]!, mapping.rowStart[ou + 1]!)
    const cols = mapping.colOf.subarray(mapping.colStart[ou]!, mapping.colStart[ou + 1]!)
    if (rows.length < 1 || rows.length > spec.ou.rows) fail(`OU ${ou} has ${rows.length} rows of ${spec.ou.rows}`)
    if (cols.length < 1 || cols.length > spec.ou.cols) fail(`OU ${ou} has ${cols.length} columns of ${spec.ou.cols}`)
    for (const [i, row] of rows.entries()) {
      if (row < strip.firstRow || row >= strip.firstRow + strip.rows) fail(`OU ${ou}: row ${row} outside its tile`)
      if (i > 0 && rows[i - 1]! >= row) fail(`OU ${ou}: row list not increasing`)
    }
    for (const col of cols) {
      if (col < strip.firstCol || col >= strip.firstCol + strip.width) fail(`OU ${ou}: output ${col} outside its strip`)
    }
  }
}

function checkWindows(mapping: Mapping, spec: MapSpec): void {
  for (let w = 0; w < mapping.windows; w++) {
    const first = mapping.windowStart[w]!
    const end = mapping.windowStart[w + 1]!
    if (end - first < 1 || end - first > spec.stripOus) fail(`window ${w} has ${end - first} OUs of ${spec.stripOus}`)
    for (let ou = first + 1; ou < end; ou++) {
      if (mapping.slotOf[ou]! <= mapping.slotOf[ou - 1]!) fail(`window ${w}: OUs not in slot order`)
      if (mapping.stripOf[ou] !== mapping.stripOf[first]) fail(`window ${w}: OUs of two strips`)
    }
    if (spec.order === 'window-bit' && mapping.settings[w] !== 1)
      fail(`window ${w}: two OUs of one OU column in window-bit order`)
  }
}

function checkPlacement(mapping: Mapping, spec: MapSpec): void {
  const size = groupSize(spec)
  const taken = new Set<string>()
  for (const [p, piece] of mapping.pieces.entries()) {
    if (piece.row + piece.heights > size.rows || piece.col + piece.width > size.cols)
      fail(`piece ${p} leaves its array group`)
    for (let row = piece.row; row < piece.row + piece.heights; row++) {
      for (let col = piece.col; col < piece.col + piece.width; col++) {
        const place = `${piece.group}:${row}:${col}`
        if (taken.has(place)) fail(`piece ${p} overlaps another at ${place}`)
        taken.add(place)
      }
    }
  }
  const windows = mapping.pieces.reduce((sum, piece) => sum + piece.heights, 0)
  if (windows !== mapping.windows) fail(`pieces hold ${windows} windows of ${mapping.windows}`)
}

/** Sent through the switches as they are set, every output arrives where it belongs; a window has the settings that it was said to need. */
function checkReordering(mapping: Mapping, spec: MapSpec): void {
  const { firstSetting } = mapping.reordering
  for (let w = 0; w < mapping.windows; w++) {
    const settings = firstSetting[w + 1]! - firstSetting[w]!
    if (settings !== mapping.settings[w]) fail(`window ${w} has ${settings} Benes settings of ${mapping.settings[w]}`)
  }
  const delivered = deliveries(mapping, mapping.reordering, spec)
  for (const [c, col] of mapping.colOf.entries()) {
    if (delivered[c] !== col || mapping.deliveredTo[c] !== col)
      fail(`entry ${c} of the outputs is delivered to ${delivered[c]}, it belongs to ${col}`)
  }
}

/** Every non-zero weight lies in exactly one OU; without compression every weight that is not a structural zero does. */
function checkCoverage(mapping: Mapping, spec: MapSpec): void {
  const covered = mapping.matrices.map((matrix) => new Uint8Array(matrix.e.length))
  for (let ou = 0; ou < mapping.ous; ou++) {
    const m = mapping.strips[mapping.stripOf[ou]!]!.matrix
    for (let r = mapping.rowStart[ou]!; r < mapping.rowStart[ou + 1]!; r++) {
      for (let c = mapping.colStart[ou]!; c < mapping.colStart[ou + 1]!; c++) {
        const at = mapping.rowOf[r]! * mapping.matrices[m]!.cols + mapping.colOf[c]!
        if (covered[m]![at] !== 0) fail(`weight ${at} of matrix ${m} lies in two OUs`)
        covered[m]![at] = 1
      }
    }
  }
  for (const [m, matrix] of mapping.matrices.entries()) {
    for (let at = 0; at < matrix.e.length; at++) {
      if (covered[m]![at] === 1) continue
      const row = Math.floor(at / matrix.cols)
      const needed = spec.options.compress ? matrix.e[at] !== 0 : !isStructural(matrix, row, at - row * matrix.cols)
      if (needed) fail(`weight ${at} of matrix ${m} lies in no OU`)
    }
  }
}
