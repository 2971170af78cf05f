// Weights packed for the product kernel: OUs with the same outputs are taken together, a few rows at a time.
import type { Mapping } from '../../../models/mapping/mapping.js'
import type { WeightMatrix } from '../../../models/nn/types.js'
import { type Arena, type Program, sizeOf, stepColumns, stepInts, stepRows } from './kernels/kernels.js'
import type { FastPlan } from './plan.js'

/** Rows by columns of a matrix; columns[i] is delivered to column targets[i] of the sums. */
export interface Piece {
  readonly rows: Int32Array
  readonly columns: Int32Array
  readonly targets: Int32Array
  /** the first of its matrix for every one of its targets */
  readonly begins: boolean
}

/** Most steps, offsets, columns and weights of a program. */
export interface ProgramRoom {
  readonly steps: number
  readonly offsets: number
  readonly columns: number
  readonly weights: number
}

export type ProgramUse = { -readonly [key in keyof ProgramRoom]: number }

/** Columns of a step: its weights stay in a first-level cache while the passes are taken. */
const mostColumns = 32
/** A program that is packed again for every block. */
export const smallRoom: ProgramRoom = { steps: 1 << 11, offsets: 1 << 13, columns: 1 << 13, weights: 1 << 16 }
export const noRoom: ProgramRoom = { steps: 0, offsets: 0, columns: 0, weights: 0 }

export function programBytes({ steps, offsets, columns, weights }: ProgramRoom): number {
  return sizeOf(4 * stepInts * steps) + sizeOf(4 * offsets) + sizeOf(4 * columns) + sizeOf(2 * weights)
}

/** Room for all OUs of a layer. */
export function roomOf({ ous, rowStart, colStart }: Mapping): ProgramRoom {
  const room = { ...noRoom } as ProgramUse
  for (let ou = 0; ou < ous; ou++) {
    const rows = even(rowStart[ou + 1]! - rowStart[ou]!)
    const columns = Math.ceil((colStart[ou + 1]! - colStart[ou]!) / stepColumns) * stepColumns
    const steps = Math.ceil(rows / stepRows) * Math.ceil(columns / mostColumns)
    room.steps += steps
    room.offsets += rows * Math.ceil(columns / mostColumns)
    room.columns += columns * Math.ceil(rows / stepRows)
    room.weights += rows * columns
  }
  return room
}

export function allotProgram(arena: Arena, { steps, offsets, columns, weights }: ProgramRoom): Program {
  const packed = arena.bytes(2 * weights)
  return {
    steps: arena.ints(stepInts * steps),
    offsets: arena.ints(offsets),
    columns: arena.ints(columns),
    weights: new Int16Array(packed.buffer, packed.byteOffset, weights),
  }
}

/** Packs pieces behind what the program holds already; yields the end of its steps where it is full, and then begins anew, and at the end. */
export function* pack(
  pieces: Iterable<Piece>,
  { cols, e }: Pick<WeightMatrix, 'cols' | 'e'>,
  stride: number,
  program: Program,
  used: ProgramUse,
): Generator<number> {
  for (const { rows: all, columns: every, targets, begins } of pieces) {
    for (let row = 0; row < all.length; row += stepRows) {
      const rows = all.subarray(row, row + stepRows)
      for (let c = 0; c < every.length; c += mostColumns) {
        const columns = every.subarray(c, c + mostColumns)
        const width = Math.ceil(columns.length / stepColumns) * stepColumns
        const full =
          stepInts * (used.steps + 1) > program.steps.length ||
          used.offsets + even(rows.length) > program.offsets.length ||
          used.columns + width > program.columns.length ||
          used.weights + even(rows.length) * width > program.weights.length
        if (full) {
          yield used.steps
          Object.assign(used, noRoom)
        }
        const own = { rows, columns, targets: targets.subarray(c, c + mostColumns), begins: begins && row === 0 }
        packStep(own, cols, e, stride, program, used)
      }
    }
  }
  yield used.steps
}

function packStep(
  { rows, columns, targets, begins }: Piece,
  cols: number,
  e: Int16Array,
  stride: number,
  program: Program,
  used: ProgramUse,
): void {
  const count = even(rows.length)
  const width = Math.ceil(columns.length / stepColumns) * stepColumns
  const ends = [used.offsets, used.offsets + count, used.columns, used.columns + width, used.weights]
  program.steps.set([...ends, begins ? 1 : 0], stepInts * used.steps)
  for (let i = 0; i < count; i++) program.offsets[used.offsets + i] = rows[Math.min(i, rows.length - 1)]! * stride
  for (let c = 0; c < width; c++)
    program.columns[used.columns + c] = targets[c < columns.length ? c : c - (c % stepColumns)]! * stride
  for (let c = 0; c < width; c += stepColumns) {
    const own = program.weights.subarray(used.weights, used.weights + stepColumns * count)
    if (columns.length - c < stepColumns || rows.length < count) own.fill(0)
    packFour(e, cols, rows, columns.subarray(c, c + stepColumns), own)
    used.weights += own.length
  }
  used.steps += 1
  used.offsets += count
  used.columns += width
}

function packFour(e: Int16Array, cols: number, rows: Int32Array, columns: Int32Array, into: Int16Array): void {
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

/**
 * OUs of a matrix in blocks of rows by columns: those that deliver the same columns to the same outputs stand below one another, up to
 * `stepRows` rows; such stacks with the same row lists stand side by side, up to `mostColumns` columns.
 */
export interface Bundles {
  /** OUs of stack i: ous[start[i]] … ous[start[i + 1] − 1] */
  readonly start: Int32Array
  readonly ous: Int32Array
  /** stacks side by side */
  readonly rows: readonly Row[]
  /** targets that no row begins: zero before the first */
  readonly unbegun: readonly number[]
}

/** What a program holds: the steps of every matrix whose OUs are packed, and how they stand. */
export interface Packing {
  readonly used: ProgramUse
  readonly kept: ({ readonly from: number; readonly to: number } | undefined)[]
  readonly bundles: (Bundles | undefined)[]
}

/** `begins`: no row before it has any of its targets. */
interface Row {
  readonly stacks: readonly number[]
  readonly begins: boolean
}

/** @param cols columns of the matrix */
export function bundle({ mapping, listOf }: FastPlan, ous: Int32Array, cols: number): Bundles {
  const { rowStart, colStart } = mapping
  const open = new Map<number, number[]>()
  const owners: number[] = []
  const heights: number[] = []
  const hashes: number[] = []
  const sizes: number[] = []
  const stackOf = ous.map((ou) => {
    const own = rowStart[ou + 1]! - rowStart[ou]!
    const key = hashColumns(mapping, ou)
    const bucket = open.get(key) ?? []
    const place = bucket.findIndex((stack) => sameColumns(mapping, owners[stack]!, ou))
    const found = bucket[place]
    if (found !== undefined && heights[found]! + own <= stepRows) {
      sizes[found]! += 1
      heights[found]! += own
      hashes[found] = (Math.imul(hashes[found]!, 0x01000193) ^ listOf[ou]!) | 0
      return found
    }
    if (found === undefined) open.set(key, [...bucket, owners.length])
    else bucket[place] = owners.length
    sizes.push(1)
    heights.push(own)
    hashes.push(listOf[ou]!)
    return owners.push(ou) - 1
  })
  const start = new Int32Array(owners.length + 1)
  for (const [stack, size] of sizes.entries()) start[stack + 1] = start[stack]! + size
  const next = start.slice()
  const sorted = new Int32Array(ous.length)
  for (const [i, ou] of ous.entries()) sorted[next[stackOf[i]!]++] = ou
  return { start, ous: sorted, ...begin(sideBySide()) }

  function sideBySide(): number[][] {
    const rows: number[][] = []
    const last = new Map<number, { stacks: number[]; width: number }>()
    for (const [stack, hash] of hashes.entries()) {
      const width = colStart[owners[stack]! + 1]! - colStart[owners[stack]!]!
      const known = last.get(hash)
      if (known !== undefined && known.width + width <= mostColumns && sameRows(known.stacks[0]!, stack)) {
        known.stacks.push(stack)
        known.width += width
      } else {
        const stacks = [stack]
        rows.push(stacks)
        last.set(hash, { stacks, width })
      }
    }
    return rows
  }

  function begin(rows: readonly number[][]): Pick<Bundles, 'rows' | 'unbegun'> {
    const seen = new Uint8Array(cols)
    const begun = new Uint8Array(cols)
    const found = rows.map((stacks) => {
      const targets = stacks.flatMap((stack) => {
        const ou = owners[stack]!
        return Array.from(mapping.deliveredTo.subarray(colStart[ou]!, colStart[ou + 1]!))
      })
      const begins = targets.every((target) => seen[target] === 0)
      for (const target of targets) {
        seen[target] = 1
        if (begins) begun[target] = 1
      }
      return { stacks, begins }
    })
    return { rows: found, unbegun: Array.from(begun.keys()).filter((target) => begun[target] === 0) }
  }

  function sameRows(a: number, b: number): boolean {
    if (sizes[a] !== sizes[b]) return false
    for (let i = 0; i < sizes[a]!; i++)
      if (listOf[sorted[start[a]! + i]!] !== listOf[sorted[start[b]! + i]!]) return false
    return true
  }
}

export function* piecesOf(mapping: Mapping, { start, ous, rows: stacked }: Bundles): Generator<Piece> {
  const { rowStart, rowOf, colStart, colOf, deliveredTo } = mapping
  let rows = new Int32Array(stepRows)
  const columns = new Int32Array(mostColumns)
  const targets = new Int32Array(mostColumns)
  for (const { stacks, begins } of stacked) {
    const [stack] = stacks
    let count = 0
    for (let i = start[stack!]!; i < start[stack! + 1]!; i++) {
      const own = rowOf.subarray(rowStart[ous[i]!]!, rowStart[ous[i]! + 1]!)
      if (count + own.length > rows.length) rows = new Int32Array(own.length)
      rows.set(own, count)
      count += own.length
    }
    const [first] = stacks.map((own) => ous[start[own]!]!)
    const wide = colStart[first! + 1]! - colStart[first!]! > mostColumns
    if (wide) {
      const own = [colStart[first!]!, colStart[first! + 1]!] as const
      yield {
        rows: rows.subarray(0, count),
        columns: colOf.subarray(...own),
        targets: deliveredTo.subarray(...own),
        begins,
      }
      continue
    }
    let width = 0
    for (const own of stacks) {
      const from = colStart[ous[start[own]!]!]!
      const to = colStart[ous[start[own]!]! + 1]!
      columns.set(colOf.subarray(from, to), width)
      targets.set(deliveredTo.subarray(from, to), width)
      width += to - from
    }
    yield {
      rows: rows.subarray(0, count),
      columns: columns.subarray(0, width),
      targets: targets.subarray(0, width),
      begins,
    }
  }
}

function even(count: number): number {
  return count + (count & 1)
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
