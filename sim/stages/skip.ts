// Skip: steps through the planes whose zero flag is set, LSB first, and jumps over the others (Wu et al., zero-skipping circuit).
import type { Stage } from '../pipeline/stage.js'
import { type MacroContext, popcount, windowOf } from './context.js'
import { planeShift } from './item.js'

export const skip = {
  name: 'skip',
  doc: 'emits one item per plane whose zero flag is set; absorbs an all-zero OU',
  build(ctx: MacroContext): Stage {
    const needed = ctx.spec.order === 'ou-bit' ? ouFlags(ctx) : windowFlags(ctx)
    const carryOver = createCarrier(ctx)
    let item = 0
    let rest = 0
    return {
      name: 'skip',
      timing: ctx.spec.timing.skip,
      constants: { interval: ctx.spec.skipInterval },
      behaviour: {
        begin(next) {
          item = next
          rest = needed(next)
          if (rest === 0) return 1
          item = carryOver(next)
          return popcount(rest)
        },
        credit: () => rest !== 0,
        interval: () => ctx.spec.skipInterval,
        fire() {
          if (rest === 0) return -1
          const plane = 31 - Math.clz32(rest & -rest)
          rest &= rest - 1
          return item | (plane << planeShift)
        },
      },
    }
  },
}

/** Gives an item that is not absorbed its place in the ring behind Skip. */
function createCarrier(ctx: MacroContext): (item: number) => number {
  const { visits, layout } = ctx
  const keepsFlags = ctx.spec.order === 'window-bit'
  const inVisit = 2 ** layout.visitShift - 1
  let next = 0
  return (item) => {
    const from = item >>> layout.visitShift
    const to = layout.ring + next
    next = (next + 1) & (layout.ring - 1)
    visits.windows[to] = visits.windows[from]!
    visits.passes[to] = visits.passes[from]!
    if (keepsFlags) visits.flags.copyWithin(to * visits.stride, from * visits.stride, (from + 1) * visits.stride)
    return (item & inVisit) | (to << layout.visitShift)
  }
}

/** Flags of the OU of an item. */
export function ouFlags(ctx: MacroContext): (item: number) => number {
  const { visits, layout } = ctx
  return (item) => visits.flags[(item >>> layout.visitShift) * visits.stride + ((item >> 10) & layout.ouMask)]!
}

/** OR of the flags of the OUs of an item's window. */
export function windowFlags(ctx: MacroContext): (item: number) => number {
  const { visits, layout, work } = ctx
  return (item) => {
    const window = windowOf(ctx, item)
    const ous = work.mapping.windowStart[window + 1]! - work.mapping.windowStart[window]!
    const base = (item >>> layout.visitShift) * visits.stride
    let flags = 0
    for (let k = 0; k < ous; k++) flags |= visits.flags[base + k]!
    return flags
  }
}
