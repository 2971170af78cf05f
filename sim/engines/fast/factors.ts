// Weights packed for the product kernel: OUs with the same outputs are taken together, a few rows at a time.
import type { Mapping } from '../../../models/mapping/mapping.js'
import type { WeightMatrix } from '../../../models/nn/types.js'
import { type Arena, type Program, sizeOf, stepColumns, stepInts } from './kernels/kernels.js'

/** Rows by columns of a matrix; `columns[i]` is delivered to column `targets[i]` of the sums, from ≤ i < to. */
export interface Piece {
  readonly rows: Int32Array
  readonly columns: Int32Array
  readonly targets: Int32Array
  readonly from: number
  readonly to: number
}

/** Most steps, offsets and weights of a program. */
export interface ProgramRoom {
  readonly steps: number
  readonly offsets: number
  readonly weights: number
}

/** Rows of a step: their cache lines stay in a first-level cache while its columns and passes are taken. */
const stepRows = 128
/** A program that is packed again for every block. */
export const smallRoom: ProgramRoom = { steps: 1 << 11, offsets: 1 << 13, weights: 1 << 16 }

export function programBytes({ steps, offsets, weights }: ProgramRoom): number {
  return sizeOf(4 * stepInts * steps) + sizeOf(4 * offsets) + sizeOf(2 * weights)
}

/** Room for all OUs of a layer. */
export function roomOf({ ous, rowStart, colStart }: Mapping): ProgramRoom {
  const room = { steps: 0, offsets: 0, weights: 0 }
  for (let ou = 0; ou < ous; ou++) {
    const rows = rowStart[ou + 1]! - rowStart[ou]!
    const quads = Math.ceil((colStart[ou + 1]! - colStart[ou]!) / stepColumns)
    room.steps += Math.ceil(rows / stepRows) * quads
    room.offsets += rows + (rows & 1)
    room.weights += (rows + (rows & 1)) * quads * stepColumns
  }
  return room
}

export function allotProgram(arena: Arena, { steps, offsets, weights }: ProgramRoom): Program {
  const packed = arena.bytes(2 * weights)
  return {
    steps: arena.ints(stepInts * steps),
    offsets: arena.ints(offsets),
    weights: new Int16Array(packed.buffer, packed.byteOffset, weights),
  }
}

/** Packs pieces behind what the program holds already; yields the end of its steps where it is full, and then begins anew, and at the end. */
export function* pack(
  pieces: Iterable<Piece>,
  { cols, e }: Pick<WeightMatrix, 'cols' | 'e'>,
  stride: number,
  program: Program,
  used: { -readonly [key in keyof ProgramRoom]: number },
): Generator<number> {
  const { steps, offsets, weights } = program
  for (const { rows, columns, targets, from, to } of pieces) {
    for (let row = 0; row < rows.length; row += stepRows) {
      const count = Math.min(stepRows, rows.length - row)
      const even = count + (count & 1)
      /** where the program has these rows */
      let own = -1
      for (let c = from; c < to; c += stepColumns) {
        const fits =
          stepInts * (used.steps + 1) <= steps.length &&
          used.weights + stepColumns * even <= weights.length &&
          (own >= 0 || used.offsets + even <= offsets.length)
        if (!fits) {
          yield used.steps
          used.steps = used.offsets = used.weights = 0
          own = -1
        }
        if (own < 0) {
          own = used.offsets
          used.offsets += even
          for (let i = 0; i < even; i++) offsets[own + i] = rows[row + Math.min(i, count - 1)]! * stride
        }
        const width = Math.min(stepColumns, to - c)
        let at = stepInts * used.steps++
        steps[at++] = own
        steps[at++] = own + even
        steps[at++] = used.weights
        for (let k = 0; k < stepColumns; k++) steps[at++] = targets[c + (k < width ? k : 0)]!
        if (width < stepColumns || even > count) weights.fill(0, used.weights, used.weights + stepColumns * even)
        const chosen = columns.subarray(c, c + width)
        packStep(e, cols, rows.subarray(row, row + count), chosen, weights.subarray(used.weights))
        used.weights += stepColumns * even
      }
    }
  }
  yield used.steps
}

function packStep(e: Int16Array, cols: number, rows: Int32Array, columns: Int32Array, into: Int16Array): void {
  const [c0, c1, c2, c3] = columns
  for (let i = 0; i < rows.length; i++) {
    const from = rows[i]! * cols
    const at = 2 * stepColumns * (i >> 1) + (i & 1)
    into[at] = e[from + c0!]!
    if (c1 !== undefined) into[at + 2] = e[from + c1]!
    if (c2 !== undefined) into[at + 4] = e[from + c2]!
    if (c3 !== undefined) into[at + 6] = e[from + c3]!
  }
}

/** OUs of a matrix that deliver the same columns to the same outputs, up to `stepRows` rows together. */
export interface Bundles {
  /** OUs of bundle i: ous[start[i]] … ous[start[i + 1] − 1] */
  readonly start: Int32Array
  readonly ous: Int32Array
}

export function bundle(mapping: Mapping, ous: Int32Array): Bundles {
  const { rowStart } = mapping
  const open = new Map<number, number[]>()
  const owners: number[] = []
  const sizes: number[] = []
  const rows: number[] = []
  const bundleOf = ous.map((ou) => {
    const own = rowStart[ou + 1]! - rowStart[ou]!
    const key = hashColumns(mapping, ou)
    const bucket = open.get(key) ?? []
    const place = bucket.findIndex((b) => sameColumns(mapping, owners[b]!, ou))
    const found = bucket[place]
    if (found !== undefined && rows[found]! + own <= stepRows) {
      sizes[found]! += 1
      rows[found]! += own
      return found
    }
    if (found === undefined) open.set(key, [...bucket, owners.length])
    else bucket[place] = owners.length
    sizes.push(1)
    rows.push(own)
    return owners.push(ou) - 1
  })
  const start = new Int32Array(owners.length + 1)
  for (const [b, size] of sizes.entries()) start[b + 1] = start[b]! + size
  const next = start.slice()
  const sorted = new Int32Array(ous.length)
  for (const [i, ou] of ous.entries()) sorted[next[bundleOf[i]!]++] = ou
  return { start, ous: sorted }
}

export function* piecesOf(mapping: Mapping, { start, ous }: Bundles): Generator<Piece> {
  const { rowStart, rowOf, colStart, colOf: columns, deliveredTo: targets } = mapping
  let room = new Int32Array(stepRows)
  for (let b = 0; b + 1 < start.length; b++) {
    let count = 0
    for (let i = start[b]!; i < start[b + 1]!; i++) {
      const own = rowOf.subarray(rowStart[ous[i]!]!, rowStart[ous[i]! + 1]!)
      if (count + own.length > room.length) room = new Int32Array(own.length)
      room.set(own, count)
      count += own.length
    }
    const first = ous[start[b]!]!
    yield { rows: room.subarray(0, count), columns, targets, from: colStart[first]!, to: colStart[first + 1]! }
  }
}

function hashColumns({ colStart, colOf, deliveredTo }: Mapping, ou: number): number {
  let hash = 0
  for (let c = colStart[ou]!; c < colStart[ou + 1]!; c++)
    hash = (Math.imul(Math.imul(hash, 0x01000193) ^ colOf[c]!, 0x01000193) ^ deliveredTo[c]!) | 0
  return hash
}

function sameColumns({ colStart, colOf, deliveredTo }: Mapping, a: number, b: number): boolean {
  const from = colStart[a]!
  const shift = colStart[b]! - from
  if (colStart[b + 1]! - colStart[b]! !== colStart[a + 1]! - from) return false
  for (let c = from; c < colStart[a + 1]!; c++)
    if (colOf[c] !== colOf[c + shift] || deliveredTo[c] !== deliveredTo[c + shift]) return false
  return true
}
