// CIM: drives one plane of an OU's word lines and reads its bit lines, one weight slice after another or all at once.
import type { Stage, StageBehaviour } from '../pipeline/stage.js'
import { type MacroContext, ouOf, popcount, windowOf } from './context.js'
import { ouShift, planeOf, planeShift, sliceShift } from './item.js'
import { ouFlags, windowFlags } from './skip.js'

export const cim = {
  name: 'cim',
  doc: 'one firing per OU activation; without a Skip stage it steps through the planes itself',
  build(ctx: MacroContext): Stage {
    const behaviour = ctx.spec.order === 'ou-bit' ? ouBit(ctx) : windowBit(ctx)
    // Behind Skip every item has a plane to fire; without it an OU may have none (never in a dense machine).
    const credit = ctx.spec.hasSkip ? ({ credit: true } as const) : {}
    return {
      name: 'cim',
      timing: ctx.spec.timing.cim,
      behaviour,
      constants: { interval: ctx.spec.cimInterval, ...credit },
    }
  },
}

/** For every plane of the item (one, or all flagged ones without Skip), for every visited slice: one activation. */
function ouBit(ctx: MacroContext): StageBehaviour {
  const { spec, work } = ctx
  const flagsOf = ouFlags(ctx)
  let item = 0
  let planes = 0
  let slices = 0
  let rest = 0
  return {
    begin(next) {
      item = next
      slices = spec.parallelSlices ? 1 : work.sliceMasks[ouOf(ctx, next)]!
      planes = spec.hasSkip ? 1 << planeOf(next) : flagsOf(next)
      rest = slices
      return Math.max(1, popcount(planes) * popcount(slices))
    },
    credit: () => planes !== 0,
    interval: () => spec.cimInterval,
    fire() {
      if (planes === 0) return -1
      const plane = 31 - Math.clz32(planes & -planes)
      const slice = 31 - Math.clz32(rest & -rest)
      rest &= rest - 1
      if (rest === 0) {
        rest = slices
        planes &= planes - 1
      }
      return (item & ~(7 << planeShift)) | (plane << planeShift) | (slice << sliceShift)
    },
  }
}

/** For every plane, for every slice, for every OU of the window that needs it: one activation, marked first and last of its group. */
function windowBit(ctx: MacroContext): StageBehaviour {
  const { spec, work, visits, layout } = ctx
  const { mapping, sliceMasks, coding } = work
  const flagsOf = windowFlags(ctx)
  const slices = spec.parallelSlices ? 1 : coding.slices
  const plan = new Int32Array(Math.max(1, (layout.ouMask + 1) * slices * spec.planes))
  let planned = 0

  function addGroup(item: number, firstOu: number, ous: number, plane: number, slice: number): void {
    const base = (item >>> layout.visitShift) * visits.stride
    const first = planned
    for (let k = 0; k < ous; k++) {
      if (((visits.flags[base + k]! >> plane) & 1) === 0) continue
      if (!spec.parallelSlices && ((sliceMasks[firstOu + k]! >> slice) & 1) === 0) continue
      plan[planned++] = item | (k << ouShift) | (plane << planeShift) | (slice << sliceShift)
    }
    if (planned === first) return
    plan[first] = plan[first]! | 2
    plan[planned - 1] = plan[planned - 1]! | 1
  }

  return {
    begin(item) {
      const window = windowOf(ctx, item)
      const firstOu = mapping.windowStart[window]!
      const ous = mapping.windowStart[window + 1]! - firstOu
      const bare = item & ~(7 << planeShift)
      planned = 0
      let planes = spec.hasSkip ? 1 << planeOf(item) : flagsOf(item)
      for (; planes !== 0; planes &= planes - 1) {
        const plane = 31 - Math.clz32(planes & -planes)
        for (let slice = 0; slice < slices; slice++) addGroup(bare, firstOu, ous, plane, slice)
      }
      return Math.max(1, planned)
    },
    credit: () => planned > 0,
    interval: () => spec.cimInterval,
    fire: (k) => (planned === 0 ? -1 : plan[k]!),
  }
}
