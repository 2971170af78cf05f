// What simulates layers: this thread, or a pool of threads. The outcome is the same; only the order of work differs.
import type { CodedTensor } from '../../models/nn/types.js'
import type { ItemRequest } from '../chip/items/engine.js'
import type { LayerJob } from '../chip/job.js'
import type { LayerAnswer, LayerTask } from './layer-task.js'

export interface Simulator {
  /** Ends when another layer may be begun: a few wait, so that no thread does. @throws what a layer under way has failed with */
  room(): Promise<void>
  /**
   * Places a layer and simulates items of it. The integers of the task are given away.
   * @param pieces that the items are cut into where there are threads for them; every piece places the layer anew
   */
  run(task: LayerTask, items: readonly CodedTensor[], pieces: number, watch: Watch): Promise<LayerAnswer>
  readonly threads: number
  /** layers that are simulated or wait for it at a time; 1: one after another */
  readonly layers: number
}

/** What the caller wants to hear while a layer is simulated. */
export interface Watch {
  /** @param item position in the list @param share of the item that is done, 0 … 1 */
  readonly onShare: (item: number, share: number) => void
  /** only in this thread: is told of the placed layer and gives the listener for the firings of an item */
  readonly observe: ((job: LayerJob, item: number) => ItemRequest['onFiring']) | null
}
