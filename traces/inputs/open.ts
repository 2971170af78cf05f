// The inputs of a network, whatever file they are in.
import { SpecError } from '../../models/base/errors.js'
import type { NetworkInput } from '../../models/nn/types.js'
import type { InputSource } from '../record/inputs.js'
import { openDescribed } from './described.js'
import { openArrayInputs } from './read.js'

export const isDescription = (file: string) => /\.ya?ml$/i.test(file)

/** @param options.labels JSON list of classes, for .npy and .npz; a description has its own */
export function openInputs(
  file: string,
  inputs: readonly NetworkInput[],
  options: { readonly limit: number | null; readonly labels: string | null; readonly data?: string | null },
): InputSource {
  const { limit, labels, data = null } = options
  if (!isDescription(file)) {
    if (data !== null)
      throw new SpecError(`--data ${data}: only a description (.yaml) of inputs has paths that start from it`)
    return openArrayInputs(file, inputs, limit, labels)
  }
  if (labels !== null) throw new SpecError(`--labels ${labels}: ${file} is a description; give the labels in it`)
  return openDescribed(file, inputs, { limit, data })
}
