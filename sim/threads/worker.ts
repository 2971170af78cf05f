// What a thread does: compile the engine, then place layers and simulate items of them.
import { workerData } from 'node:worker_threads'
import { CimulatorError } from '../../models/base/errors.js'
import { finished } from '../../models/base/steps.js'
import type { CodedTensor } from '../../models/nn/types.js'
import type { ItemOutcome } from '../chip/items/engine.js'
import { engines } from '../chip/items/index.js'
import { useModule } from '../engines/fast/kernels/wasm.js'
import { type LayerAnswer, type LayerTask, type OpenLayer, openLayer } from './layer-task.js'
import { type Expected, warmUp } from './warm.js'

export interface Task {
  readonly layer: LayerTask
  readonly items: readonly CodedTensor[]
}

/** Errors lose their class between threads, so they travel as data. */
export type Reply =
  | { readonly answer: LayerAnswer }
  | { readonly failure: { readonly name: string; readonly message: string; readonly stack: string } }

const { engine: name, kernels, ...expected } = workerData as Expected
useModule(kernels)
const engine = engines.get(name)
warmUp(engine, expected)

export default function simulate({ layer, items }: Task): Reply {
  try {
    const { figures, run } = openLayer(engine, layer, items.length)
    return { answer: { figures, outcomes: items.map((tensor) => finish(run, tensor)) } }
  } catch (cause) {
    if (cause instanceof CimulatorError)
      return { failure: { name: cause.name, message: cause.message, stack: cause.stack ?? '' } }
    throw cause
  }
}

function finish(run: OpenLayer['run'], tensor: CodedTensor): ItemOutcome {
  return finished(run({ tensor, onPass: null, onFiring: null }))
}
