// Accuracy of networks on labelled inputs, and agreement with the network before pruning.
import { SpecError } from '../../models/base/errors.js'
import type { Network } from '../../models/nn/types.js'
import { openInputs } from '../../traces/inputs/open.js'
import { predict } from '../../traces/record/predict.js'
import type { Progress } from '../progress.js'
import { embeddedFile } from '../source.js'
import type { PruneOptions, Score } from './options.js'

export interface Judge {
  readonly items: number
  score(bytes: Uint8Array, progress: Progress): Promise<Score | null>
  close(): void
}

/** Scores networks on the given inputs; without inputs there is no score. */
export async function openJudge(options: PruneOptions, network: Network, bytes: Uint8Array): Promise<Judge> {
  const file = options.inputs ?? (options.model === null ? embeddedFile('inputs.npz') : null)
  if (file === null) {
    if (options.sensitivity !== null || options.labels !== null)
      throw new SpecError('--sensitivity and --labels need the inputs that they are measured on: give --inputs FILE')
    return { items: 0, score: async () => null, close() {} }
  }
  const items = openInputs(file, network.inputs, options)
  const labels = Array.from({ length: items.count }, (_, i) => items.labels(i))
  const labelled = labels.some((right) => right !== null)
  let original: Int32Array | null = null
  let done = 0
  return {
    items: items.count,
    async score(model, progress) {
      const classes = await predict(network, model, items, options.signal, () => progress.step(++done))
      original ??= model === bytes ? classes : null
      const count = (right: (item: number) => boolean) => classes.reduce((sum, _, i) => sum + (right(i) ? 1 : 0), 0)
      return {
        correct: labelled ? count((i) => labels[i]?.includes(classes[i]!) === true) : null,
        agree: count((i) => classes[i] === (original ?? classes)[i]),
      }
    },
    close: () => items.close(),
  }
}
