// The laws of an event kernel, on both backends; and that the backends give the identical run on random schedules.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SimFault } from '../../../models/base/errors.js'
import { createKernel, type Kernel, kernelNames } from '../../../sim/kernel/kernel.js'
import { SdslKernel } from '../../../sim/kernel/sdsl.js'
import { WheelKernel } from '../../../sim/kernel/wheel.js'
import { runs } from '../../helpers/cases.js'

describe.each(kernelNames)('%s', (name) => {
  it('runs events by cycle, then in the order of scheduling', () => {
    const kernel = createKernel(name)
    const log = logger(kernel)
    for (const [cycle, arg] of [
      [5, 1],
      [3, 2],
      [5, 3],
      [0, 4],
      [3, 5],
      [5, 6],
    ] as const)
      kernel.at(cycle, log.id, arg)
    expect(kernel.pending).toBe(6)
    expect(kernel.run()).toBe(5)
    expect(log.seen).toEqual(['0:4', '3:2', '3:5', '5:1', '5:3', '5:6'])
    expect(kernel.pending).toBe(0)
  })

  it('runs an event for the current cycle in it, behind those already queued', () => {
    const kernel = createKernel(name)
    const log = logger(kernel)
    const again = kernel.register((arg, now) => {
      log.seen.push(`${now}:again`)
      kernel.at(now, log.id, arg + 10)
    })
    kernel.at(7, again, 1)
    kernel.at(7, log.id, 2)
    kernel.at(8, log.id, 3)
    kernel.run()
    expect(log.seen).toEqual(['7:again', '7:2', '7:11', '8:3'])
  })

  // Cycle 300 is out of the wheel's reach at cycle 0 and within it at cycle 45: what was scheduled earlier must still run first.
  it('keeps the order of scheduling between far events and later, nearer ones', () => {
    const kernel = createKernel(name)
    const log = logger(kernel)
    const near = kernel.register(() => kernel.at(300, log.id, 9))
    kernel.at(300, log.id, 1)
    for (const cycle of [43, 44, 45, 46, 299]) kernel.at(cycle, near, 0)
    kernel.at(300, log.id, 2)
    kernel.run()
    expect(log.seen).toEqual(['300:1', '300:2', '300:9', '300:9', '300:9', '300:9', '300:9'])
  })

  it.each([255, 256, 257, 511, 512, 100_000])('reaches an event %i cycles ahead at its cycle', (delay) => {
    const kernel = createKernel(name)
    const log = logger(kernel)
    kernel.at(
      3,
      kernel.register((_, now) => kernel.at(now + delay, log.id, 1)),
      0,
    )
    expect(kernel.run()).toBe(3 + delay)
    expect(log.seen).toEqual([`${3 + delay}:1`])
  })

  it('is exact beyond 2^31 and up to 2^53', () => {
    const kernel = createKernel(name)
    const log = logger(kernel)
    const step = kernel.register((arg, now) => {
      log.seen.push(`${now}:${arg}`)
      if (arg < 40) kernel.at(now + 2 ** arg, step, arg + 1)
      kernel.at(now + 1, log.id, -arg)
    })
    kernel.at(2 ** 31 - 2, step, 0)
    kernel.at(2 ** 53 - 2, log.id, 99)
    kernel.at(2 ** 53 - 1, log.id, 100)
    kernel.run()
    // Step k runs at 2^31 − 2 + (2^k − 1), its follower one cycle later; at k = 0 and 1 the two share a cycle with the next step.
    const steps = Array.from({ length: 41 }, (_, k) => ({ cycle: 2 ** 31 - 3 + 2 ** k, arg: k }))
    const followers = steps.map(({ cycle, arg }) => ({ cycle: cycle + 1, arg: -arg }))
    const byCycle = [...steps, ...followers].sort((a, b) => a.cycle - b.cycle || b.arg - a.arg)
    expect(log.seen).toEqual([...byCycle.map((e) => `${e.cycle}:${e.arg}`), `${2 ** 53 - 2}:99`, `${2 ** 53 - 1}:100`])
    expect(kernel.now).toBe(2 ** 53 - 1)
  })

  it('counts on over 2^30, event by event, with far events under way', () => {
    const kernel = createKernel(name)
    const log = logger(kernel)
    const first = 2 ** 30 - 300
    const step = kernel.register((left, now) => {
      log.seen.push(`${now}:${left}`)
      if (left % 100 === 0) kernel.at(now + 700, log.id, left + 1)
      if (left > 0) kernel.at(now + 1, step, left - 1)
    })
    kernel.at(first, step, 600)
    expect(kernel.run()).toBe(first + 600 + 700)
    const steps = Array.from({ length: 601 }, (_, i) => `${first + i}:${600 - i}`)
    const far = Array.from({ length: 7 }, (_, i) => `${first + 100 * i + 700}:${601 - 100 * i}`)
    expect(log.seen).toEqual([...steps, ...far])
  })

  it('stops after `until`, goes on where it stopped, and does not move time beyond the last event', () => {
    const kernel = createKernel(name)
    const log = logger(kernel)
    for (const cycle of [10, 20, 1000, 1001]) kernel.at(cycle, log.id, 0)
    expect(kernel.run(9)).toBe(0)
    expect(kernel.run(20)).toBe(20)
    expect(kernel.run(999)).toBe(20)
    kernel.at(21, log.id, 1)
    expect(kernel.run(1000)).toBe(1000)
    expect(kernel.pending).toBe(1)
    kernel.run()
    expect(log.seen).toEqual(['10:0', '20:0', '21:1', '1000:0', '1001:0'])
  })

  it('refuses the past, fractions, unknown handlers, large arguments and a nested run', () => {
    const kernel = createKernel(name)
    const log = logger(kernel)
    kernel.at(5, log.id, 0)
    kernel.run()
    for (const cycle of [4, -1, 5.5, 300.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])
      expect(() => kernel.at(cycle, log.id, 0), `cycle ${cycle}`).toThrow(SimFault)
    for (const handler of [-1, 1, 0.5]) expect(() => kernel.at(5, handler, 0), `handler ${handler}`).toThrow(SimFault)
    for (const arg of [0.5, 2 ** 31, -(2 ** 31) - 1]) expect(() => kernel.at(5, 0, arg), `arg ${arg}`).toThrow(SimFault)
    expect(kernel.pending).toBe(0)
    kernel.at(
      6,
      kernel.register(() => kernel.run()),
      0,
    )
    expect(() => kernel.run()).toThrow(SimFault)
  })

  it('says what was wrong', () => {
    const kernel = createKernel(name)
    const log = logger(kernel)
    const nested = kernel.register(() => kernel.run())
    kernel.at(5, log.id, 0)
    kernel.run()
    expect(() => kernel.at(4, log.id, 0)).toThrow('cycle 4, before the current cycle 5')
    expect(() => kernel.at(6.5, log.id, 0)).toThrow('cycle 6.5: expected a whole number')
    expect(() => kernel.at(6, 2, 0)).toThrow('handler 2: only 0 … 1 are registered')
    expect(() => kernel.at(6, log.id, 0.5)).toThrow('argument 0.5: expected a whole number in the int32 range')
    kernel.at(6, nested, 0)
    expect(() => kernel.run()).toThrow('run() was called from an event handler')
  })

  it('lets exceptions through and keeps the other events', () => {
    const kernel = createKernel(name)
    const log = logger(kernel)
    const fails = kernel.register(() => {
      throw new RangeError('mine')
    })
    for (const handler of [log.id, fails, log.id, fails]) kernel.at(4, handler, 1)
    kernel.at(5, log.id, 2)
    expect(() => kernel.run()).toThrow('mine')
    expect([kernel.now, kernel.pending]).toEqual([4, 3])
    expect(() => kernel.run()).toThrow('mine')
    kernel.at(4, log.id, 3)
    kernel.run()
    expect(log.seen).toEqual(['4:1', '4:1', '4:3', '5:2'])
  })
})

it('a name gives its own backend', () => {
  expect(createKernel('wheel')).toBeInstanceOf(WheelKernel)
  expect(createKernel('sdsl')).toBeInstanceOf(SdslKernel)
  expect([...kernelNames].sort()).toEqual(['sdsl', 'wheel'])
})

/** What a random schedule does when its event number n runs: delays of the events it adds. */
const delay = fc.oneof(
  { weight: 6, arbitrary: fc.nat(3) },
  { weight: 4, arbitrary: fc.nat(40) },
  { weight: 3, arbitrary: fc.integer({ min: 250, max: 262 }) },
  { weight: 2, arbitrary: fc.integer({ min: 256, max: 2000 }) },
  { weight: 1, arbitrary: fc.constantFrom(2 ** 30, 2 ** 31, 2 ** 40) },
)
const schedule = fc.record({
  start: fc.array(delay, { minLength: 1, maxLength: 20 }),
  children: fc.array(fc.array(delay, { maxLength: 3 }), { minLength: 1, maxLength: 30 }),
  stops: fc.array(fc.nat(3000), { maxLength: 3 }),
})

describe('wheel and js-sdsl', () => {
  it('give the identical run on random schedules', () => {
    const run = (kernel: Kernel, plan: { start: number[]; children: number[][]; stops: number[] }) => {
      const seen: number[] = []
      let made = 0
      const id = kernel.register((arg, now) => {
        seen.push(arg, now, kernel.pending)
        if (made < 2000) for (const d of plan.children[arg % plan.children.length]!) kernel.at(now + d, id, made++)
      })
      for (const d of plan.start) kernel.at(d, id, made++)
      for (const stop of plan.stops) seen.push(kernel.run(stop))
      seen.push(kernel.run())
      return { seen, events: made, pending: kernel.pending }
    }
    fc.assert(
      fc.property(schedule, (plan) => {
        const wheel = run(createKernel('wheel'), plan)
        expect(wheel).toEqual(run(createKernel('sdsl'), plan))
        expect(wheel.pending).toBe(0)
        // Independent of both: cycles never fall, and everything scheduled ran exactly once.
        expect(wheel.seen.length).toBe(3 * wheel.events + plan.stops.length + 1)
      }),
      runs(300),
    )
  })

  it('need no more memory the longer they run', () => {
    for (const name of kernelNames) {
      const kernel = createKernel(name)
      const id = kernel.register((left, now) => {
        if (left > 0) kernel.at(now + (left & 7), id, left - 1)
      })
      kernel.at(0, id, 1000)
      kernel.run()
      const before = process.memoryUsage().arrayBuffers
      kernel.at(kernel.now, id, 300_000)
      kernel.run()
      // An entry of the pool is 16 bytes: 300,000 of them would be 4.8 MB.
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1 << 20)
    }
  })

  it('grow with the number of pending events', () => {
    for (const name of kernelNames) {
      const kernel = createKernel(name)
      let count = 0
      let last = 0
      let falls = 0
      const id = kernel.register((_, now) => {
        count++
        if (now < last) falls++
        last = now
      })
      for (let i = 0; i < 10_000; i++) kernel.at((i * 7919) % 1000, id, i)
      expect([kernel.run(), count, falls]).toEqual([999, 10_000, 0])
    }
  })
})

/** Registers a handler that notes `cycle:argument`. */
function logger(kernel: Kernel): { id: number; seen: string[] } {
  const seen: string[] = []
  return { seen, id: kernel.register((arg, now) => seen.push(`${now}:${arg}`)) }
}
