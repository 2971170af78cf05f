// A layer and some of its items, as one piece of work: placed where it is simulated, so that threads share the placing too.
import type { CodeForm, Layer } from '../../models/nn/types.js'
import type { Engine, ItemOutcome, ItemRunner } from '../chip/items/engine.js'
import { type JobChoice, type LayerJob, prepareJob } from '../chip/job.js'
import { type LayerFigures, planLayer } from '../chip/plan.js'
import type { LayerIntegers } from '../chip/prepare.js'
import type { Machine } from '../chip/spec.js'

/** Plain data: it goes to other threads as it is. */
export interface LayerTask {
  readonly layer: Layer
  readonly integers: LayerIntegers
  /** of the recorded tensor of one item */
  readonly inputShape: readonly number[]
  readonly form: CodeForm
  readonly machine: Machine
  readonly choice: JobChoice
  /** block permutations of the strips; undefined: searched by the machine's remapper */
  readonly perms: readonly Int32Array[] | undefined
}

export interface LayerAnswer {
  readonly figures: LayerFigures
  /** in the order of the items */
  readonly outcomes: readonly ItemOutcome[]
}

/** A layer that is placed; its items are run one after another, because they share its memory. */
export interface OpenLayer {
  readonly job: LayerJob
  readonly figures: LayerFigures
  readonly run: ItemRunner
}

/** @param items that will be run, at most */
export function openLayer(engine: Engine, task: LayerTask, items: number): OpenLayer {
  const job = prepareJob(task.layer, task.inputShape, task.machine, task.choice, task.perms, task.integers)
  return { job, figures: planLayer(job, task.form), run: engine.open(job, items) }
}
