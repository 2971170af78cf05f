// The threads of a run, as many as were asked for or as the work is worth.
import { availableParallelism } from 'node:os'
import type { Engine } from '../chip/items/engine.js'
import { mostThreads } from '../options.js'
import { inThisThread } from './here.js'
import { inPool, type ThreadOptions } from './pool.js'
import type { Simulator } from './simulator.js'

/** Threads of a run. */
export interface Threads {
  /** @param macs of the work to come: where no number of threads was asked for, it decides */
  simulator(macs: number): Simulator
  close(): Promise<void>
}

/** Work (multiply-accumulates) below which threads cost more than they bring. */
const smallestWork = 3e8

/** Threads that were asked for start now: they compile the engine while the network is read. */
export function openThreads(engine: Engine, options: ThreadOptions): Threads {
  const { dryRun, signal } = options
  const start = (threads: number) => (threads === 1 ? null : inPool(engine, threads, options))
  const asked = options.threads ?? (dryRun ? 1 : null)
  let pool = asked === null ? null : start(asked)
  return {
    simulator(macs) {
      if (asked === null && macs >= smallestWork) pool ??= start(Math.min(availableParallelism(), mostThreads))
      return pool === null ? inThisThread(engine, signal) : pool.simulator()
    },
    close: async () => pool?.close(),
  }
}
