// The recipe of pruning: network → layers to prune → masks → bytes → top-1 before and after → sensitivity of every layer → file.
import { ModelError } from '../../models/base/errors.js'
import type { Layer, Network } from '../../models/nn/types.js'
import { pruneLayers, targetOf } from '../../models/sparsity/index.js'
import { layerMask, prunableLayer, weightCount } from '../../models/sparsity/layers.js'
import { legality } from '../../models/sparsity/legality.js'
import { patchNetwork } from '../../models/sparsity/onnx/patch.js'
import type { Mask, PatternHardware } from '../../models/sparsity/types.js'
import { writeFileWhole } from '../../traces/store/atomic.js'
import { checkNewFile } from '../../traces/store/place.js'
import { patternHardware } from '../chip/parts.js'
import type { Progress } from '../progress.js'
import { loadModel } from '../source.js'
import { chooseLayers, prunable } from './choose.js'
import { type Judge, openJudge } from './judge.js'
import type { PruneOptions, PruneReport, SensitivityRow } from './options.js'
import { countZeros, reportOf } from './report.js'

export async function runPrune(options: PruneOptions, progress: Progress): Promise<PruneReport> {
  const { out, force, machine, description } = options
  if (out !== null) checkNewFile(out, force)
  const target = targetOf(description, options.criterion, options.sparsity)
  for (const sparsity of options.sensitivity ?? []) targetOf(description, options.criterion, sparsity)
  const model = loadModel(options.model)
  const { network } = model
  const bytes = model.read()
  const hardware = patternHardware(machine)
  const spared = chooseLayers(network, options, hardware)
  const chosen = network.layers.filter((layer) => spared.get(layer) === null)
  const masks = masksOf(chosen, options, options.sparsity)
  const pruned = patchNetwork(bytes, network, weightMasks(masks, hardware))
  const measured = await measure(options, network, bytes, pruned, prunable(spared), progress)
  if (out !== null) await writeFileWhole(out, pruned, force)
  return {
    file: network.file,
    sha256: network.sha256,
    machine: machine.name,
    description,
    findings: legality(description, hardware),
    target,
    layers: network.layers.map((layer) =>
      reportOf(layer, masks.get(layer), spared.get(layer)?.reason ?? null, description, hardware),
    ),
    ...measured,
    bytes: pruned,
  }
}

async function measure(
  options: PruneOptions,
  network: Network,
  bytes: Uint8Array,
  pruned: Uint8Array,
  layers: readonly Layer[],
  progress: Progress,
): Promise<Pick<PruneReport, 'items' | 'before' | 'after' | 'sensitivity'>> {
  const judge = await openJudge(options, network, bytes)
  try {
    const runs = judge.items === 0 ? 0 : 2 + (options.sensitivity?.length ?? 0) * layers.length
    progress.phase('accuracy', runs * judge.items)
    const before = await judge.score(bytes, progress)
    const after = await judge.score(pruned, progress)
    const sensitivity = await sensitivityOf(options, network, bytes, layers, judge, progress)
    return { items: judge.items, before, after, sensitivity }
  } finally {
    progress.end()
    judge.close()
  }
}

type MatrixMasks = ReadonlyMap<Layer, readonly Mask[]>

function masksOf(layers: readonly Layer[], options: PruneOptions, sparsity: number | null): MatrixMasks {
  const hardware = patternHardware(options.machine)
  const matrices = layers.map((layer) => prunableLayer(layer, hardware.rowOrder))
  const masks = pruneLayers(matrices, { ...options, sparsity, hardware })
  return new Map(layers.map((layer, l) => [layer, masks[l]!]))
}

function weightMasks(masks: MatrixMasks, hardware: PatternHardware): ReadonlyMap<Layer, Mask> {
  return new Map([...masks].map(([layer, own]) => [layer, layerMask(layer, own, hardware.rowOrder)]))
}

async function sensitivityOf(
  options: PruneOptions,
  network: Network,
  bytes: Uint8Array,
  layers: readonly Layer[],
  judge: Judge,
  progress: Progress,
): Promise<SensitivityRow[]> {
  const rows: SensitivityRow[] = []
  const hardware = patternHardware(options.machine)
  for (const layer of layers) {
    for (const target of options.sensitivity ?? []) {
      const masks = weightMasks(masksOf([layer], options, target), hardware)
      const zeros = countZeros(layer, masks.get(layer)!)
      const row = { layer: layer.name, index: layer.index, target, zeros, weights: weightCount(layer) }
      const alone = patchAlone(bytes, network, masks)
      const refused = typeof alone === 'string'
      const score = refused ? null : await judge.score(alone, progress)
      rows.push({ ...row, score, refused: refused ? alone : null })
    }
  }
  return rows
}

/** The network with one layer pruned, or why that cannot be: weights that layers share can only be pruned together. */
function patchAlone(bytes: Uint8Array, network: Network, masks: ReadonlyMap<Layer, Mask>): Uint8Array | string {
  try {
    return patchNetwork(bytes, network, masks)
  } catch (cause) {
    if (cause instanceof ModelError) return cause.message
    throw cause
  }
}
