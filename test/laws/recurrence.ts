// The law of docs/timing.md, section 4, evaluated firing by firing with plain lists: no events, no queues, no credits to count. The oracle
// of the pipeline tests.

import { buildStages } from '../../sim/stages/index.js'
import type { TallyContext } from '../../sim/stages/tally.js'
import { createSource, createTally } from '../../sim/stages/visits.js'

export interface LawStage {
  readonly name: string
  readonly starts: number[]
  busy: number
  blocked: number
}

export interface LawResult {
  readonly span: number
  readonly stages: LawStage[]
}

interface Record {
  readonly interval: number
  readonly takesCredit: boolean
  readonly input: number
  readonly last: boolean
  readonly output: number
}

/** Firings of one stage for a list of input items, in order; the behaviours say what is emitted, the law says when. */
export function lawOf(ctx: TallyContext, groups: readonly number[]): LawResult {
  const source = createSource(
    ctx.work,
    ctx.spec,
    groups.map((g) => ctx.work.mapping.groups[g]!),
    null,
  )
  const stages = buildStages({
    spec: ctx.spec,
    work: ctx.work,
    layout: source.layout,
    visits: source.visits,
    tally: createTally(ctx.work),
    values: null,
  })
  const logs: Record[][] = stages.map(() => [])
  const inputs = stages.map(() => 0)
  const outputs = stages.map(() => 0)
  // Depth first: an item is followed to the end before the next one starts, which keeps every stage's own order.
  const follow = (index: number, item: number): void => {
    const behaviour = stages[index]!.behaviour
    const input = inputs[index]!
    inputs[index] = input + 1
    const firings = behaviour.begin(item)
    for (let k = 0; k < firings; k++) {
      const takesCredit = index < stages.length - 1 && behaviour.credit(k)
      const interval = behaviour.interval(k)
      const out = behaviour.fire(k)
      logs[index]!.push({
        interval,
        takesCredit,
        input,
        last: k === firings - 1,
        output: out === -1 ? -1 : outputs[index]!,
      })
      if (out === -1) continue
      outputs[index] = outputs[index]! + 1
      follow(index + 1, out)
    }
  }
  for (let item = source.next(0); item !== -1; item = source.next(0)) follow(0, item)
  return evaluate(
    stages.map((s) => ({ name: s.name, ...s.timing })),
    logs,
  )
}

interface Shape {
  readonly name: string
  readonly latency: number
  readonly depth: number
  readonly queue: number
  readonly streaming: boolean
}

/** The law, firing by firing: a stage goes on as far as its arrivals and releases are known, then the next one. */
function evaluate(shapes: readonly Shape[], logs: readonly Record[][]): LawResult {
  const stages = shapes.map((shape): LawStage => ({ name: shape.name, starts: [], busy: 0, blocked: 0 }))
  const arrivals = shapes.map((): number[] => [])
  const releases = shapes.map((): number[] => [])
  const credits = shapes.map(() => 0)
  let span = 0

  /** Fires the next one of a stage; false while something it waits for is not known. */
  function advance(i: number): boolean {
    const { starts } = stages[i]!
    const k = starts.length
    const firing = logs[i]![k]
    if (firing === undefined || (i > 0 && arrivals[i]!.length <= firing.input)) return false
    const shape = shapes[i]!
    let start = i === 0 ? 0 : arrivals[i]![firing.input]!
    if (k > 0) start = Math.max(start, starts[k - 1]! + logs[i]![k - 1]!.interval)
    if (firing.takesCredit) {
      const waitsFor = credits[i]! - (shape.queue + shape.depth)
      if (waitsFor >= 0 && releases[i + 1]!.length <= waitsFor) return false
      const ready = start
      if (waitsFor >= 0) start = Math.max(start, releases[i + 1]![waitsFor]!)
      stages[i]!.blocked += start - ready
      credits[i] = credits[i]! + 1
    }
    starts.push(start)
    stages[i]!.busy += firing.interval
    span = Math.max(span, start + Math.max(shape.latency, firing.interval))
    if (firing.last) releases[i]!.push(start)
    if (firing.output !== -1)
      arrivals[i + 1]!.push(start + (shape.streaming ? shape.latency : Math.max(shape.latency, firing.interval)))
    return true
  }

  for (let moved = true; moved; ) {
    moved = false
    for (let i = 0; i < shapes.length; i++) while (advance(i)) moved = true
  }
  const stuck = stages.find((stage, i) => stage.starts.length < logs[i]!.length)
  if (stuck !== undefined)
    throw new Error(`the law has no solution: ${stuck.name} stops after ${stuck.starts.length} firings`)
  return { span, stages }
}
