// Items are single int32 numbers. From the least significant bit: last (1), first (1), slice (5), plane (3), OU within its window, visit.
// A visit is one window in one pass; its window and pass stand in rings that are as long as visits can be under way (visits.ts).
// `first` and `last` mark the members of a merged group (window-bit order).
import { SpecError } from '../../models/base/errors.js'

export const sliceShift = 2
export const planeShift = 7
export const ouShift = 10

export const maxSlices = 32
export const maxPlanes = 8

export interface ItemLayout {
  readonly ouMask: number
  readonly visitShift: number
  /** length of each of the two rings of visits, a power of two */
  readonly ring: number
}

/**
 * @param windowOus largest number of OUs in a window
 * @param underWay largest number of visits under way at once
 * @param advice what to change on this machine when that is too much
 * @throws SpecError when an item does not fit 31 bits
 */
export function itemLayout(windowOus: number, underWay: number, advice: string): ItemLayout {
  const ouBits = Math.ceil(Math.log2(Math.max(1, windowOus)))
  const ringBits = Math.ceil(Math.log2(Math.max(2, underWay)))
  const visitBits = ringBits + 1
  const visitShift = ouShift + ouBits
  if (visitShift + visitBits > 31) {
    throw new SpecError(
      `strip.ous and what the stages hold are too large together: ${windowOus} OUs in a window and ${underWay} windows under way need ` +
        `${visitShift + visitBits} bits of an item, 31 are there; ${advice}`,
    )
  }
  return { ouMask: 2 ** ouBits - 1, visitShift, ring: 2 ** ringBits }
}

export function planeOf(item: number): number {
  return (item >> planeShift) & 7
}

export function sliceOf(item: number): number {
  return (item >> sliceShift) & 31
}
