// What a thread does: simulate one item of one layer. Layers that it has opened stay open for their next items.
import { CimulatorError } from '../../models/base/errors.js'
import type { CodedTensor } from '../../models/nn/types.js'
import type { ItemOutcome, ItemRunner } from '../chip/items/engine.js'
import { engines } from '../chip/items/index.js'
import type { LayerJob } from '../chip/job.js'

export interface Task {
  readonly engine: string
  /** number of the job in this run */
  readonly id: number
  readonly job: LayerJob
  readonly tensor: CodedTensor
  readonly item: number
}

/** Errors lose their class between threads, so they travel as data. */
export type Reply =
  | { readonly outcome: ItemOutcome }
  | { readonly failure: { readonly name: string; readonly message: string; readonly stack: string } }

/** Layers that a thread keeps open: the one at work and the one before, whose last items may still come. */
const mostOpen = 2
const open = new Map<number, ItemRunner>()

export default function simulate(task: Task): Reply {
  try {
    const steps = runnerOf(task)({ tensor: task.tensor, item: task.item, onPass: null, onFiring: null })
    for (;;) {
      const step = steps.next()
      if (step.done === true) return { outcome: step.value }
    }
  } catch (cause) {
    if (cause instanceof CimulatorError)
      return { failure: { name: cause.name, message: cause.message, stack: cause.stack ?? '' } }
    throw cause
  }
}

function runnerOf({ engine, id, job }: Task): ItemRunner {
  const known = open.get(id)
  if (known !== undefined) return known
  while (open.size >= mostOpen) open.delete(open.keys().next().value!)
  const runner = engines.get(engine).open(job)
  open.set(id, runner)
  return runner
}
