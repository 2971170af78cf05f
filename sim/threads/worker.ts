// What a thread does: place a layer and simulate some of its items. The layer stays open for more of them.

import { CimulatorError } from '../../models/base/errors.js'
import { finished } from '../../models/base/steps.js'
import type { CodedTensor } from '../../models/nn/types.js'
import type { ItemOutcome } from '../chip/items/engine.js'
import { engines } from '../chip/items/index.js'
import { type LayerAnswer, type LayerTask, type OpenLayer, openLayer } from './layer-task.js'

export interface Task {
  readonly engine: string
  /** number of the layer in this run */
  readonly id: number
  readonly layer: LayerTask
  readonly items: readonly CodedTensor[]
}

/** Errors lose their class between threads, so they travel as data. */
export type Reply =
  | { readonly answer: LayerAnswer }
  | { readonly failure: { readonly name: string; readonly message: string; readonly stack: string } }

let last: { readonly id: number; readonly layer: OpenLayer } | null = null

export default function simulate({ engine, id, layer, items }: Task): Reply {
  try {
    if (last?.id !== id) last = null
    last ??= { id, layer: openLayer(engines.get(engine), layer) }
    const { figures, run } = last.layer
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
