// Flow control by itself: toy stages whose every start can be worked out from the law (docs/timing.md, section 4).
import { describe, expect, it } from 'vitest'
import { SimFault } from '../../../models/base/errors.js'
import { createKernel } from '../../../sim/kernel/kernel.js'
import { createPipeline } from '../../../sim/pipeline/pipeline.js'
import { resolveDepth, type Stage, type StageTiming } from '../../../sim/pipeline/stage.js'

interface Toy {
  readonly interval: number
  /** firings on an item */
  readonly firings?: number
  /** what firing k emits; the last stage emits nothing */
  readonly out?: (item: number, k: number) => number
  readonly credit?: (k: number, item: number) => boolean
  readonly timing?: Partial<StageTiming>
}

function toy(
  name: string,
  { interval, firings = 1, out = (item) => item, credit = () => true, timing = {} }: Toy,
): Stage {
  let item = -1
  return {
    name,
    timing: { latency: 1, depth: 1, queue: 1, streaming: false, ...timing },
    behaviour: {
      begin(next) {
        item = next
        return firings
      },
      credit: (k) => credit(k, item),
      interval: () => interval,
      fire: (k) => out(item, k),
    },
  }
}

function run(stages: readonly Stage[], items: number, until = Number.POSITIVE_INFINITY) {
  const kernel = createKernel('wheel')
  const log: number[][][] = stages.map(() => [])
  const asked: number[] = []
  let next = 0
  const source = {
    next(now: number) {
      asked.push(now)
      return next < items ? next++ : -1
    },
  }
  const pipeline = createPipeline(kernel, stages, source, (stage, ...firing) => log[stage]!.push(firing))
  pipeline.start()
  kernel.run(until)
  const starts = log.map((firings) => firings.map(([start]) => start))
  return { pipeline, log, starts, asked, drained: () => pipeline.assertDrained((item) => `item ${item}`) }
}

const last = { out: () => -1 }

describe('two stages', () => {
  const a = toy('a', { interval: 1 })
  const b = toy('b', { interval: 3, ...last })

  it('the first runs ahead by queue and depth, then waits for the second', () => {
    const { starts, pipeline, drained } = run([a, b], 5)
    // b takes an item every third cycle from 1 on; a's item n waits for the start of b's item n − 2.
    expect(starts).toEqual([
      [0, 1, 2, 4, 7],
      [1, 4, 7, 10, 13],
    ])
    expect(pipeline.counters()).toEqual([
      { name: 'a', firings: 5, busy: 5, blocked: 4 - 3 + (7 - 5) },
      { name: 'b', firings: 5, busy: 15, blocked: 0 },
    ])
    expect(pipeline.span()).toBe(16)
    expect(drained).not.toThrow()
  })

  it('the source is asked when the first stage becomes ready, and until it has no more', () => {
    expect(run([a, b], 2).asked).toEqual([0, 1, 2])
    expect(run([a, b], 0)).toMatchObject({ asked: [0], starts: [[], []] })
    expect(run([a, b], 0).pipeline.span()).toBe(0)
  })

  it('a deeper stage or a longer queue lets the first run further ahead', () => {
    const deep = (timing: Partial<StageTiming>) => run([toy('a', { interval: 1, timing }), b], 8).starts[0]
    expect(deep({ depth: 2 })).toEqual([0, 1, 2, 3, 4, 7, 10, 13])
    expect(deep({ queue: 3 })).toEqual([0, 1, 2, 3, 4, 5, 7, 10])
    expect(deep({ queue: 3, depth: 3 })).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
  })

  it('an observer is told stage, start, interval, input, number and output of every firing', () => {
    const { log } = run([toy('a', { interval: 2, out: (item) => item + 10 }), b], 2)
    expect(log).toEqual([
      [
        [0, 2, 0, 0, 10],
        [2, 2, 1, 0, 11],
      ],
      [
        [2, 3, 10, 0, -1],
        [5, 3, 11, 0, -1],
      ],
    ])
  })
})

describe('latency', () => {
  const b = toy('b', { interval: 1, ...last })
  const arrivals = (interval: number, latency: number, streaming: boolean) =>
    run([toy('a', { interval, timing: { latency, streaming, depth: 9 } }), b], 3).starts[1]

  it('an output arrives after the latency or the interval, whichever is longer; streaming after the latency', () => {
    expect(arrivals(2, 5, false)).toEqual([5, 7, 9])
    expect(arrivals(4, 1, false)).toEqual([4, 8, 12])
    expect(arrivals(4, 1, true)).toEqual([1, 5, 9])
    expect(arrivals(2, 5, true)).toEqual([5, 7, 9])
  })

  it('the span counts the latency of the last firing', () => {
    const slow = toy('b', { interval: 1, ...last, timing: { latency: 6 } })
    expect(run([toy('a', { interval: 1 }), slow], 2).pipeline.span()).toBe(2 + 6)
  })

  it('the span is that of the latest end, whichever stage it is', () => {
    // The only item holds a for 9 cycles and streams out after 1: b is done at 2.
    const long = toy('a', { interval: 9, timing: { streaming: true } })
    expect(run([long, b], 1).pipeline.span()).toBe(9)
  })
})

describe('several firings on an item', () => {
  it('the place in the queue becomes free with the last one', () => {
    const a = toy('a', { interval: 1 })
    const b = toy('b', { interval: 2, firings: 3, ...last })
    // b fires on item n at 1 + 6n, 3 + 6n, 5 + 6n.
    expect(run([a, b], 4).starts).toEqual([
      [0, 1, 5, 11],
      [1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23],
    ])
  })

  it('a merging stage takes its credit at the first firing and emits at the last', () => {
    const merge = toy('a', {
      interval: 1,
      firings: 2,
      out: (item, k) => (k === 1 ? item : -1),
      credit: (k) => k === 0,
    })
    const b = toy('b', { interval: 10, ...last })
    // Items 0 and 1 pass; item 2 needs the start of b on item 0, at 2; item 3 that on item 1, at 12.
    const { starts, pipeline } = run([merge, b], 4)
    expect(starts).toEqual([
      [0, 1, 2, 3, 4, 5, 12, 13],
      [2, 12, 22, 32],
    ])
    expect(pipeline.counters()[0]).toMatchObject({ firings: 8, busy: 8, blocked: 12 - 6 })
  })

  it('a firing that emits nothing takes no credit and does not wait', () => {
    const emits = (item: number) => item < 3
    const a = toy('a', { interval: 1, out: (item) => (emits(item) ? item : -1), credit: (_, item) => emits(item) })
    expect(run([a, toy('b', { interval: 100, ...last })], 6).starts).toEqual([
      [0, 1, 2, 3, 4, 5],
      [1, 101, 201],
    ])
  })
})

describe('constants', () => {
  it('stand for what the functions say', () => {
    const plain = [toy('a', { interval: 2 }), toy('m', { interval: 3 }), toy('b', { interval: 1, ...last })]
    const silent: Stage['behaviour'] = {
      begin: () => 1,
      credit: () => false,
      interval: () => 1,
      fire: () => -1,
    }
    const [a, m, b] = plain as [Stage, Stage, Stage]
    const fixed = [
      { ...a, constants: { interval: 2, credit: true as const } },
      { ...m, behaviour: silent, constants: { interval: 3, credit: true as const, forwards: true as const } },
      { ...b, behaviour: silent, constants: { interval: 1, forwards: true as const } },
    ]
    const seen = run(fixed, 6)
    const wanted = run(plain, 6)
    expect(seen.log).toEqual(wanted.log)
    expect(seen.pipeline.counters()).toEqual(wanted.pipeline.counters())
    expect(seen.pipeline.span()).toBe(wanted.pipeline.span())
  })
})

describe('a pipeline that did not empty', () => {
  it('says who holds an item and how many credits it has', () => {
    // b takes credits that it never gives to c: its third item waits for ever, on its second firing.
    const b = toy('b', { interval: 1, firings: 2, out: () => -1, credit: (k) => k === 1 })
    const c = toy('c', { interval: 1, ...last })
    const { drained } = run([toy('a', { interval: 1 }), b, c], 9)
    expect(drained).toThrow(SimFault)
    expect(drained).toThrow('deadlock: a holds item 4 (firing 0 of 1, 0 credits)')
    const alone = run([toy('a', { interval: 1, out: () => -1 }), c], 3)
    expect(alone.drained).toThrow('deadlock: a holds item 2 (firing 0 of 1, 0 credits)')
  })

  it('says what waits in a queue', () => {
    const { drained } = run([toy('a', { interval: 1 }), toy('b', { interval: 3, ...last })], 5, 2)
    expect(drained).toThrow('deadlock: item 1 and 1 more wait in front of b')
    expect(drained).toThrow(SimFault)
  })
})

describe('the depth of a stage', () => {
  it.each([
    ['auto' as const, 7, 2, 4],
    ['auto' as const, 6, 2, 3],
    ['auto' as const, 1, 3, 1],
    ['auto' as const, 3, 1, 3],
    [5, 1, 1, 5],
    [1, 9, 1, 1],
  ])('%s with latency %i and interval %i: %i', (depth, latency, interval, expected) => {
    expect(resolveDepth(depth, latency, interval)).toBe(expected)
  })

  it('counts the firings that are under way at once, so it never slows a stage down', () => {
    const starts = (depth: number) =>
      run([toy('a', { interval: 2, timing: { latency: 7, depth } }), toy('b', { interval: 2, ...last })], 6).starts[0]
    expect(starts(resolveDepth('auto', 7, 2))).toEqual([0, 2, 4, 6, 8, 10])
    expect(starts(1)).not.toEqual([0, 2, 4, 6, 8, 10])
  })
})
