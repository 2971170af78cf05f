// One layer, ready for any engine: on the machine, on its dense references, and what is asked for. Plain data: it goes to other threads as it is.
import type { Layer, RowOrder } from '../../models/nn/types.js'
import type { AdcTables } from '../../models/values/adc.js'
import type { KernelChoice } from '../engines/fast/kernels/index.js'
import type { KernelName } from '../kernel/kernel.js'
import type { VectorChoice } from '../options.js'
import type { MacroSpec } from '../stages/context.js'
import { macroSpec } from './parts.js'
import { codingOf, type LayerIntegers, layerIntegers, machineAdc, type PlacedLayer, placeLayer } from './prepare.js'
import type { Machine } from './spec.js'

/** What a run asks of every layer. */
export interface JobChoice {
  readonly vectors: VectorChoice | null
  readonly values: boolean
  /** count conversions by ADC code */
  readonly adcCodes: boolean
  /** bytes that an engine's working set may take */
  readonly memoryBytes: number
  readonly kernel: KernelName
  /** inner loops of the fast engine */
  readonly kernels: KernelChoice
}

/** The part of a request that layers are told; nothing else goes to other threads. */
export function jobChoice({ vectors, values, adcCodes, memoryBytes, kernel, kernels }: JobChoice): JobChoice {
  return { vectors, values, adcCodes, memoryBytes, kernel, kernels }
}

export interface LayerJob {
  readonly placed: PlacedLayer
  /** the layer as the dense references hold it: both have the same mapping */
  readonly dense: PlacedLayer
  readonly denseSpecs: { readonly bare: MacroSpec; readonly sameHardware: MacroSpec }
  readonly adc: AdcTables
  readonly bitsPerStep: number
  readonly rowOrder: RowOrder
  readonly choice: JobChoice
}

/**
 * @param inputShape of the recorded tensor, one item
 * @param perms block permutations of the strips; absent: searched by the machine's remapper
 */
export function prepareJob(
  layer: Layer,
  inputShape: readonly number[],
  machine: Machine,
  choice: JobChoice,
  perms?: readonly Int32Array[],
  integers: LayerIntegers = layerIntegers(layer, machine),
): LayerJob {
  const coding = codingOf(integers, machine)
  const placed = placeLayer(layer, inputShape, machine, 'machine', integers, perms, coding)
  const dense = placeLayer(layer, inputShape, machine, 'dense-same-hardware', integers, undefined, coding)
  const bare = macroSpec(machine, 'dense-bare', dense.coding.polarities)
  return {
    placed,
    dense,
    denseSpecs: { bare, sameHardware: dense.spec },
    adc: machineAdc(machine),
    bitsPerStep: machine.input.bitsPerStep,
    rowOrder: machine.weights.rowOrder,
    choice,
  }
}
