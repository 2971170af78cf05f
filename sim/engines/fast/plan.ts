// What of a layer's timing does not depend on activations: intervals of Cache and Load, the shape of every OU as the back end sees it, and
// which OUs share a row list (and so their zero flags).
import type { Mapping } from '../../../models/mapping/mapping.js'
import type { LayerWork, MacroSpec } from '../../stages/context.js'
import type { OuShape } from './symbols.js'

/** Different row lists of a layer, matrix by matrix. */
export interface RowLists {
  readonly count: number
  /** rows of list i: rows[start[i]] … rows[start[i + 1] − 1], rows of its matrix */
  readonly start: Int32Array
  readonly rows: Int32Array
  /** lists of matrix m: ofMatrix[m] … ofMatrix[m + 1] − 1 */
  readonly ofMatrix: Int32Array
}

/** Times of the firings of a stage whose interval varies: by window (Cache) or by OU (Load). */
export interface FiringTimes {
  readonly interval: Int32Array
  /** until the output arrives */
  readonly handover: Int32Array
  /** until the firing is over: max(latency, interval) */
  readonly span: Int32Array
}

export interface FastPlan {
  readonly mapping: Mapping
  readonly spec: MacroSpec
  readonly polarities: number
  readonly cache: FiringTimes
  readonly load: FiringTimes
  readonly lists: RowLists
  /** row list of every OU */
  readonly listOf: Int32Array
  /** different OUs as the back end sees them, and which of them every OU is */
  readonly shapes: readonly OuShape[]
  readonly shapeOf: Int32Array
}

type PlannedWork = Pick<LayerWork, 'mapping' | 'coding' | 'sliceMasks'>

export function planFast(work: PlannedWork, spec: MacroSpec): FastPlan {
  const { lists, listOf } = shareRowLists(work.mapping)
  return planOf(work, spec, lists, listOf)
}

/** For machines that read no zero flags: row lists are not looked for. */
export function planDense(work: PlannedWork, spec: MacroSpec): FastPlan {
  const { ous, matrices } = work.mapping
  const none = new Int32Array(matrices.length + 1)
  const lists = { count: 0, start: new Int32Array(1), rows: new Int32Array(0), ofMatrix: none }
  return planOf(work, spec, lists, new Int32Array(ous))
}

/** The same layer on another machine with the same mapping. */
export function planAnew(plan: FastPlan, spec: MacroSpec): FastPlan {
  const { mapping, polarities, lists, listOf, shapes, shapeOf } = plan
  const { cache, load } = frontTimes(mapping, spec)
  return { mapping, spec, polarities, cache, load, lists, listOf, shapes, shapeOf }
}

/** Written out, not spread: the loops over plans are compiled for objects of one make. */
function planOf(
  { mapping, coding, sliceMasks }: PlannedWork,
  spec: MacroSpec,
  lists: RowLists,
  listOf: Int32Array,
): FastPlan {
  const { polarities } = coding
  const { cache, load } = frontTimes(mapping, spec)
  const { shapes, shapeOf } = ouShapes(mapping, sliceMasks)
  return { mapping, spec, polarities, cache, load, lists, listOf, shapes, shapeOf }
}

function frontTimes(mapping: Mapping, spec: MacroSpec): { cache: FiringTimes; load: FiringTimes } {
  const cacheIntervals = mapping.unionRows.map((rows) => Math.max(1, Math.ceil((rows * 8) / spec.cachePortBits)))
  const loadIntervals = new Int32Array(mapping.ous)
  for (let ou = 0; ou < mapping.ous; ou++)
    loadIntervals[ou] = Math.ceil((mapping.rowStart[ou + 1]! - mapping.rowStart[ou]!) / spec.loadRowsPerCycle)
  return {
    cache: firingTimes(cacheIntervals, spec.timing.cache),
    load: firingTimes(loadIntervals, spec.timing.load),
  }
}

function firingTimes(interval: Int32Array, stage: { latency: number; streaming: boolean }): FiringTimes {
  const span = interval.map((cycles) => Math.max(cycles, stage.latency))
  return { interval, handover: stage.streaming ? span.map(() => stage.latency) : span, span }
}

function ouShapes(mapping: Mapping, sliceMasks: Int32Array): { shapes: OuShape[]; shapeOf: Int32Array } {
  const shapes: OuShape[] = []
  const known = new Map<number, number>()
  const shapeOf = new Int32Array(mapping.ous)
  for (let ou = 0; ou < mapping.ous; ou++) {
    const outputs = mapping.colStart[ou + 1]! - mapping.colStart[ou]!
    const key = (sliceMasks[ou]! >>> 0) * 65_536 + outputs
    let shape = known.get(key)
    if (shape === undefined) {
      shape = shapes.length
      known.set(key, shape)
      shapes.push({ slices: sliceMasks[ou]!, outputs })
    }
    shapeOf[ou] = shape
  }
  return { shapes, shapeOf }
}

/** OUs with the same rows of the same matrix have the same zero flags: side by side in a dense layer, all of them. */
function shareRowLists(mapping: Mapping): { lists: RowLists; listOf: Int32Array } {
  const { rowStart, rowOf } = mapping
  const listOf = new Int32Array(mapping.ous)
  const owners: number[] = []
  const ofMatrix = new Int32Array(mapping.matrices.length + 1)
  let buckets = new Map<number, number[]>()
  let matrix = -1
  for (let ou = 0; ou < mapping.ous; ou++) {
    const own = mapping.strips[mapping.stripOf[ou]!]!.matrix
    while (matrix < own) {
      ofMatrix[++matrix] = owners.length
      buckets = new Map()
    }
    const hash = hashRows(rowOf, rowStart[ou]!, rowStart[ou + 1]!)
    const bucket = buckets.get(hash)
    const found = bucket?.find((list) => sameRows(mapping, owners[list]!, ou))
    listOf[ou] = found ?? owners.length
    if (found !== undefined) continue
    if (bucket === undefined) buckets.set(hash, [owners.length])
    else bucket.push(owners.length)
    owners.push(ou)
  }
  ofMatrix.fill(owners.length, matrix + 1)
  const start = new Int32Array(owners.length + 1)
  for (const [i, ou] of owners.entries()) start[i + 1] = start[i]! + rowStart[ou + 1]! - rowStart[ou]!
  const rows = new Int32Array(start[owners.length]!)
  for (const [i, ou] of owners.entries()) rows.set(rowOf.subarray(rowStart[ou]!, rowStart[ou + 1]!), start[i]!)
  return { lists: { count: owners.length, start, rows, ofMatrix }, listOf }
}

function hashRows(rowOf: Int32Array, from: number, to: number): number {
  let hash = to - from
  for (let i = from; i < to; i++) hash = (Math.imul(hash, 0x01000193) ^ rowOf[i]!) | 0
  return hash
}

function sameRows({ rowStart, rowOf }: Mapping, a: number, b: number): boolean {
  const length = rowStart[a + 1]! - rowStart[a]!
  if (length !== rowStart[b + 1]! - rowStart[b]!) return false
  for (let i = 0; i < length; i++) if (rowOf[rowStart[a]! + i] !== rowOf[rowStart[b]! + i]) return false
  return true
}
