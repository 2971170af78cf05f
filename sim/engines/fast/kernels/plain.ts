// The kernels as plain loops: what they compute, and what runs where there is no SIMD.
import { followPlain } from './follow.js'
import type { Arena, Kernels } from './kernels.js'

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
  countBits({ bytes, stride, passes }, row, mask) {
    let sum = 0
    for (let at = row * stride; at < row * stride + passes; at++) sum += ones[bytes[at]! & mask]!
    return sum
  },
  product(
    { bytes, stride, passes },
    { offsets, rows, from, to, columns, targets, firstColumn, endColumn, e, cols, signed },
    sums,
  ) {
    const codes = signed ? new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length) : bytes
    for (let i = from; i < to; i++) {
      const source = offsets[i]!
      for (let c = firstColumn; c < endColumn; c++) {
        const weight = e[rows[i]! * cols + columns[c]!]!
        if (weight === 0) continue
        const target = targets[c]! * stride
        for (let p = 0; p < passes; p++) sums[target + p] = sums[target + p]! + weight * codes[source + p]!
      }
    }
  },
}

export const plain: Kernels = { name: 'js', arena: () => plainArena }

function words(bytes: Uint8Array): Int32Array {
  return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 2)
}

/** Set bits of every byte. */
const ones = Uint8Array.from({ length: 256 }, (_, byte) => {
  let count = 0
  for (let rest = byte; rest !== 0; rest &= rest - 1) count++
  return count
})
