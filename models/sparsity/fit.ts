// Does a mask obey a description, and how far does a description explain the zeros of given weights?
import { SpecError } from '../base/errors.js'
import { type BlockGrid, gridOf, rectOf } from './grid.js'
import type { Mask, Pattern, PatternDescription, PatternHardware, SparsityMatrix } from './types.js'

type Shape = Pick<SparsityMatrix, 'rows' | 'cols' | 'channelRows'>

/**
 * First thing about a mask that its description does not allow, in words; null when it obeys. Every block of an intra-block pattern may keep
 * what one of its masks keeps, and no more; every other zero lies in a block of a full-block pattern that is zero altogether.
 * @throws SpecError when the mask has another size than the matrix
 */
export function maskComplaint(
  description: PatternDescription,
  mask: Mask,
  matrix: Shape,
  hardware: PatternHardware,
): string | null {
  const { rows, cols } = matrix
  if (mask.length !== rows * cols)
    throw new SpecError(`a mask of ${mask.length} entries for a matrix of ${rows} × ${cols}; expected ${rows * cols}`)
  const explained = new Uint8Array(mask.length)
  for (const pattern of description.patterns) {
    const grid = gridOf(pattern, matrix, hardware)
    for (let block = 0; block < grid.down * grid.across; block++) {
      const places = placesOf(grid, block)
      const kept = places.filter((at) => mask[at] === 1)
      if (pattern.keep === null) {
        if (kept.length === 0) for (const at of places) explained[at] = 1
        continue
      }
      for (const at of places) explained[at] = 1
      if (!allowed(pattern, grid, block, mask))
        return `block at row ${rectOf(grid, block).top}, output ${rectOf(grid, block).left} keeps ${kept.length} weights in a place that no mask of ${pattern.kind} allows (keep ${pattern.keep})`
    }
  }
  const lost = mask.findIndex((kept, at) => kept === 0 && explained[at] === 0)
  if (lost < 0) return null
  return `zero at row ${Math.floor(lost / cols)}, output ${lost % cols} lies in no block that is zero altogether`
}

function placesOf(grid: BlockGrid, block: number): number[] {
  const { top, bottom, left, right } = rectOf(grid, block)
  const places: number[] = []
  for (let r = top; r < bottom; r++) for (let c = left; c < right; c++) places.push(r * grid.cols + c)
  return places
}

function allowed(pattern: Pattern, grid: BlockGrid, block: number, mask: Mask): boolean {
  const { top, left } = rectOf(grid, block)
  const held = Uint8Array.from({ length: grid.m * grid.n }, (_, p) => {
    const r = top + Math.floor(p / grid.n)
    const c = left + (p % grid.n)
    return r < grid.rows && c < grid.cols ? mask[r * grid.cols + c]! : 0
  })
  if (pattern.masks === null) return held.reduce((sum, kept) => sum + kept, 0) <= pattern.keep!
  return pattern.masks.some((entry) => held.every((kept, p) => kept <= entry[p]!))
}

export interface Fit {
  readonly weights: number
  readonly zeros: number
  /** zeros that the pattern accounts for */
  readonly explained: number
}

/** @param mask what the criterion `found` made of the values */
export function fitOf(values: ArrayLike<number>, mask: Mask): Fit {
  let zeros = 0
  let explained = 0
  for (let i = 0; i < mask.length; i++) {
    if (values[i] === 0) zeros++
    if (mask[i] === 0) explained++
  }
  return { weights: mask.length, zeros, explained }
}
