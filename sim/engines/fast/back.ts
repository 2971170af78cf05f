// The stages behind Load as plain recurrence: no events, no queues, only the last starts that still matter (docs/timing.md, section 4).
// Items never overtake, so following every item to the end before the next one evaluates the law in a legal order.
import type { MacroSpec, StageName } from '../../stages/context.js'

/** One stage behind Load. */
export interface BackStage {
  readonly name: StageName
  /** fixed interval; 0 for ADC, whose activations bring their own */
  readonly interval: number
  readonly latency: number
  readonly streaming: boolean
  /** outputs under way or queued behind it at once, Q + D; 0 for the last stage */
  readonly capacity: number
}

/** What one item does behind Load: `items` inputs of CIM, each with the same activations. */
export interface BackItem {
  /** inputs of CIM; 0: absorbed by the first stage */
  readonly items: number
  /** per activation of such an input: ADC interval, and whether it begins and ends a merged group (all do where nothing is merged) */
  readonly intervals: Int32Array
  readonly first: Uint8Array
  readonly last: Uint8Array
}

export interface Back {
  readonly stages: readonly BackStage[]
  /** start + interval of every stage's last firing */
  readonly free: Float64Array
  /** per stage: starts of the last firings on its last `capacity` outputs, as a ring; `heads` = the oldest */
  readonly rings: readonly Float64Array[]
  readonly heads: Int32Array
  /** cycles blocked since they were last cleared */
  readonly blocked: Float64Array
  /** max over all firings of start + max(latency, interval) */
  end: number
  /** Lets the first stage work on one item that has arrived by `free[0]`. */
  run(item: BackItem): void
}

/** Earlier than everything. */
export const never = -(2 ** 40)

export function backStages(spec: MacroSpec): BackStage[] {
  const stage = (name: StageName, interval: number): BackStage => {
    const { latency, streaming, queue, depth } = spec.timing[name]
    return { name, interval, latency, streaming, capacity: name === 'shiftAdd' ? 0 : queue + depth }
  }
  return [
    ...(spec.hasSkip ? [stage('skip', spec.skipInterval)] : []),
    stage('cim', spec.cimInterval),
    stage('adc', 0),
    ...(spec.hasBenes ? [stage('benes', spec.benesInterval)] : []),
    stage('shiftAdd', spec.shiftAddInterval),
  ]
}

export function createBack(stages: readonly BackStage[]): Back {
  const cim = stages.findIndex((stage) => stage.name === 'cim')
  const adc = cim + 1
  const free = new Float64Array(stages.length)
  const rings = stages.map(({ capacity }) => new Float64Array(capacity).fill(never))
  const heads = new Int32Array(stages.length)
  const blocked = new Float64Array(stages.length)

  /** Start of a firing of stage b that takes a credit. */
  function creditStart(b: number, arrival: number): number {
    const ready = Math.max(arrival, free[b]!)
    const start = Math.max(ready, rings[b]![heads[b]!]!)
    blocked[b]! += start - ready
    return start
  }

  /** Books a firing and returns when its output arrives. */
  function book(b: number, start: number, interval: number): number {
    const { latency, streaming } = stages[b]!
    const span = Math.max(latency, interval)
    free[b] = start + interval
    if (start + span > back.end) back.end = start + span
    return start + (streaming ? latency : span)
  }

  /** Stage b has begun its last firing on an item: a place in front of it is free. */
  function release(b: number, start: number): void {
    rings[b - 1]![heads[b - 1]!] = start
    heads[b - 1] = heads[b - 1]! + 1 === rings[b - 1]!.length ? 0 : heads[b - 1]! + 1
  }

  /** An item of CIM; returns the start of its last firing. */
  function follow(arrival: number, item: BackItem): number {
    let start = 0
    for (let k = 0; k < item.intervals.length; k++) {
      start = creditStart(cim, arrival)
      convert(book(cim, start, stages[cim]!.interval), item, k)
    }
    return start
  }

  function convert(arrival: number, item: BackItem, k: number): void {
    const start = item.first[k] === 1 ? creditStart(adc, arrival) : Math.max(arrival, free[adc]!)
    const done = book(adc, start, item.intervals[k]!)
    release(adc, start)
    if (item.last[k] === 1) finish(done)
  }

  /** Benes, where there is one, and Shift&Add. */
  function finish(arrival: number): void {
    let at = arrival
    for (let b = adc + 1; b < stages.length; b++) {
      const start = b < stages.length - 1 ? creditStart(b, at) : Math.max(at, free[b]!)
      at = book(b, start, stages[b]!.interval)
      release(b, start)
    }
  }

  function run(item: BackItem): void {
    if (item.items === 0) {
      book(0, free[0]!, stages[0]!.interval)
      return
    }
    for (let i = 0; i < item.items; i++) {
      if (cim === 0) {
        follow(free[0]!, item)
        continue
      }
      const start = creditStart(0, free[0]!)
      release(cim, follow(book(0, start, stages[0]!.interval), item))
    }
  }

  const back: Back = { stages, free, rings, heads, blocked, end: 0, run }
  return back
}
