// Zero flags, a block of passes at a time: the OR of the activation bytes of the rows of every row list. Bit planes stay where they are
// inside the byte, so one OR tells all planes. Activations lie row by row ("k-major"): a row list selects streams, nothing is gathered.
import type { RowLists } from './plan.js'

/** Bytes of a block of activations: byte of (row, pass of the block) at row · stride + pass. `stride` is a multiple of 16. */
export interface ActivationBlock {
  readonly bytes: Uint8Array
  readonly stride: number
  readonly passes: number
}

/**
 * ORs of the lists `from` … `to` − 1 of one matrix, one byte per (list, pass): into[(list − from) · intoStride + at + pass]. Up to three
 * bytes behind a list's last pass are overwritten. `intoStride` and `at` are multiples of 4.
 */
export function orRows(
  block: ActivationBlock,
  lists: RowLists,
  from: number,
  to: number,
  into: Uint8Array,
  intoStride: number,
  at: number,
): void {
  const { start, rows } = lists
  const source = words(block.bytes)
  const target = words(into)
  const stride = block.stride >> 2
  const count = (block.passes + 3) >> 2
  for (let list = from; list < to; list++) {
    const out = ((list - from) * intoStride + at) >> 2
    const end = start[list + 1]!
    let i = start[list]!
    if (i + 3 < end) {
      const a = rows[i]! * stride
      const b = rows[i + 1]! * stride
      const c = rows[i + 2]! * stride
      const d = rows[i + 3]! * stride
      for (let w = 0; w < count; w++)
        target[out + w] = source[a + w]! | source[b + w]! | source[c + w]! | source[d + w]!
      i += 4
    } else {
      const a = rows[i]! * stride
      for (let w = 0; w < count; w++) target[out + w] = source[a + w]!
      i += 1
    }
    for (; i + 3 < end; i += 4) {
      const a = rows[i]! * stride
      const b = rows[i + 1]! * stride
      const c = rows[i + 2]! * stride
      const d = rows[i + 3]! * stride
      for (let w = 0; w < count; w++)
        target[out + w] = target[out + w]! | source[a + w]! | source[b + w]! | source[c + w]! | source[d + w]!
    }
    for (; i < end; i++) {
      const a = rows[i]! * stride
      for (let w = 0; w < count; w++) target[out + w] = target[out + w]! | source[a + w]!
    }
  }
}

function words(bytes: Uint8Array): Int32Array {
  return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 2)
}

/** Adds to sums[row] the digits of the row's codes: driving digit j of weight 2^j costs 2^j unit pulses, so Σ over bits of 2^(bit mod d). */
export function addDigitSums(block: ActivationBlock, sums: Float64Array, bitsPerStep: number): void {
  const { bytes, stride, passes } = block
  const weights = digitWeights(bitsPerStep)
  const source = words(bytes)
  const whole = bitsPerStep === 1 ? passes >> 2 : 0
  for (let row = 0; row < sums.length; row++) {
    const from = (row * stride) >> 2
    let sum = bitsPerStep === 1 ? countBits(source, from, from + whole) : 0
    for (let at = row * stride + 4 * whole; at < row * stride + passes; at++) sum += weights[bytes[at]!]!
    sums[row]! += sum
  }
}

/** Per code: Σ of its digits. */
function digitWeights(bitsPerStep: number): Uint16Array {
  return Uint16Array.from({ length: 256 }, (_, byte) => {
    let sum = 0
    for (let bit = 0; bit < 8; bit++) if (((byte >> bit) & 1) === 1) sum += 2 ** (bit % bitsPerStep)
    return sum
  })
}

/** Set bits of words from … to − 1: sums of neighbouring fields in the word, bytes added up while they cannot overflow. */
function countBits(source: Int32Array, from: number, to: number): number {
  let sum = 0
  for (let at = from; at < to; ) {
    const end = Math.min(to, at + 31)
    let perByte = 0
    for (; at < end; at++) {
      let w = source[at]!
      w -= (w >>> 1) & 0x55555555
      w = (w & 0x33333333) + ((w >>> 2) & 0x33333333)
      perByte += (w + (w >>> 4)) & 0x0f0f0f0f
    }
    sum += (perByte & 0xff) + ((perByte >>> 8) & 0xff) + ((perByte >>> 16) & 0xff) + (perByte >>> 24)
  }
  return sum
}
