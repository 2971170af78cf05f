// Recording: the network runs in onnxruntime-node and the tensors that feed its layers become integer codes. Float tensors take two
// further looks at the items (range, then histogram where the calibration needs one); nothing but codes is kept.
import { ModelError } from '../../models/base/errors.js'
import { formOf } from '../../models/nn/forms.js'
import {
  type Codes,
  type Coding,
  calibratedRange,
  codingOfModel,
  codingOfRange,
  emptyCodes,
  encodeFloats,
  encodeIntegers,
  type Range,
} from '../../models/nn/quantise.js'
import type { InputSpec } from '../../models/nn/spec.js'
import type { CodedTensor, Network, TensorQuantisation } from '../../models/nn/types.js'
import type { FetchedTensor, InputItem, Session } from './session.js'
import type { RecordedProduct, RecordedTrace } from './trace.js'

/** Bins of the histogram that percentile and mse calibration look at. */
const bins = 8192

/** Every tensor that recording asks for (and, for checks, the results of the layers). */
export function recordedTensors(network: Network): string[] {
  const products = network.activationProducts.flatMap((product) => [...product.inputTensors, product.outputTensor])
  const layers = network.layers.flatMap((layer) => [layer.inputTensor, layer.outputTensor])
  return [...new Set([...layers, ...computedZeroPoints(network), ...products])]
}

/** Tensors with a zero point for every item. */
function computedZeroPoints(network: Network): string[] {
  return network.layers.flatMap((layer) => layer.input?.zeroPointTensor ?? [])
}

export async function recordTrace(
  network: Network,
  session: Session,
  items: readonly InputItem[],
  spec: InputSpec,
  onItem: (done: number, total: number) => void,
): Promise<RecordedTrace> {
  const sources = sourcesOf(network)
  const floats = [...sources].filter(([, quantisation]) => quantisation === null).map(([name]) => name)
  const looks = (floats.length > 0 ? (spec.calibration === 'min-max' ? 1 : 2) : 0) + 1
  let done = 0
  const step = () => onItem(++done, items.length * looks)
  const codings = await chooseCodings(session, items, sources, floats, spec, step)
  const tensors = new Map<string, { shape: readonly number[]; codes: Codes; coding: Coding }>()
  const products = new Map<string, RecordedProduct>()
  const predictions = new Int32Array(items.length)
  const productTensors = network.activationProducts.flatMap((product) => [
    ...product.inputTensors,
    product.outputTensor,
  ])
  const zeroPoints = [...new Set(computedZeroPoints(network))]
  const wanted = [...new Set([...sources.keys(), ...zeroPoints, ...productTensors, network.outputs[0]!])]
  for (const [index, item] of items.entries()) {
    const fetched = await session.run(item, wanted)
    for (const [name, quantisation] of sources) {
      const zero = fetched.get(quantisation?.zeroPointTensor ?? '')?.data[0]
      const of = quantisation === null || zero === undefined ? quantisation : { ...quantisation, zeroPoint: zero }
      const coding = of === null ? codings.get(name)! : codingOfModel(of, spec.signed)
      storeCodes(network, tensors, name, fetched.get(name)!, of, coding, index, items.length)
    }
    for (const name of zeroPoints) storeZeroPoint(network, tensors, name, fetched.get(name)!, index, items.length)
    predictions[index] = argmax(fetched.get(network.outputs[0]!)!.data)
    for (const product of network.activationProducts) products.set(product.name, productOf(product, fetched))
    step()
  }
  return {
    modelSha256: network.sha256,
    items: items.length,
    tensors: new Map(
      [...tensors].map(([name, t]): [string, CodedTensor] => [name, { shape: t.shape, codes: t.codes, ...t.coding }]),
    ),
    products: [...products.values()],
    predictions,
    settings: { signed: spec.signed, calibration: spec.calibration, percentile: spec.percentile },
  }
}

/** Tensors to record. One tensor has one coding, so layers that share it must read it alike. */
function sourcesOf(network: Network): Map<string, TensorQuantisation | null> {
  const sources = new Map<string, TensorQuantisation | null>()
  for (const { name, inputTensor, input } of network.layers) {
    const known = sources.get(inputTensor)
    if (known !== undefined && JSON.stringify(known) !== JSON.stringify(input)) {
      throw new ModelError(
        `${network.file}: node "${name}": its input "${inputTensor}" is read with different scales by different layers`,
      )
    }
    sources.set(inputTensor, input)
  }
  return sources
}

async function chooseCodings(
  session: Session,
  items: readonly InputItem[],
  sources: ReadonlyMap<string, TensorQuantisation | null>,
  floats: readonly string[],
  spec: InputSpec,
  step: () => void,
): Promise<Map<string, Coding>> {
  const codings = new Map<string, Coding>()
  for (const [name, quantisation] of sources)
    if (quantisation !== null) codings.set(name, codingOfModel(quantisation, spec.signed))
  if (floats.length === 0) return codings
  const ranges = new Map<string, Range>()
  for (const item of items) {
    for (const [name, tensor] of await session.run(item, floats))
      ranges.set(name, widen(name, ranges.get(name), tensor.data))
    step()
  }
  const histograms = new Map(floats.map((name) => [name, new Float64Array(bins)]))
  if (spec.calibration !== 'min-max') {
    for (const item of items) {
      for (const [name, tensor] of await session.run(item, floats))
        fill(histograms.get(name)!, ranges.get(name)!, tensor.data)
      step()
    }
  }
  for (const name of floats)
    codings.set(name, codingOfRange(calibratedRange(ranges.get(name)!, histograms.get(name)!, spec), spec.signed))
  return codings
}

function widen(name: string, range: Range | undefined, data: ArrayLike<number>): Range {
  let min = range?.min ?? Number.POSITIVE_INFINITY
  let max = range?.max ?? Number.NEGATIVE_INFINITY
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!
    if (!Number.isFinite(value))
      throw new ModelError(`tensor "${name}": activation ${value} at position ${i}; check the inputs and their scaling`)
    if (value < min) min = value
    if (value > max) max = value
  }
  return { min, max }
}

function fill(histogram: Float64Array, range: Range, data: ArrayLike<number>): void {
  const width = (range.max - range.min) / histogram.length
  for (let i = 0; i < data.length; i++) {
    const bin = width === 0 ? 0 : Math.min(histogram.length - 1, Math.floor((data[i]! - range.min) / width))
    histogram[bin] = histogram[bin]! + 1
  }
}

function storeCodes(
  network: Network,
  tensors: Map<string, { shape: readonly number[]; codes: Codes; coding: Coding }>,
  name: string,
  fetched: FetchedTensor,
  quantisation: TensorQuantisation | null,
  coding: Coding,
  index: number,
  items: number,
): void {
  const { data } = fetched
  if (quantisation !== null && fetched.dtype !== quantisation.dtype && fetched.dtype !== 'float32') {
    throw new ModelError(
      `${network.file}: tensor "${name}" holds ${fetched.dtype} where the model says ${quantisation.dtype}; activations must be uint8 or int8 of a stated type`,
    )
  }
  const known = tensors.get(name)
  const entry = known ?? { shape: fetched.shape, codes: emptyCodes(coding.form, data.length * items), coding }
  if (known === undefined) tensors.set(name, entry)
  if (entry.shape.join() !== fetched.shape.join()) {
    throw new ModelError(
      `${network.file}: tensor "${name}" has shape [${fetched.shape}] for item ${index}, [${entry.shape}] for item 0; items of one run must have one shape`,
    )
  }
  const at = index * data.length
  if (quantisation === null) encodeFloats(data, coding, entry.codes, at)
  else if (data instanceof Float32Array)
    encodeIntegers(onGrid(name, data, quantisation), quantisation, coding, entry.codes, at)
  else encodeIntegers(data, quantisation, coding, entry.codes, at)
}

/** A zero point of every item, kept as codes of its own: readers put it back with `layerTensor`. */
function storeZeroPoint(
  network: Network,
  tensors: Map<string, { shape: readonly number[]; codes: Codes; coding: Coding }>,
  name: string,
  fetched: FetchedTensor,
  index: number,
  items: number,
): void {
  const form = fetched.dtype === 'int8' ? 'twos-complement' : 'unsigned'
  if (fetched.data.length !== 1 || (fetched.dtype !== 'uint8' && fetched.dtype !== 'int8')) {
    throw new ModelError(
      `${network.file}: zero point "${name}" is ${fetched.dtype} [${fetched.shape}]; expected one uint8 or int8`,
    )
  }
  const coding: Coding = { form, scale: 1, zeroPoint: 0 }
  const entry = tensors.get(name) ?? { shape: fetched.shape, codes: emptyCodes(form, items), coding }
  tensors.set(name, entry)
  entry.codes[index] = fetched.data[0]!
}

/**
 * A float tensor that holds only values of a grid, back to its integers.
 * @throws ModelError when a value is off the grid: float32 arithmetic moves one by at most 255 · 2^-23 steps
 */
function onGrid(name: string, values: Float32Array, q: TensorQuantisation): Int16Array {
  const low = q.dtype === 'int8' ? -128 : 0
  return Int16Array.from(values, (value) => {
    const steps = value / q.scale
    const code = Math.round(steps) + q.zeroPoint
    if (Math.abs(steps - Math.round(steps)) < 1e-3 && code >= low && code <= low + 255) return code
    throw new ModelError(`tensor "${name}": ${value} is no ${q.dtype} multiple of its scale ${q.scale}`)
  })
}

function productOf(
  product: Network['activationProducts'][number],
  fetched: ReadonlyMap<string, FetchedTensor>,
): RecordedProduct {
  const [a, b] = product.inputTensors.map((name) => fetched.get(name)!.shape)
  const result = fetched.get(product.outputTensor)!.shape
  const outputs = result.reduce((x, y) => x * y, 1)
  // Gemm may transpose its operands; its first one has (rows of the result) × K elements either way.
  const size = (shape: readonly number[]) => shape.reduce((x, y) => x * y, 1)
  const base = formOf(product.op === 'QGemm' ? 'com.microsoft' : '', product.op)?.base
  const shapes: RecordedProduct['shapes'] = [a!, b!, result]
  // Every input element of ConvTranspose is multiplied by all weights of its channel.
  if (base === 'ConvTranspose')
    return { name: product.name, op: product.op, shapes, macs: size(a!) * size(b!.slice(1)) }
  const inner = base === 'Conv' ? size(b!.slice(1)) : base === 'Gemm' ? size(a!) / result[0]! : a!.at(-1)!
  return { name: product.name, op: product.op, shapes, macs: outputs * inner }
}

function argmax(data: ArrayLike<number>): number {
  let best = 0
  for (let i = 1; i < data.length; i++) if (data[i]! > data[best]!) best = i
  return best
}
