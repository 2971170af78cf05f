// Greedy levelling of the slots of a strip (Wu et al., slide "storage compression based on greedy algorithm"; docs/timing.md, section 1, step 7).
import type { Order } from './spec.js'

/** An OU before it is numbered: run `run` of the kept rows of OU column `column`. */
export interface StackedOu {
  readonly column: number
  readonly run: number
}

/** Moves last OUs from tall to short slots, in place, until no slot is 2 or more taller than one that may take its last OU. */
export function planarise(slots: StackedOu[][], order: Order): void {
  while (moveOne(slots, order)) {
    // every move lowers the sum of squared heights, so this ends
  }
}

function moveOne(slots: StackedOu[][], order: Order): boolean {
  const byHeight = slots.map((_, slot) => slot).sort((a, b) => slots[b]!.length - slots[a]!.length || a - b)
  for (const from of byHeight) {
    const to = target(slots, from, order)
    if (to < 0) continue
    slots[to]!.push(slots[from]!.pop()!)
    return true
  }
  return false
}

/** The shortest slot (ties: lowest index) that may take the last OU of slot `from`, or −1. */
function target(slots: StackedOu[][], from: number, order: Order): number {
  const source = slots[from]!
  let best = -1
  for (let slot = 0; slot < slots.length; slot++) {
    const height = slots[slot]!.length
    if (source.length - height < 2 || (best >= 0 && height >= slots[best]!.length)) continue
    if (order === 'window-bit' && columnLiesAt(slots, height, source[source.length - 1]!.column)) continue
    best = slot
  }
  return best
}

/** In window-bit order two OUs of one OU column may not share an OU row: their results would be merged. */
function columnLiesAt(slots: StackedOu[][], height: number, column: number): boolean {
  return slots.some((slot) => height < slot.length && slot[height]!.column === column)
}
