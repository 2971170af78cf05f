// Events in a js-sdsl PriorityQueue, in total order. The queue returns equal keys in arbitrary order, so every event carries the
// number of its scheduling. Records are pooled: steady running allocates nothing.
import { PriorityQueue } from 'js-sdsl'

export interface HeapEvent {
  cycle: number
  sequence: number
  handler: number
  arg: number
}

export class EventHeap {
  private readonly queue = new PriorityQueue<HeapEvent>([], order)
  private readonly free: HeapEvent[] = []
  private sequence = 0
  /** Number of queued events. */
  size = 0

  push(cycle: number, handler: number, arg: number): void {
    const event = this.free.pop() ?? { cycle: 0, sequence: 0, handler: 0, arg: 0 }
    event.cycle = cycle
    event.sequence = this.sequence++
    event.handler = handler
    event.arg = arg
    this.queue.push(event)
    this.size++
  }

  /** Cycle of the first event, or Infinity. */
  nextCycle(): number {
    const event = this.queue.top()
    return event === undefined ? Number.POSITIVE_INFINITY : event.cycle
  }

  /** Takes the first event out; the record may be written again by the next `push`. The heap must not be empty. */
  pop(): HeapEvent {
    const event = this.queue.pop() as HeapEvent
    this.free.push(event)
    this.size--
    return event
  }
}

function order(a: HeapEvent, b: HeapEvent): number {
  return a.cycle - b.cycle || a.sequence - b.sequence
}
