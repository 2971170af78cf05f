// The inner loops of the fast engine, on memory of their own. There are two sets: plain loops, and WebAssembly SIMD held equal to them.

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
  /** The same for `window-bit`, see kernels/windows.ts; null: the loop in window.ts is all there is */
  readonly windows: ((memory: Int32Array, flags: Uint8Array) => number) | null
  /** Set bits of (byte & mask) in the passes of one row, and in up to 15 bytes behind them. */
  countBits(streams: Streams, row: number, mask: number): number
  /** Adds Σ over rows of activation × weight to sums[target · stride + pass] (and to up to 7 sums behind the last pass). */
  product(streams: Streams, factors: Factors, sums: Int32Array): void
}

/** Some rows and columns of a matrix. */
export interface Factors {
  /** row · stride of the rows, in the arena, with one more entry behind them; and the rows: entries from … to − 1 */
  readonly offsets: Int32Array
  readonly rows: Int32Array
  readonly from: number
  readonly to: number
  /** columns of the matrix, and columns of the sums that get their results: entries firstColumn … endColumn − 1 */
  readonly columns: Int32Array
  readonly targets: Int32Array
  readonly firstColumn: number
  readonly endColumn: number
  /** the matrix: e of (row, column) at row · cols + column */
  readonly e: Int16Array
  readonly cols: number
  /** activations are int8, otherwise uint8 */
  readonly signed: boolean
}

/** Bytes that an array takes in an arena: aligned, and with room behind it. */
export function sizeOf(bytes: number): number {
  return Math.ceil((bytes + 64) / 64) * 64
}
