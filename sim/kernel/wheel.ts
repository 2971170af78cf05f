// Timing wheel: one FIFO list a cycle for the next 256 cycles, a heap for everything later.
//
// Invariants. (1) A slot holds events of one cycle only: those with now ≤ cycle < now + 256 whose cycle ends in the slot's number,
// so an event needs no time stamp. (2) Far events enter their slot when time advances, before any event of the new cycle runs. Until
// then their cycle was out of reach of direct scheduling, so they are older than everything scheduled directly, and a slot's
// list is in scheduling order. (3) Time is `epoch + tick` with a small integer `tick`: the hot path stays in machine integers,
// and cycles are exact up to 2^53.
import { checkCycle, checkEvent, checkNotRunning } from './checks.js'
import { EventHeap } from './heap.js'
import type { Handler, Kernel } from './types.js'

const slots = 256
const slotMask = slots - 1
/** The epoch moves when `tick` gets here; a multiple of `slots`, with room below 2^31 for one turn of the wheel. */
const tickLimit = 2 ** 30
const none = -1

// An event in the pool: [next in its list, handler, argument, unused].
const stride = 4
const firstPool = 1024

export class WheelKernel implements Kernel {
  pending = 0
  private readonly handlers: Handler[] = []
  private epoch = 0
  private tick = 0
  private pool = new Int32Array(firstPool * stride)
  private freeList = none
  private unused = 0
  /** per slot: head and tail of its list; the tail counts only while there is a head */
  private readonly ends = new Int32Array(2 * slots).fill(none)
  /** bit s = slot s is not empty */
  private readonly occupied = new Int32Array(slots / 32)
  private readonly far = new EventHeap()
  /** first cycle of `far`, as a tick; tickLimit + slots when that or later */
  private farTick = tickLimit + slots
  private running = false

  get now(): number {
    return this.epoch + this.tick
  }

  register(handler: Handler): number {
    return this.handlers.push(handler) - 1
  }

  at(cycle: number, handler: number, arg: number): void {
    if (handler >>> 0 !== handler || handler >= this.handlers.length || (arg | 0) !== arg)
      checkEvent(handler, arg, this.handlers.length)
    const delay = cycle - this.epoch - this.tick
    // True for the whole numbers 0 … 255 alone.
    if ((delay & slotMask) === delay) this.append((this.tick + delay) & slotMask, handler, arg)
    else this.later(cycle, handler, arg)
    this.pending++
  }

  run(until: number = Number.POSITIVE_INFINITY): number {
    checkNotRunning(this.running)
    this.running = true
    try {
      while (this.pending > 0 && this.advance(until)) this.drain(this.tick & slotMask, this.epoch + this.tick)
    } finally {
      this.running = false
    }
    return this.now
  }

  /** Runs the events of one slot, also those that they add to it. */
  private drain(slot: number, now: number): void {
    const { ends, handlers } = this
    const head = 2 * slot
    let event = ends[head]!
    while (event !== none) {
      const pool = this.pool
      const handler = pool[event + 1]!
      const arg = pool[event + 2]!
      ends[head] = pool[event]!
      pool[event] = this.freeList
      this.freeList = event
      this.pending--
      handlers[handler]!(arg, now)
      event = ends[head]!
    }
    this.occupied[slot >> 5]! &= ~(1 << (slot & 31))
  }

  /** Adds an event behind the others of a slot. */
  private append(slot: number, handler: number, arg: number): void {
    const reused = this.freeList
    const event = reused === none ? this.fresh() : reused
    const { pool, ends } = this
    if (reused !== none) this.freeList = pool[reused]!
    pool[event] = none
    pool[event + 1] = handler
    pool[event + 2] = arg
    const head = 2 * slot
    if (ends[head] === none) {
      ends[head] = event
      this.occupied[slot >> 5]! |= 1 << (slot & 31)
    } else pool[ends[head + 1]!] = event
    ends[head + 1] = event
  }

  /** A pool entry that was never used; the pool doubles when there is none. */
  private fresh(): number {
    const event = this.unused
    if (event === this.pool.length) {
      const larger = new Int32Array(2 * event)
      larger.set(this.pool)
      this.pool = larger
    }
    this.unused = event + stride
    return event
  }

  private later(cycle: number, handler: number, arg: number): void {
    checkCycle(cycle, this.now)
    this.far.push(cycle, handler, arg)
    this.farTick = Math.min(this.farTick, this.tickOf(cycle))
  }

  /**
   * Moves time to the next event's cycle and far events into the wheel. There must be an event.
   * @returns false, with time unchanged, when that cycle is after `until`
   */
  private advance(until: number): boolean {
    const ahead = this.nextNear()
    // Events in the wheel are earlier than all far ones: invariant (2).
    if (ahead === slots) return this.jump(until)
    const tick = this.tick + ahead
    if (this.epoch + tick > until) return false
    this.tick = tick
    if (tick >= tickLimit) this.moveEpoch(this.epoch + tick)
    if (this.farTick - this.tick < slots) this.admitFar()
    return true
  }

  /** `advance` to the first far event, with an empty wheel. */
  private jump(until: number): boolean {
    const cycle = this.far.nextCycle()
    if (cycle > until) return false
    this.moveEpoch(cycle)
    this.admitFar()
    return true
  }

  /** Cycles from now to the first event in the wheel; `slots` when the wheel is empty. */
  private nextNear(): number {
    const { occupied } = this
    const first = this.tick & slotMask
    // The current word twice: first from the current slot on, at last for the slots before it.
    let word = first >> 5
    let bits = occupied[word]! & (-1 << (first & 31))
    for (let i = 0; i <= occupied.length; i++) {
      if (bits !== 0) return ((word << 5) + 31 - Math.clz32(bits & -bits) - first) & slotMask
      word = (word + 1) & (occupied.length - 1)
      bits = occupied[word]!
    }
    return slots
  }

  private admitFar(): void {
    const { far } = this
    const horizon = this.now + slots
    while (far.nextCycle() < horizon) {
      const event = far.pop()
      this.append((event.cycle - this.epoch) & slotMask, event.handler, event.arg)
    }
    this.farTick = this.tickOf(far.nextCycle())
  }

  /** Moves time to `cycle`, and the epoch up to the last whole turn of the wheel when it is too far behind. Slots keep their numbers. */
  private moveEpoch(cycle: number): void {
    if (cycle - this.epoch >= tickLimit) this.epoch = cycle - (cycle % slots)
    // `| 0` keeps V8 from storing the field as a boxed double.
    this.tick = (cycle - this.epoch) | 0
    this.farTick = this.tickOf(this.far.nextCycle())
  }

  /** Tick of a far cycle, capped to stay a small integer. */
  private tickOf(cycle: number): number {
    return Math.min(cycle - this.epoch, tickLimit + slots) | 0
  }
}
