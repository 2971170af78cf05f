// cimulator remap: the permutations of a network, and what they are worth in storage, index and traffic.

import { readFileSync, statSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { basename } from 'node:path'
import { SpecError } from '../models/base/errors.js'
import { actionId } from '../models/cost/actions.js'
import { bindPrices } from '../models/cost/bind.js'
import { type PriceFacts, priceContext } from '../models/cost/context.js'
import { type Approaches, approaches } from '../models/mapping/approaches.js'
import { mapLayer } from '../models/mapping/build.js'
import {
  applyMapping,
  encodeMapping,
  type LayerToMap,
  type MappingFile,
  mappingText,
  parseMapping,
} from '../models/mapping/file.js'
import type { RowLists } from '../models/mapping/mapping.js'
import { blocksOf, stripRanges } from '../models/mapping/ranges.js'
import { type Storage, storageOf, zeroWeights } from '../models/mapping/storage.js'
import { identityPermutation } from '../models/mapping/strip.js'
import { quantiseWeights } from '../models/nn/quantise.js'
import type { Network } from '../models/nn/types.js'
import { weightCoding } from '../models/values/encode.js'
import { writeFileWhole } from '../traces/store/atomic.js'
import { checkNewFile } from '../traces/store/place.js'
import { mapSpec } from './chip/parts.js'
import { machineAdc } from './chip/prepare.js'
import type { Machine } from './chip/spec.js'
import { mostThreads } from './options.js'
import { type Remapped, searchNetwork } from './permute.js'
import type { Progress } from './progress.js'
import { loadModel } from './source.js'

export interface RemapOptions {
  /** ONNX file; null: the embedded network */
  readonly model: string | null
  readonly machine: Machine
  /** mapping file to write; null: none */
  readonly out: string | null
  readonly force: boolean
  /** null: as many as the machine has */
  readonly threads: number | null
  readonly signal: AbortSignal
}

/** One layer, mapped in four ways. */
export interface LayerReport {
  readonly name: string
  readonly rows: number
  readonly cols: number
  readonly weights: number
  readonly zeros: number
  readonly strips: number
  readonly denseOus: number
  /** compressed, blocks as they are */
  readonly plain: Storage
  /** with the permutations found, before planarisation */
  readonly shuffled: Storage
  /** with what the machine does */
  readonly final: Storage
  readonly lists: RowLists['totals'] & { readonly encoding: string; readonly deltaBits: number }
  readonly approaches: Approaches
}

export interface RemapReport {
  readonly network: string
  readonly machine: string
  readonly remapper: string
  readonly layers: readonly LayerReport[]
  /** of index memory: price of a bit read, and area of a bit */
  readonly bitReadPj: number
  readonly bitUm2: number
  readonly mapping: MappingFile
}

export async function runRemap(options: RemapOptions, progress: Progress): Promise<RemapReport> {
  if (options.out !== null) checkNewFile(options.out, options.force)
  const { machine } = options
  const { network } = loadModel(options.model)
  const threads = options.threads ?? Math.min(availableParallelism(), mostThreads)
  const { permutations } = await searchNetwork(network, machine, threads, progress, options.signal)
  const layers = layersToMap(network, machine)
  const { remapper, search } = machine.mapping
  const mapping = encodeMapping({ network: basename(network.file), remapper, search }, machine, layers, permutations)
  const report = {
    network: network.file,
    machine: machine.name,
    remapper,
    layers: layers.map((layer) => layerReport(layer, machine, permutations.get(layer.index)!)),
    ...memoryPrices(layers, machine),
    mapping,
  }
  if (options.out !== null) await writeFileWhole(options.out, mappingText(mapping), options.force)
  return report
}

export function layersToMap(network: Network, machine: Machine): LayerToMap[] {
  const spec = mapSpec(machine, 'machine')
  return network.layers.map((layer) => {
    const { matrices } = quantiseWeights(layer, machine.weights, machine.mapping.groups)
    const blocks = stripRanges(matrices, spec).map((range) => blocksOf(range, spec.block))
    return { index: layer.index, name: layer.name, matrices, blocks }
  })
}

function layerReport(layer: LayerToMap, machine: Machine, perms: readonly Int32Array[]): LayerReport {
  const { matrices, blocks } = layer
  const spec = mapSpec(machine, 'machine')
  const flat = { ...spec, options: { ...spec.options, planarise: false } }
  const final = mapLayer(matrices, spec, perms)
  const { totals, encoding, deltaBits } = final.rowLists
  const dense = mapLayer(matrices, mapSpec(machine, 'dense-same-hardware'))
  return {
    name: layer.name,
    rows: matrices[0]!.rows,
    cols: matrices.reduce((sum, matrix) => sum + matrix.cols, 0),
    weights: matrices.reduce((sum, matrix) => sum + matrix.e.length, 0),
    zeros: zeroWeights(matrices),
    strips: final.strips.length,
    denseOus: dense.ous,
    plain: storageOf(mapLayer(matrices, flat, blocks.map(identityPermutation))),
    shuffled: storageOf(mapLayer(matrices, flat, perms)),
    final: storageOf(final),
    lists: { ...totals, encoding, deltaBits },
    approaches: approaches(matrices, spec, layer.name),
  }
}

/** Index memory with the machine's own price table. */
function memoryPrices(layers: readonly LayerToMap[], machine: Machine) {
  const facts: PriceFacts = {
    adcBits: machineAdc(machine).bits,
    matrixRows: Math.max(...layers.map((layer) => layer.matrices[0]!.rows)),
    slices: Math.max(
      ...layers.map((layer) => weightCoding(layer.matrices, machine.weights.encoding, machine.cell.bits).slices),
    ),
  }
  const context = priceContext(machine, facts)
  const prices = bindPrices(context)
  const memory = prices.components.find(({ name }) => name === 'index-memory')
  const bits =
    (context.features.rowLists ? context.rowListBits : 0) + (context.features.benes ? context.settingBits : 0)
  return {
    bitReadPj: prices.actions[actionId.rowListBitsRead]!.energyPj,
    bitUm2: memory === undefined || bits === 0 ? 0 : memory.areaUm2 / bits,
  }
}

/** Larger files are no mappings. */
const mostBytes = 2 ** 29

/** @throws SpecError when the file cannot be read or is no mapping */
export function readMapping(file: string): MappingFile {
  try {
    const { size } = statSync(file)
    if (size > mostBytes) throw new SpecError(`${file}: ${size} bytes; a mapping has at most ${mostBytes}`)
    return parseMapping(readFileSync(file, 'utf8'), file)
  } catch (cause) {
    if (cause instanceof SpecError) throw cause
    const { code, message } = cause as NodeJS.ErrnoException
    throw new SpecError(`${file}: cannot read the mapping (${code ?? message}); write one with cimulator remap`)
  }
}

/** Permutations of a run: those of a mapping file, or searched by the machine's remapper. */
export async function permutationsFor(
  options: {
    readonly machine: Machine
    readonly mapping?: string | null
    readonly threads?: number | null
    readonly signal: AbortSignal
  },
  network: Network,
  progress: Progress,
): Promise<Remapped> {
  const file = options.mapping ?? null
  const threads = options.threads ?? Math.min(availableParallelism(), mostThreads)
  // Identity is what a layer without an entry gets when it is placed: nothing to search, and no weights to look at.
  if (file === null && options.machine.mapping.remapper === 'identity') return { permutations: new Map(), streams: [] }
  if (file === null) return searchNetwork(network, options.machine, threads, progress, options.signal)
  const permutations = applyMapping(readMapping(file), file, options.machine, layersToMap(network, options.machine))
  return { permutations, streams: [] }
}
