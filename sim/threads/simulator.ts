// Where items are simulated: in this thread, or in a pool of threads. The outcome is the same; only the order of work differs.
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { Piscina } from 'piscina'
import { CheckFailure, Interrupted, ModelError, SimFault, SpecError } from '../../models/base/errors.js'
import { packageRoot } from '../../models/base/paths.js'
import type { CodedTensor } from '../../models/nn/types.js'
import type { Engine, ItemOutcome, ItemRequest } from '../chip/items/engine.js'
import type { LayerJob } from '../chip/job.js'
import { shared } from './share.js'
import type { Reply, Task } from './worker.js'

export interface Simulator {
  /** layers that may be under way at the same time */
  readonly layers: number
  /** Takes a layer; the items of it can then be run, in any order. */
  open(job: LayerJob): LayerSimulator
  close(): Promise<void>
}

export type LayerSimulator = (request: ItemRequest) => Promise<ItemOutcome>

/** Work (multiply-accumulates) below which threads cost more than they bring. */
const smallestWork = 3e8

/** @param asked number of threads, or null: as many as the machine has, one for little work */
export function threadCount(asked: number | null, macs: number): number {
  if (asked !== null) return asked
  return macs < smallestWork ? 1 : availableParallelism()
}

export function createSimulator(engine: Engine, threads: number, signal: AbortSignal): Simulator {
  return threads === 1 ? inThisThread(engine, signal) : inPool(engine, threads, signal)
}

function inThisThread(engine: Engine, signal: AbortSignal): Simulator {
  return {
    layers: 1,
    open(job) {
      const runner = engine.open(job)
      // One item after another: the items of a layer share its memory.
      let last: Promise<unknown> = Promise.resolve()
      const run = async (request: ItemRequest): Promise<ItemOutcome> => {
        const steps = runner(request)
        for (let step = steps.next(); ; step = steps.next()) {
          if (step.done === true) return step.value
          await breathe(signal)
        }
      }
      return (request) => {
        const next = last.then(() => run(request))
        last = next.catch(() => {})
        return next
      }
    },
    close: async () => {},
  }
}

async function breathe(signal: AbortSignal): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
  if (signal.aborted) throw new Interrupted('interrupted')
}

function inPool(engine: Engine, threads: number, signal: AbortSignal): Simulator {
  const filename = join(packageRoot(), 'dist', 'sim', 'threads', 'worker.js')
  const pool = new Piscina<Task, Reply>({
    filename,
    minThreads: threads,
    maxThreads: threads,
    concurrentTasksPerWorker: 1,
  })
  const stop = () => void pool.destroy()
  signal.addEventListener('abort', stop, { once: true })
  let opened = 0
  const tensors = new WeakMap<CodedTensor, CodedTensor>()
  const sharedTensor = (tensor: CodedTensor): CodedTensor => {
    const known = tensors.get(tensor) ?? shared(tensor)
    tensors.set(tensor, known)
    return known
  }
  return {
    // One more than is simulated, so that no thread waits while a layer is placed.
    layers: threads + 1,
    open(job) {
      const id = opened++
      const sharedJob = shared(withoutWeights(job))
      return async ({ tensor, item, onPass }) => {
        const task: Task = { engine: engine.name, id, job: sharedJob, tensor: sharedTensor(tensor), item }
        const reply = await pool.run(task).catch((cause: Error) => {
          throw signal.aborted ? new Interrupted('interrupted') : cause
        })
        if ('failure' in reply) throw revived(reply.failure)
        onPass?.(passes(job, tensor, reply.outcome))
        return reply.outcome
      }
    },
    close() {
      signal.removeEventListener('abort', stop)
      return pool.destroy()
    },
  }
}

function passes(job: LayerJob, tensor: CodedTensor, { vectors }: ItemOutcome): number {
  return job.placed.mapping.groups.length * vectors * (tensor.form === 'split' ? 2 : 1)
}

/** The numbers of the model are in the mapping's integers by now. */
function withoutWeights(job: LayerJob): LayerJob {
  const strip = (placed: LayerJob['placed']): LayerJob['placed'] => ({
    ...placed,
    layer: { ...placed.layer, weights: { kind: 'float', values: new Float32Array(0) } },
    weights: { ...placed.weights, matrices: [] },
  })
  return { ...job, placed: strip(job.placed), dense: strip(job.dense) }
}

const kinds = { SpecError, ModelError, CheckFailure, SimFault, Interrupted }

function revived({ name, message, stack }: { name: string; message: string; stack: string }): Error {
  const kind = kinds[name as keyof typeof kinds] ?? SimFault
  const error = new kind(message)
  error.stack = stack
  return error
}
