// Accuracy of networks on labelled inputs, and agreement with the network before pruning.
import { SpecError } from '../../models/base/errors.js'
import type { Network } from '../../models/nn/types.js'
import { readInputs } from '../../traces/inputs/read.js'
import { predict } from '../../traces/record/predict.js'
import type { Progress } from '../progress.js'
import { embeddedFile } from '../source.js'
import type { PruneOptions, Score } from './options.js'

export interface Judge {
  readonly items: number
  score(bytes: Uint8Array, progress: Progress): Promise<Score | null>
}

/** Scores networks on the given inputs; without inputs there is no score. */
export async function openJudge(options: PruneOptions, network: Network, bytes: Uint8Array): Promise<Judge> {
  const file = options.inputs ?? (options.model === null ? embeddedFile('inputs.npz') : null)
  if (file === null) {
    if (options.sensitivity !== null || options.labels !== null)
      throw new SpecError('--sensitivity and --labels need the inputs that they are measured on: give --inputs FILE')
    return { items: 0, score: async () => null }
  }
  const { items, labels } = await readInputs(file, network.inputs, options.limit, options.labels)
  let original: Int32Array | null = null
  let done = 0
  return {
    items: items.length,
    async score(model, progress) {
      const classes = await predict(network, model, items, options.signal, () => progress.step(++done))
      original ??= model === bytes ? classes : null
      const count = (wanted: Int32Array) => classes.reduce((sum, c, i) => sum + (c === wanted[i] ? 1 : 0), 0)
      return { correct: labels === null ? null : count(labels), agree: count(original ?? classes) }
    },
  }
}
