// A pool of threads that simulate layers side by side. They start at once and compile the engine while the network is read.
import { join } from 'node:path'
import { Piscina } from 'piscina'
import { CheckFailure, Interrupted, ModelError, SimFault, SpecError } from '../../models/base/errors.js'
import { packageRoot } from '../../models/base/paths.js'
import type { CodedTensor, Layer } from '../../models/nn/types.js'
import type { Engine } from '../chip/items/engine.js'
import { jobChoice } from '../chip/job.js'
import type { LayerIntegers } from '../chip/prepare.js'
import { kernelModule } from '../engines/fast/kernels/wasm.js'
import type { RunOptions } from '../options.js'
import type { LayerAnswer } from './layer-task.js'
import { shared } from './share.js'
import type { Simulator } from './simulator.js'
import type { Expected } from './warm.js'
import type { Reply, Task } from './worker.js'

export type ThreadOptions = Pick<
  RunOptions,
  'machine' | 'threads' | 'signal' | 'dryRun' | 'vectors' | 'values' | 'adcCodes' | 'memoryBytes' | 'kernel' | 'kernels'
>

export interface Pool {
  simulator(): Simulator
  close(): Promise<void>
}

/** Layers that wait for a thread: the next one is with it already. */
const waiting = 2

export function inPool(engine: Engine, threads: number, options: ThreadOptions): Pool {
  const { machine, signal, dryRun } = options
  const called = new Int32Array(new SharedArrayBuffer(4))
  const expected: Expected = {
    machine,
    choice: jobChoice(options),
    engine: engine.name,
    called,
    idle: dryRun,
    kernels: kernelModule(),
  }
  const pool = new Piscina<Task, Reply>({
    filename: join(packageRoot(), 'dist', 'sim', 'threads', 'worker.js'),
    minThreads: threads,
    maxThreads: threads,
    concurrentTasksPerWorker: waiting,
    workerData: expected,
  })
  const stop = () => void pool.destroy()
  signal.addEventListener('abort', stop, { once: true })

  async function ask(task: Task, transfer: readonly ArrayBuffer[]): Promise<LayerAnswer> {
    Atomics.store(called, 0, 1)
    const reply = await pool.run(task, { transferList: [...transfer] }).catch((cause: Error) => {
      throw signal.aborted ? new Interrupted('interrupted') : cause
    })
    if ('failure' in reply) throw revived(reply.failure)
    return reply.answer
  }

  function simulator(): Simulator {
    const working = new Set<Promise<unknown>>()
    /** Those of a recording; the tensors of a trace are in shared memory already. */
    const tensors = new WeakMap<CodedTensor, CodedTensor>()
    const sharedTensor = (tensor: CodedTensor): CodedTensor => {
      const known = tensors.get(tensor) ?? shared(tensor)
      tensors.set(tensor, known)
      return known
    }
    // A thread has its next layer before it has done one, and there are a few more, so that none waits while the integers of a layer are made.
    const most = (waiting + 1) * threads
    return {
      threads,
      layers: most,
      async room() {
        while (working.size >= most) await Promise.race(working)
      },
      async run(task, items, pieces, watch) {
        const parts = cut(items, pieces)
        const sent = { ...task, layer: withoutWeights(task.layer) }
        const one = parts.length === 1
        const layer = one ? sent : shared(sent)
        const answers = parts.map(async (piece) => {
          const message = { layer, items: piece.map((i) => sharedTensor(items[i]!)) }
          const answer = await ask(message, one ? buffersOf(task.integers) : [])
          for (const i of piece) watch.onShare(i, 1)
          return answer
        })
        for (const answer of answers) {
          working.add(answer)
          // What failed stays, so that the next one who asks for room hears of it.
          answer.then(() => working.delete(answer)).catch(() => {})
        }
        const [first, ...rest] = await Promise.all(answers)
        return { figures: first!.figures, outcomes: [first!, ...rest].flatMap(({ outcomes }) => outcomes) }
      },
    }
  }

  return {
    simulator,
    close() {
      signal.removeEventListener('abort', stop)
      return pool.destroy()
    },
  }
}

/** Positions of the items, in at least one part, which may be empty: a layer is placed even if nothing of it is simulated. */
function cut(items: readonly unknown[], parts: number): (readonly number[])[] {
  const all = [...items.keys()]
  const size = Math.max(1, Math.ceil(all.length / parts))
  const found = [all.slice(0, size)]
  for (let from = size; from < all.length; from += size) found.push(all.slice(from, from + size))
  return found
}

/** The numbers of the model are integers by now. */
function withoutWeights(layer: Layer): Layer {
  return { ...layer, weights: { kind: 'float', values: new Float32Array(0) } }
}

/** Memory of the matrices, to be handed over without a copy. */
function buffersOf({ separate, packed }: LayerIntegers): ArrayBuffer[] {
  const matrices = [...separate.matrices, ...(packed?.matrices ?? [])]
  return [...new Set(matrices.map(({ e }) => e.buffer))].filter((buffer) => buffer instanceof ArrayBuffer)
}

const kinds = { SpecError, ModelError, CheckFailure, SimFault, Interrupted }

function revived({ name, message, stack }: { name: string; message: string; stack: string }): Error {
  const kind = kinds[name as keyof typeof kinds] ?? SimFault
  const error = new kind(message)
  error.stack = stack
  return error
}
