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

/** Fixed point of the law: repeat until no start changes. Slow and obviously right. */
function evaluate(shapes: readonly Shape[], logs: readonly Record[][]): LawResult {
  const starts = logs.map((log) => log.map(() => 0))
  for (let changed = true; changed; ) {
    changed = false
    const arrivals = arrivalTimes(shapes, logs, starts)
    const releases = releaseTimes(logs, starts)
    for (const [i, log] of logs.entries()) {
      let credits = 0
      for (const [k, firing] of log.entries()) {
        let start = arrivals[i]![firing.input] ?? 0
        if (k > 0) start = Math.max(start, starts[i]![k - 1]! + log[k - 1]!.interval)
        if (firing.takesCredit) {
          const waitsFor = credits - (shapes[i]!.queue + shapes[i]!.depth)
          if (waitsFor >= 0) start = Math.max(start, releases[i + 1]![waitsFor]!)
          credits++
        }
        if (start !== starts[i]![k]) {
          starts[i]![k] = start
          changed = true
        }
      }
    }
  }
  return summarise(shapes, logs, starts)
}

function arrivalTimes(shapes: readonly Shape[], logs: readonly Record[][], starts: readonly number[][]): number[][] {
  return logs.map((_, i) => {
    if (i === 0) return []
    const arrivals: number[] = []
    for (const [k, firing] of logs[i - 1]!.entries()) {
      if (firing.output === -1) continue
      const { latency, streaming } = shapes[i - 1]!
      arrivals.push(starts[i - 1]![k]! + (streaming ? latency : Math.max(latency, firing.interval)))
    }
    return arrivals
  })
}

function releaseTimes(logs: readonly Record[][], starts: readonly number[][]): number[][] {
  return logs.map((log, i) => log.flatMap((firing, k) => (firing.last ? [starts[i]![k]!] : [])))
}

function summarise(shapes: readonly Shape[], logs: readonly Record[][], starts: readonly number[][]): LawResult {
  const arrivals = arrivalTimes(shapes, logs, starts)
  let span = 0
  const stages = shapes.map((shape, i) => {
    const stage: LawStage = { name: shape.name, starts: starts[i]!.slice(), busy: 0, blocked: 0 }
    for (const [k, firing] of logs[i]!.entries()) {
      const start = starts[i]![k]!
      stage.busy += firing.interval
      span = Math.max(span, start + Math.max(shape.latency, firing.interval))
      if (!firing.takesCredit) continue
      const ready = Math.max(
        arrivals[i]![firing.input] ?? 0,
        k > 0 ? starts[i]![k - 1]! + logs[i]![k - 1]!.interval : 0,
      )
      stage.blocked += start - ready
    }
    return stage
  })
  return { span, stages }
}
