// Which layers are pruned, and why the others are not.
import { SpecError } from '../../models/base/errors.js'
import { unknownName } from '../../models/base/registry.js'
import type { Layer, Network } from '../../models/nn/types.js'
import { prunableLayer, sparedByDefault } from '../../models/sparsity/layers.js'
import { misfit } from '../../models/sparsity/legality.js'
import type { PatternHardware } from '../../models/sparsity/types.js'
import type { PruneOptions } from './options.js'

/** Why each layer is spared; null: it is pruned. @throws SpecError when nothing is left, or a named layer cannot be pruned */
export function chooseLayers(
  network: Network,
  options: PruneOptions,
  hardware: PatternHardware,
): ReadonlyMap<Layer, string | null> {
  const named = options.layers?.map((entry) => findLayer(network, entry, '--layers')) ?? null
  const skipped = new Set(options.skip.map((entry) => findLayer(network, entry, '--skip')))
  const reason = (layer: Layer): string | null => {
    const wrong = misfit(options.description, prunableLayer(layer, hardware.rowOrder).matrices[0]!, hardware)
    if (named?.includes(layer) === true && wrong !== null)
      throw new SpecError(`--layers ${layer.name}: pattern "${options.description.name}" does not fit: ${wrong}`)
    if (skipped.has(layer)) return '--skip'
    if (named !== null && !named.includes(layer)) return 'not in --layers'
    if (wrong !== null) return `does not fit: ${wrong}`
    const looking = options.criterion === 'found'
    return named === null && !looking ? sparedByDefault(layer, network.layers.length) : null
  }
  const spared = new Map(network.layers.map((layer) => [layer, reason(layer)]))
  if ([...spared.values()].every((text) => text !== null)) {
    const reasons = [...spared].map(([layer, text]) => `${layer.name}: ${text}`).join('; ')
    throw new SpecError(`pattern "${options.description.name}": no layer left to prune (${reasons})`)
  }
  return spared
}

function findLayer(network: Network, entry: string, option: string): Layer {
  const { layers } = network
  const found =
    layers.find((layer) => layer.name === entry) ?? (/^\d+$/.test(entry) ? layers[Number(entry)] : undefined)
  if (found === undefined)
    throw new SpecError(
      `${option}: ${unknownName(
        'layer',
        entry,
        layers.map((layer) => layer.name),
      )} Numbers 0 … ${layers.length - 1} do as well.`,
    )
  return found
}

/** Layers that the pattern fits, those that are spared by default included: whether to spare them is what a sensitivity shows. */
export function prunable(spared: ReadonlyMap<Layer, string | null>): Layer[] {
  return [...spared]
    .filter(([, text]) => text === null || !/^(--skip|not in|does not fit)/.test(text))
    .map(([layer]) => layer)
}
