// One layer by itself: where its weights lie, and what it costs on given activations.
import { ModelError, SpecError } from '../../models/base/errors.js'
import { mapLayer as place } from '../../models/mapping/build.js'
import type { Mapping } from '../../models/mapping/mapping.js'
import { searchLayer } from '../../models/mapping/search.js'
import { quantiseWeights } from '../../models/nn/quantise.js'
import { layerTensor } from '../../models/nn/results.js'
import type { CodedTensor, Layer } from '../../models/nn/types.js'
import { weightCoding } from '../../models/values/encode.js'
import type { RecordedItem } from '../../traces/record/trace.js'
import type { LayerResult } from '../../traces/results/result.js'
import { engines } from '../chip/items/index.js'
import { jobChoice } from '../chip/job.js'
import { createLayerTotals, type LayerTotals } from '../chip/layer.js'
import { mapSpec } from '../chip/parts.js'
import { type LayerPlan, weightSample } from '../chip/plan.js'
import { layerIntegers } from '../chip/prepare.js'
import { priceRun } from '../chip/priced.js'
import type { Machine } from '../chip/spec.js'
import type { RunOptions } from '../options.js'
import type { LayerTask } from '../threads/layer-task.js'
import { openThreads } from '../threads/open.js'
import { type RunRequest, runOptions } from './request.js'

/** Where the weights of a layer lie, without activations. */
export interface MappedLayer {
  readonly name: string
  /** strips, OUs, windows, pieces and array groups, numbered as in docs/timing.md, section 1; lists in compressed-row form */
  readonly mapping: Mapping
  /** cells that hold one weight: slices of `cell.bits` bits, and 2 polarities for differential weights, else 1 */
  readonly slices: number
  readonly polarities: number
}

/**
 * Quantises the weights of a layer, searches block permutations with the machine's remapper, and maps them.
 * @throws ModelError for weights that are no finite numbers; SpecError for a machine that `resolveMachine` would refuse
 */
export function mapLayer(layer: Layer, machine: Machine): MappedLayer {
  const spec = mapSpec(machine, 'machine')
  const { matrices } = quantiseWeights(layer, machine.weights, spec.options.groups)
  const mapping = place(matrices, spec, searchLayer(matrices, spec, layer.name))
  const { slices, polarities } = weightCoding(matrices, machine.weights.encoding, machine.cell.bits)
  return { name: layer.name, mapping, slices, polarities }
}

export type LayerOptions = Pick<
  RunRequest,
  'vectors' | 'values' | 'adcCodes' | 'engine' | 'threads' | 'memoryBytes' | 'signal'
>

/**
 * Simulates one layer on the activations of recorded items. Energy is that of a chip that holds this layer alone: in a whole run the arrays
 * of the other layers leak as well.
 * @param items of a trace of the network that the layer is from; cycles and counts are sums over them
 * @throws SpecError for options that cannot be, or codes that the machine does not take; ModelError when an item has no codes for the
 * layer; CheckFailure when a lossless result is not the integer product; Interrupted
 */
export async function simulateLayer(
  layer: Layer,
  items: readonly RecordedItem[],
  machine: Machine,
  options: LayerOptions = {},
): Promise<LayerResult> {
  const asked = runOptions({ ...options, machine })
  const tensors = items.map((item) => activations(layer, item, asked.machine))
  const [first] = tensors
  if (first === undefined) throw new SpecError('simulateLayer: expected at least one item')
  const totals = createLayerTotals()
  const threads = openThreads(engines.get(asked.engine), { ...asked, threads: asked.threads ?? 1 })
  try {
    const task: LayerTask = {
      layer,
      integers: layerIntegers(layer, asked.machine),
      inputShape: first.shape,
      form: first.form,
      machine: asked.machine,
      choice: jobChoice(asked),
      perms: undefined,
    }
    const simulator = threads.simulator(0)
    const watch = { onShare: () => {}, observe: null }
    const { figures, outcomes } = await simulator.run(task, tensors, simulator.threads, watch)
    for (const [i, outcome] of outcomes.entries()) totals.add(items[i]!.index, outcome)
    return priced(
      layer,
      items,
      asked,
      { ...figures, layer, sample: weightSample(layer, asked.machine.weights.rowOrder) },
      totals,
    )
  } finally {
    await threads.close()
  }
}

function priced(
  layer: Layer,
  items: readonly RecordedItem[],
  asked: RunOptions,
  plan: LayerPlan,
  totals: LayerTotals,
): LayerResult {
  const run = priceRun({
    options: asked,
    engine: asked.engine,
    network: { file: '', sha256: '', inputs: [], outputs: [], layers: [layer], activationProducts: [] },
    trace: { sha256: '', items, products: [], limited: false },
    plan: { layers: [plan] },
    outcomes: [{ plan, outcome: totals.finish(null) }],
  })
  return run.layers[0]!
}

function activations(layer: Layer, item: RecordedItem, machine: Machine): CodedTensor {
  const tensor = layerTensor(item.tensors, layer)
  if (tensor === undefined)
    throw new ModelError(
      `${layer.name}: item ${item.index} holds no tensor "${layer.inputTensor}"; expected an item of a trace of the layer's network`,
    )
  const codes = tensor.shape.reduce((a, b) => a * b, 1)
  if (tensor.codes.length !== codes)
    throw new SpecError(
      `${layer.name}: tensor "${layer.inputTensor}" of item ${item.index} has ${tensor.codes.length} codes; expected ${codes} for shape [${tensor.shape.join(', ')}]`,
    )
  const { signed } = machine.input
  if (tensor.form !== 'unsigned' && tensor.form !== signed)
    throw new SpecError(
      `${layer.name}: item ${item.index} was recorded with input.signed ${tensor.form}, the machine wants ${signed}; record it again with that machine`,
    )
  return tensor
}
