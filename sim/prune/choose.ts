// Which layers are pruned, and why the others are not.
import { SpecError } from '../../models/base/errors.js'
import { unknownName } from '../../models/base/registry.js'
import type { Layer, Network } from '../../models/nn/types.js'
import { prunableLayer, sparedByDefault } from '../../models/sparsity/layers.js'
import { misfit } from '../../models/sparsity/legality.js'
import type { PatternHardware } from '../../models/sparsity/types.js'
import type { PruneOptions } from './options.js'

/** Why a layer is left alone. */
export interface Spared {
  readonly reason: string
  /** nobody asked for it: the layer could be pruned, and a sensitivity shows what it would cost */
  readonly byDefault: boolean
}

/** Which layers are spared; null: pruned. @throws SpecError when nothing is left, or a named layer cannot be pruned */
export function chooseLayers(
  network: Network,
  options: PruneOptions,
  hardware: PatternHardware,
): ReadonlyMap<Layer, Spared | null> {
  const named = options.layers?.map((entry) => findLayer(network, entry, '--layers')) ?? null
  const skipped = new Set(options.skip.map((entry) => findLayer(network, entry, '--skip')))
  const firm = (reason: string): Spared => ({ reason, byDefault: false })
  const why = (layer: Layer): Spared | null => {
    const wrong = misfit(options.description, prunableLayer(layer, hardware.rowOrder).matrices[0]!, hardware)
    if (named?.includes(layer) === true && wrong !== null)
      throw new SpecError(`--layers ${layer.name}: pattern "${options.description.name}" does not fit: ${wrong}`)
    if (skipped.has(layer)) return firm('--skip')
    if (named !== null && !named.includes(layer)) return firm('not in --layers')
    if (wrong !== null) return firm(`does not fit: ${wrong}`)
    const usual = sparedByDefault(layer, network.layers.length)
    const looking = options.criterion === 'found'
    return named === null && !looking && usual !== null ? { reason: usual, byDefault: true } : null
  }
  const spared = new Map(network.layers.map((layer) => [layer, why(layer)]))
  if ([...spared.values()].every((entry) => entry !== null)) {
    const reasons = [...spared].map(([layer, entry]) => `${layer.name}: ${entry?.reason}`).join('; ')
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

/** Layers that could be pruned, those that are spared by default included. */
export function prunable(spared: ReadonlyMap<Layer, Spared | null>): Layer[] {
  return [...spared].filter(([, entry]) => entry === null || entry.byDefault).map(([layer]) => layer)
}
