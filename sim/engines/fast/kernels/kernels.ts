// The inner loops of the fast engine, on memory of their own. There are two sets: plain loops, and WebAssembly SIMD held equal to them.

import type { TallyParts } from './tally.js'

/** Streams of bytes, row by row: byte of (row, pass) at row · stride + pass. `stride` is a multiple of 64. */
export interface Streams {
  readonly bytes: Uint8Array
  readonly stride: number
  readonly passes: number
}

export interface Kernels {
  readonly name: 'js' | 'wasm'
  /** Memory for arrays that kernels work on. It cannot grow: `bytes` is everything that will be asked of it, see `sizeOf`. */
  arena(bytes: number): Arena
}

/** Arrays are zero at first and belong to this arena for good. All arrays of one call must come from one arena. */
export interface Arena {
  bytes(length: number): Uint8Array
  ints(length: number): Int32Array
  /**
   * OR of some rows: into[at + pass] for pass < passes; up to 63 bytes behind them are overwritten. `at` is a multiple of 4.
   * @param offsets row · stride of the rows: entries from … to − 1
   */
  orRows(streams: Streams, offsets: Int32Array, from: number, to: number, into: Uint8Array, at: number): void
  /**
   * Follows the automaton of Load and the back end until everything is done or something is not tabulated.
   * @param memory see kernels/follow.ts, which also says what is returned
   */
  follow(memory: Int32Array, flags: Uint8Array): number
  /**
   * Copies rows of activations from a tensor, and what stands behind them; null: the loops in streams.ts are all there is.
   * @param recipe see wasm/streams.ts; @param rows words of it: from … to − 1
   */
  readonly copyRows:
    | ((
        recipe: Int32Array,
        rows: { from: number; to: number },
        source: Uint8Array,
        into: Uint8Array,
        stride: number,
      ) => void)
    | null
  /** Sums over the transitions that were taken, see kernels/tally.ts. */
  tally(memory: Int32Array, parts: TallyParts): void
  /** As `follow` for `window-bit`, see kernels/windows.ts; null: the loop in window.ts is all there is */
  readonly windows: ((memory: Int32Array, flags: Uint8Array) => number) | null
  /** Set bits of (byte & mask) in the passes of one row, and in up to 15 bytes behind them. */
  countBits(streams: Streams, row: number, mask: number): number
  /**
   * Runs steps from … to − 1 of a program: Σ over rows of activation × weight is added to sums[column · stride + pass] (and to up to 7 sums
   * behind the last pass). Fresh: steps that begin their columns set the sums instead.
   */
  multiply(
    streams: Streams,
    program: Program,
    from: number,
    to: number,
    signed: boolean,
    fresh: boolean,
    sums: Int32Array,
  ): void
  /**
   * Calls `hit` where more rows of a list are driven than its limit, four passes and all planes at once, in any order: bit 8 · k + plane of
   * `planes` stands for pass `pass` + k. Streams are zero behind their passes, up to a multiple of 16.
   * @param offsets row · stride of the rows of all lists
   * @param lists of each list: its entries of `offsets` (from, to), its limit (0 … 255), a number of the caller's
   */
  moreDriven(streams: Streams, offsets: Int32Array, lists: Int32Array, hit: Hit): void
  /**
   * Adds the results of `columns` columns to the sums of their vectors: one pass a vector, or the first of two less the second. Sums are zero
   * behind their passes, up to a multiple of 8.
   * @returns Σ result², which stays below 2^63
   */
  digest(sums: Int32Array, columns: number, passes: Passes, split: boolean, vectorSums: Float64Array): bigint
  /** Adds Σ over rows of weight × activation to into[pass]; weights begin with row 0. Σ abs(weight) · 255 stays below 2^31. */
  weighRows(streams: Streams, weights: Int32Array, signed: boolean, into: Float64Array): void
}

export type Passes = Pick<Streams, 'stride' | 'passes'>
export type Hit = (list: number, pass: number, planes: number) => void

/** Rows by columns of a matrix, packed as `multiply` reads them; all arrays in the arena. */
export interface Program {
  /**
   * `stepInts` numbers a step: entries of `offsets` (from, to: an even number, at most `stepRows`), entries of `columns` (from, to: a multiple
   * of `stepColumns`), the first of `weights`, and 1 where it begins its columns
   */
  readonly steps: Int32Array
  /** row · stride */
  readonly offsets: Int32Array
  /** column · stride of the sums that get the results; missing ones repeat the first of their four and have no weights */
  readonly columns: Int32Array
  /** of every four columns, and of every two rows: four times (weight of the first row, of the second) */
  readonly weights: Int16Array
}

/** Numbers that a step of a program takes, columns that are taken together, and most rows. */
export const stepInts = 8
export const stepColumns = 4
export const stepRows = 128

/** Limits that `moreDriven` counts to. */
export const mostDriven = 255

/** Bytes that an array takes in an arena: aligned, and with room behind it. */
export function sizeOf(bytes: number): number {
  return Math.ceil((bytes + 64) / 64) * 64
}
