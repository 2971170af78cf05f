// Where items are simulated: in this thread, or in a pool of threads. The outcome is the same; only the order of work differs.
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { Piscina } from 'piscina'
import { CheckFailure, Interrupted, ModelError, SimFault, SpecError } from '../../models/base/errors.js'
import { packageRoot } from '../../models/base/paths.js'
import type { CodedTensor, Layer } from '../../models/nn/types.js'
import type { Engine, ItemOutcome, ItemRequest } from '../chip/items/engine.js'
import type { LayerJob } from '../chip/job.js'
import { mostThreads } from '../options.js'
import { type LayerAnswer, type LayerTask, openLayer } from './layer-task.js'
import { shared } from './share.js'
import type { Reply, Task } from './worker.js'

export interface Simulator {
  /** pieces of work that may be under way at the same time */
  readonly pieces: number
  /** into how many pieces the items of a layer are best cut when so many layers are simulated */
  cut(layers: number, items: number): number
  /** Places a layer and simulates items of it. */
  run(task: LayerTask, items: readonly CodedTensor[], watch: Watch): Promise<LayerAnswer>
  close(): Promise<void>
}

/** What the caller wants to hear while a layer is simulated. */
export interface Watch {
  /** @param item position in the list @param share of the item that is done, 0 … 1 */
  readonly onShare: (item: number, share: number) => void
  /** only in this thread: is told of the placed layer and gives the listener for the firings of an item */
  readonly observe: ((job: LayerJob, item: number) => ItemRequest['onFiring']) | null
}

/** Work (multiply-accumulates) below which threads cost more than they bring. */
const smallestWork = 3e8

/** @param asked number of threads, or null: as many as the machine has, one for little work */
export function threadCount(asked: number | null, macs: number): number {
  if (asked !== null) return asked
  return macs < smallestWork ? 1 : Math.min(availableParallelism(), mostThreads)
}

export function createSimulator(engine: Engine, threads: number, signal: AbortSignal): Simulator {
  return threads === 1 ? inThisThread(engine, signal) : inPool(engine, threads, signal)
}

function inThisThread(engine: Engine, signal: AbortSignal): Simulator {
  return {
    pieces: 1,
    cut: () => 1,
    async run(task, items, watch) {
      const { job, figures, run } = openLayer(engine, task)
      const outcomes: ItemOutcome[] = []
      for (const [i, tensor] of items.entries()) {
        const all = passesOf(figures, tensor)
        const onPass = (passes: number) => watch.onShare(i, passes / all)
        const steps = run({ tensor, onPass, onFiring: watch.observe?.(job, i) ?? null })
        for (let step = steps.next(); ; step = steps.next()) {
          if (step.done === true) {
            outcomes.push(step.value)
            break
          }
          await breathe(signal)
        }
        watch.onShare(i, 1)
      }
      return { figures, outcomes }
    },
    close: async () => {},
  }
}

function passesOf({ groups, vectors }: LayerAnswer['figures'], { form }: CodedTensor): number {
  return groups * vectors * (form === 'split' ? 2 : 1)
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
  const ids = new WeakMap<LayerTask, number>()
  let layers = 0
  const tensors = new WeakMap<CodedTensor, CodedTensor>()
  const sharedTensor = (tensor: CodedTensor): CodedTensor => {
    const known = tensors.get(tensor) ?? shared(tensor)
    tensors.set(tensor, known)
    return known
  }
  return {
    // One more than is simulated, so that no thread waits while the integers of a layer are made.
    pieces: threads + 1,
    // A piece places its layer anew, so layers are only cut where there are too few of them.
    cut: (layers, items) => Math.max(1, Math.min(items, Math.ceil(threads / layers))),
    async run(task, items, watch) {
      const id = ids.get(task) ?? layers++
      ids.set(task, id)
      const layer = shared({ ...task, layer: withoutWeights(task.layer) })
      const sent: Task = { engine: engine.name, id, layer, items: items.map(sharedTensor) }
      const reply = await pool.run(sent).catch((cause: Error) => {
        throw signal.aborted ? new Interrupted('interrupted') : cause
      })
      if ('failure' in reply) throw revived(reply.failure)
      for (const i of items.keys()) watch.onShare(i, 1)
      return reply.answer
    },
    close() {
      signal.removeEventListener('abort', stop)
      return pool.destroy()
    },
  }
}

/** The numbers of the model are integers by now. */
function withoutWeights(layer: Layer): Layer {
  return { ...layer, weights: { kind: 'float', values: new Float32Array(0) } }
}

const kinds = { SpecError, ModelError, CheckFailure, SimFault, Interrupted }

function revived({ name, message, stack }: { name: string; message: string; stack: string }): Error {
  const kind = kinds[name as keyof typeof kinds] ?? SimFault
  const error = new kind(message)
  error.stack = stack
  return error
}
