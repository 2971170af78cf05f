// The order of execution of a macro, as the source of its pipeline: groups, passes, windows (docs/timing.md, section 2), and the ring
// of the visits that are under way.
import type { ArrayGroup } from '../../models/mapping/mapping.js'
import { NONE, type Source } from '../pipeline/stage.js'
import type { LayerWork, MacroSpec, Tally, Visits } from './context.js'
import { type ItemLayout, itemLayout } from './item.js'

/** Asked at the first window of every pass: how many further passes to leave out (0 to simulate them all). */
export type PassHook = (group: number, pass: number, passesLeft: number, now: number) => number

export interface MacroSource extends Source {
  readonly layout: ItemLayout
  readonly visits: Visits
}

/** Largest number of visits under way: one in hand at Cache, the rest in queues and stages. */
function underWay(spec: MacroSpec): number {
  return Object.values(spec.timing).reduce((sum, timing) => sum + timing.queue + timing.depth, 2)
}

/** Names the stage that holds most of the visits, by the fields of the machine that decide it. */
function adviceOf({ timing }: MacroSpec): string {
  const stages = Object.entries(timing)
  const [name, most] = stages.reduce((a, b) => (b[1].depth + b[1].queue > a[1].depth + a[1].queue ? b : a))
  if (most.queue > most.depth) return `the queue behind ${name} takes ${most.queue}: use a smaller ${name}.queue`
  return `${name} holds ${most.depth} (latency ${most.latency}): use a smaller ${name}.latency or ${name}.depth`
}

export function createSource(
  work: LayerWork,
  spec: MacroSpec,
  groups: readonly ArrayGroup[],
  hook: PassHook | null,
): MacroSource {
  const { windowStart } = work.mapping
  let stride = 1
  for (let w = 0; w < work.mapping.windows; w++) stride = Math.max(stride, windowStart[w + 1]! - windowStart[w]!)
  const layout = itemLayout(stride, underWay(spec), adviceOf(spec))
  const visits: Visits = {
    windows: new Int32Array(2 * layout.ring),
    passes: new Int32Array(2 * layout.ring),
    flags: new Uint8Array(2 * layout.ring * stride),
    stride,
  }
  let group = 0
  let pass = 0
  let window = groups.length > 0 ? groups[0]!.firstWindow : 0
  let visit = 0

  function next(now: number): number {
    if (group >= groups.length || work.passes === 0) return NONE
    const current = groups[group]!
    if (hook !== null && window === current.firstWindow) pass += hook(group, pass, work.passes - pass, now)
    const slot = visit & (layout.ring - 1)
    visit = (visit + 1) & (layout.ring - 1)
    visits.windows[slot] = window
    visits.passes[slot] = pass
    advance(current)
    return slot << layout.visitShift
  }

  function advance(current: ArrayGroup): void {
    window++
    if (window < current.endWindow) return
    pass++
    if (pass === work.passes) {
      pass = 0
      group++
    }
    window = group < groups.length ? groups[group]!.firstWindow : 0
  }

  return { next, layout, visits }
}

export function createTally(work: LayerWork): Tally {
  return {
    windowVisits: new Float64Array(work.mapping.windows),
    rowPulses: new Float64Array(work.mapping.rowOf.length),
    planesFired: 0,
    planesTotal: 0,
    outputs: 0,
    outputSlices: 0,
    activations: 0,
    benesItemSlices: 0,
  }
}
