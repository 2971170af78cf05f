// The plain backend: every event in one js-sdsl PriorityQueue. Slower than the wheel, and simple enough to be its oracle.
import { checkCycle, checkEvent, checkNotRunning } from './checks.js'
import { EventHeap } from './heap.js'
import type { Handler, Kernel } from './types.js'

export class SdslKernel implements Kernel {
  now = 0
  private readonly handlers: Handler[] = []
  private readonly heap = new EventHeap()
  private running = false

  get pending(): number {
    return this.heap.size
  }

  register(handler: Handler): number {
    return this.handlers.push(handler) - 1
  }

  at(cycle: number, handler: number, arg: number): void {
    checkCycle(cycle, this.now)
    checkEvent(handler, arg, this.handlers.length)
    this.heap.push(cycle, handler, arg)
  }

  run(until: number = Number.POSITIVE_INFINITY): number {
    checkNotRunning(this.running)
    this.running = true
    try {
      while (this.heap.size > 0 && this.heap.nextCycle() <= until) {
        const event = this.heap.pop()
        this.now = event.cycle
        this.handlers[event.handler]!(event.arg, event.cycle)
      }
    } finally {
      this.running = false
    }
    return this.now
  }
}
