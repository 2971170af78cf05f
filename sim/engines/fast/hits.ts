// Which (pass, plane) of an OU drive more rows than its certificate allows. Rows are counted for four passes and all planes at once, in
// counters whose bits lie in different words.
import type { Mapping } from '../../../models/mapping/mapping.js'
import { tabulateFlags } from '../../stages/load.js'
import type { Streams } from './kernels/kernels.js'

export interface HitFinder {
  /** Calls `hit(pass of the block, plane)` wherever more than `limit` rows are driven; −1: wherever the plane fires. */
  find(mapping: Mapping, ou: number, limit: number, block: Streams, hit: (at: number, plane: number) => void): void
}

/** Rows that five counter bits can count. */
const mostRows = 31

export function createHitFinder(bitsPerStep: number, planes: number, skipZeroPlanes: boolean): HitFinder {
  const flags = tabulateFlags(bitsPerStep, planes)
  return {
    find(mapping, ou, limit, block, hit) {
      const first = mapping.rowStart[ou]!
      const end = mapping.rowStart[ou + 1]!
      if (limit >= end - first) return
      if (bitsPerStep === 1 && end - first <= mostRows && limit >= 0) countByWords(mapping, ou, limit, block, hit)
      else countOneByOne(mapping, ou, limit, block, hit)
    },
  }

  /** The plain way: for wide digits, tall OUs, and where every plane that fires is asked for. */
  function countOneByOne(
    { rowStart, rowOf }: Mapping,
    ou: number,
    limit: number,
    { bytes, stride, passes }: Streams,
    hit: (at: number, plane: number) => void,
  ): void {
    for (let at = 0; at < passes; at++) {
      for (let plane = 0; plane < planes; plane++) {
        let driven = 0
        for (let i = rowStart[ou]!; i < rowStart[ou + 1]!; i++)
          driven += (flags[bytes[rowOf[i]! * stride + at]!]! >> plane) & 1
        if (driven > limit && (driven > 0 || !skipZeroPlanes)) hit(at, plane)
      }
    }
  }
}

function countByWords(
  { rowStart, rowOf }: Mapping,
  ou: number,
  limit: number,
  block: Streams,
  hit: (at: number, plane: number) => void,
): void {
  const words = new Int32Array(block.bytes.buffer, block.bytes.byteOffset, block.bytes.length >> 2)
  const stride = block.stride >> 2
  const first = rowStart[ou]!
  const end = rowStart[ou + 1]!
  const [l0, l1, l2, l3, l4] = [0, 1, 2, 3, 4].map((bit) => -((limit >> bit) & 1)) as [
    number,
    number,
    number,
    number,
    number,
  ]
  for (let w = 0; w < (block.passes + 3) >> 2; w++) {
    let c0 = 0
    let c1 = 0
    let c2 = 0
    let c3 = 0
    let c4 = 0
    for (let i = first; i < end; i++) {
      let carry = words[rowOf[i]! * stride + w]!
      let next = c0 & carry
      c0 ^= carry
      carry = next
      next = c1 & carry
      c1 ^= carry
      carry = next
      next = c2 & carry
      c2 ^= carry
      carry = next
      next = c3 & carry
      c3 ^= carry
      c4 |= next
    }
    // count > limit, from the highest bit down
    let more = c4 & ~l4
    let equal = ~(c4 ^ l4)
    more |= equal & c3 & ~l3
    equal &= ~(c3 ^ l3)
    more |= equal & c2 & ~l2
    equal &= ~(c2 ^ l2)
    more |= equal & c1 & ~l1
    equal &= ~(c1 ^ l1)
    more |= equal & c0 & ~l0
    for (; more !== 0; more &= more - 1) {
      const bit = 31 - Math.clz32(more & -more)
      const at = 4 * w + (bit >> 3)
      if (at < block.passes) hit(at, bit & 7)
    }
  }
}
