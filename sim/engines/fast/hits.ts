// Which (pass, plane) of a row list drive more rows than the certificates of its OUs allow.
import { tabulateFlags } from '../../stages/load.js'
import { mostDriven, type Streams } from './kernels/kernels.js'
import type { FastPlan } from './plan.js'
import type { Workspace } from './workspace.js'

export interface HitFinder {
  /** Calls `hit(row list, pass of the block, plane)` wherever more rows are driven than the limit of one of the list's OUs. */
  find(matrix: number, block: Streams, hit: (list: number, at: number, plane: number) => void): void
}

/** @param limits of every OU; −1: wherever a plane fires */
export function createHitFinder(plan: FastPlan, limits: Int32Array, space: Workspace): HitFinder {
  const { lists, spec } = plan
  const { bitsPerStep, planes, skipZeroPlanes } = spec
  const flags = tabulateFlags(bitsPerStep, planes)
  const least = new Int32Array(lists.count).fill(2 ** 31 - 1)
  for (const [ou, list] of plan.listOf.entries()) least[list] = Math.min(least[list]!, limits[ou]!)
  const found = plan.mapping.matrices.map((_, m) => {
    const counted: number[] = []
    const others: number[] = []
    const { firstRow } = space.matrices[m]!
    for (let list = lists.ofMatrix[m]!; list < lists.ofMatrix[m + 1]!; list++) {
      const [from, to] = [lists.start[list]!, lists.start[list + 1]!]
      const limit = least[list]!
      if (limit >= to - from) continue
      if (bitsPerStep === 1 && limit >= 0 && limit <= mostDriven)
        counted.push(from - firstRow, to - firstRow, limit, list)
      else others.push(list)
    }
    return { counted: Int32Array.from(counted), others }
  })
  return {
    find(m, block, hit) {
      const { counted, others } = found[m]!
      space.arena.moreDriven(block, space.matrices[m]!.offsets, counted, (list, pass, more) => {
        for (let left = more; left !== 0; left &= left - 1) {
          const bit = 31 - Math.clz32(left & -left)
          const at = pass + (bit >> 3)
          if (at < block.passes) hit(list, at, bit & 7)
        }
      })
      for (const list of others) countOneByOne(list, block, hit)
    },
  }

  /** The plain way: for wide digits, high limits, and where every plane that fires is asked for. */
  function countOneByOne(
    list: number,
    { bytes, stride, passes }: Streams,
    hit: (list: number, at: number, plane: number) => void,
  ): void {
    for (let at = 0; at < passes; at++) {
      for (let plane = 0; plane < planes; plane++) {
        let driven = 0
        for (let i = lists.start[list]!; i < lists.start[list + 1]!; i++)
          driven += (flags[bytes[lists.rows[i]! * stride + at]!]! >> plane) & 1
        if (driven > least[list]! && (driven > 0 || !skipZeroPlanes)) hit(list, at, plane)
      }
    }
  }
}
