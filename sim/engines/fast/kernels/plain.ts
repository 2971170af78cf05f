// The kernels as plain loops: what they compute, and what runs where there is no SIMD.
import { sumOfSquares } from '../../../../models/values/finish.js'
import { followPlain } from './follow.js'
import { type Arena, type Hit, type Kernels, type Passes, type Streams, stepColumns, stepInts } from './kernels.js'
import { tallyPlain } from './tally.js'

const plainArena: Arena = {
  bytes: (length) => new Uint8Array(Math.ceil(length / 4) * 4),
  ints: (length) => new Int32Array(length),
  orRows({ bytes, passes }, offsets, from, to, into, at) {
    const source = words(bytes)
    const target = words(into)
    const first = at >> 2
    const count = (passes + 3) >> 2
    target.fill(0, first, first + count)
    let i = from
    for (; i + 3 < to; i += 4) {
      const a = offsets[i]! >> 2
      const b = offsets[i + 1]! >> 2
      const c = offsets[i + 2]! >> 2
      const d = offsets[i + 3]! >> 2
      for (let w = 0; w < count; w++)
        target[first + w] = target[first + w]! | source[a + w]! | source[b + w]! | source[c + w]! | source[d + w]!
    }
    for (; i < to; i++) {
      const a = offsets[i]! >> 2
      for (let w = 0; w < count; w++) target[first + w] = target[first + w]! | source[a + w]!
    }
  },
  follow: followPlain,
  windows: null,
  tally: tallyPlain,
  copyRows: null,
  countBits({ bytes, stride, passes }, row, mask) {
    let sum = 0
    for (let at = row * stride; at < row * stride + passes; at++) sum += ones[bytes[at]! & mask]!
    return sum
  },
  multiply({ bytes, passes }, { steps, offsets, columns, weights }, from, to, signed, fresh, sums) {
    const codes = signed ? signedCodes(bytes) : bytes
    for (let step = from * stepInts; step < to * stepInts; step += stepInts) {
      const rows = offsets.subarray(steps[step]!, steps[step + 1]!)
      const targets = columns.subarray(steps[step + 2]!, steps[step + 3]!)
      if (fresh && steps[step + 5] === 1)
        for (const target of targets) sums.fill(0, target, target + Math.ceil(passes / 8) * 8)
      for (const [c, target] of targets.entries()) {
        const first = steps[step + 4]! + (c - (c % stepColumns)) * rows.length + 2 * (c % stepColumns)
        for (const [i, source] of rows.entries()) {
          const weight = weights[first + stepColumns * (i - (i & 1)) + (i & 1)]!
          if (weight === 0) continue
          for (let p = 0; p < passes; p++) sums[target + p] = sums[target + p]! + weight * codes[source + p]!
        }
      }
    }
  },
  moreDriven(streams, offsets, lists, hit) {
    for (let list = 0; list < lists.length; list += 4)
      countDriven(streams, offsets, lists[list]!, lists[list + 1]!, lists[list + 2]!, lists[list + 3]!, hit)
  },
  digest: digestSums,
  weighRows,
}

export const plain: Kernels = { name: 'js', arena: () => plainArena }

function words(bytes: Uint8Array): Int32Array {
  return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 2)
}

/** `Arena.digest` of any integers. */
export function digestSums(
  sums: Int32Array | Float64Array,
  columns: number,
  { stride, passes }: Passes,
  split: boolean,
  vectorSums: Float64Array,
): bigint {
  const results = new Float64Array(split ? passes >> 1 : passes)
  let squares = 0n
  for (let from = 0; from < columns * stride; from += stride) {
    for (let v = 0; v < results.length; v++) {
      results[v] = split ? sums[from + 2 * v]! - sums[from + 2 * v + 1]! : sums[from + v]!
      vectorSums[v] = vectorSums[v]! + results[v]!
    }
    squares += sumOfSquares(results)
  }
  return squares
}

/** `Arena.weighRows` with any integers as weights. */
export function weighRows(
  { bytes, stride, passes }: Streams,
  weights: Int32Array | Float64Array,
  signed: boolean,
  into: Float64Array,
): void {
  const codes = signed ? signedCodes(bytes) : bytes
  for (const [row, weight] of weights.entries()) {
    if (weight === 0) continue
    const from = row * stride
    for (let p = 0; p < passes; p++) into[p] = into[p]! + weight * codes[from + p]!
  }
}

function signedCodes(bytes: Uint8Array): Int8Array {
  return new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length)
}

/** Four passes and all planes at once, in counters whose bits lie in different words: they overflow beyond the limit. */
function countDriven(
  { bytes, passes }: Streams,
  offsets: Int32Array,
  from: number,
  to: number,
  limit: number,
  list: number,
  hit: Hit,
): void {
  const source = words(bytes)
  const counters = new Int32Array(8)
  for (let w = 0; w < (passes + 3) >> 2; w++) {
    let more = 0
    for (let bit = 0; bit < 8; bit++) counters[bit] = -(((255 - limit) >> bit) & 1)
    for (let i = from; i < to; i++) {
      let carry = source[(offsets[i]! >> 2) + w]!
      for (let bit = 0; carry !== 0 && bit < 8; bit++) {
        const counter = counters[bit]!
        counters[bit] = counter ^ carry
        carry &= counter
      }
      more |= carry
    }
    if (more !== 0) hit(list, 4 * w, more)
  }
}

/** Set bits of every byte. */
const ones = Uint8Array.from({ length: 256 }, (_, byte) => {
  let count = 0
  for (let rest = byte; rest !== 0; rest &= rest - 1) count++
  return count
})
