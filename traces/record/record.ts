// Recording: the network runs in onnxruntime-node and the tensors that feed its layers become integer codes. Float tensors take two
// further looks at the items (range, then histogram where the calibration needs one); nothing but codes is kept.
import { ModelError, SimFault } from '../../models/base/errors.js'
import { formOf } from '../../models/nn/forms.js'
import {
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
import { computedZeroPoints } from './groups.js'
import { codesSha256, inputSha256, traceSha256 } from './header.js'
import { type InputSource, inputsOf } from './inputs.js'
import type { Fetched, FetchedTensor, InputItem, Session } from './session.js'
import type { ItemFacts, RecordedItem, RecordedProduct, RecordedTrace, TraceHead, TraceSource } from './trace.js'
import { wholeTrace } from './whole.js'

/** Bins of the histogram that percentile and mse calibration look at. */
const bins = 8192

/** Every tensor that recording asks for (and, for checks, the results of the layers). */
export function recordedTensors(network: Network): string[] {
  const products = network.activationProducts.flatMap((product) => [...product.inputTensors, product.outputTensor])
  const layers = network.layers.flatMap((layer) => [layer.inputTensor, layer.outputTensor])
  return [...new Set([...layers, ...computedZeroPoints(network), ...products])]
}

/**
 * A network that is recorded as its items are read. The inputs are looked at once or twice before that where the codes of float tensors
 * depend on their range.
 * @param onLook called after every item that was looked at or read; `total` counts all of them
 * @throws ModelError, SpecError
 */
export async function openRecording(
  network: Network,
  session: Session,
  inputs: InputSource,
  spec: InputSpec,
  onLook: (done: number, total: number) => void,
): Promise<TraceSource> {
  const sources = sourcesOf(network)
  const floats = [...sources].filter(([, quantisation]) => quantisation === null).map(([name]) => name)
  const looks = (floats.length > 0 ? (spec.calibration === 'min-max' ? 1 : 2) : 0) + 1
  let done = 0
  const step = () => onLook(++done, inputs.count * looks)
  const codings = await chooseCodings(session, inputs, sources, floats, spec, step)
  const products = network.activationProducts.flatMap((product) => [...product.inputTensors, product.outputTensor])
  const zeroPoints = computedZeroPoints(network)
  const wanted = [...new Set([...sources.keys(), ...zeroPoints, ...products, network.outputs[0]!])]
  const take = async (index: number) => {
    const item = await inputs.item(index)
    const coded = new Map<string, CodedTensor>()
    const shapes = new Map<string, readonly number[]>()
    let prediction = -1
    await session.each(item, wanted, (fetched) => {
      for (const [name, tensor] of fetched) {
        shapes.set(name, tensor.shape)
        if (name === network.outputs[0]) prediction = argmax(tensor.data)
        if (zeroPoints.includes(name)) coded.set(name, zeroPointTensor(network, name, tensor))
        const quantisation = sources.get(name)
        if (quantisation === undefined) continue
        const of = settled(network, quantisation, fetched)
        const coding = of === null ? codings.get(name)! : codingOfModel(of, spec.signed)
        coded.set(name, codedTensor(network, name, tensor, of, coding))
      }
    })
    // The order of the layers, whatever group a tensor came in.
    const tensors = new Map([...sources.keys(), ...zeroPoints].map((name) => [name, coded.get(name)!]))
    const recorded: RecordedItem = {
      index,
      tensors,
      prediction,
      labels: inputs.labels(index),
      codesSha256: codesSha256(tensors.values()),
      inputsSha256: inputSha256(item),
    }
    return { recorded, products: network.activationProducts.map((product) => productOf(product, shapes)) }
  }
  const first = await take(0)
  const head: TraceHead = {
    modelSha256: network.sha256,
    items: inputs.count,
    tensors: new Map([...first.recorded.tensors].map(([name, { codes: _, ...tensor }]) => [name, tensor])),
    products: first.products,
    settings: { signed: spec.signed, calibration: spec.calibration, percentile: spec.percentile },
  }
  let kept: RecordedItem | null = first.recorded
  const facts: (ItemFacts | null)[] = Array.from({ length: inputs.count }, () => null)
  return {
    head,
    labels: (index) => inputs.labels(index),
    async readItem(index) {
      if (!Number.isInteger(index) || index < 0 || index >= inputs.count)
        throw new SimFault(`item ${index} of ${inputs.count}`)
      // The first item ran already; it is kept until another one is asked for.
      const recorded = index === 0 && kept !== null ? kept : (await take(index)).recorded
      if (index !== 0) kept = null
      checkShapes(network, head, recorded)
      const { prediction, labels, codesSha256, inputsSha256 } = recorded
      if (facts[index] === null) step()
      facts[index] = { prediction, labels, codesSha256, inputsSha256 }
      // A zero point of this item alone stands in a tensor of its own: the head's is that of item 0, as in a file.
      const tensors = [...head.tensors].map(([name, tensor]): [string, CodedTensor] => [
        name,
        { ...tensor, codes: recorded.tensors.get(name)!.codes },
      ])
      return { ...recorded, tensors: new Map(tensors) }
    },
    sha256() {
      const known = facts.filter((fact) => fact !== null)
      if (known.length < facts.length) throw new SimFault(`${facts.length - known.length} items were not recorded yet`)
      return traceSha256(head, known)
    },
    close: async () => inputs.close(),
  }
}

/** The quantisation of one item: with the zero point that the model computed for it. */
function settled(
  network: Network,
  quantisation: TensorQuantisation | null,
  fetched: Fetched,
): TensorQuantisation | null {
  const name = quantisation?.zeroPointTensor
  if (quantisation === null || name === undefined) return quantisation
  const zeroPoint = fetched.get(name)?.data[0]
  if (zeroPoint === undefined)
    throw new ModelError(`${network.file}: zero point "${name}" is an input of the network; expected a computed one`)
  return { ...quantisation, zeroPoint }
}

function checkShapes(network: Network, head: TraceHead, item: RecordedItem): void {
  for (const [name, tensor] of item.tensors) {
    const first = head.tensors.get(name)!.shape
    if (first.join() !== tensor.shape.join())
      throw new ModelError(
        `${network.file}: tensor "${name}" has shape [${tensor.shape}] for item ${item.index}, [${first}] for item 0; items of one run must have one shape`,
      )
  }
}

/** All items at once, in memory. */
export async function recordTrace(
  network: Network,
  session: Session,
  items: readonly InputItem[],
  spec: InputSpec,
  onItem: (done: number, total: number) => void,
): Promise<RecordedTrace> {
  return (await wholeTrace(await openRecording(network, session, inputsOf(items), spec, onItem))).trace
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
  inputs: InputSource,
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
  for (let index = 0; index < inputs.count; index++) {
    await session.each(await inputs.item(index), floats, (tensors) => {
      for (const [name, { data }] of tensors) ranges.set(name, widen(name, ranges.get(name), data))
    })
    step()
  }
  const histograms = new Map(floats.map((name) => [name, new Float64Array(bins)]))
  if (spec.calibration !== 'min-max') {
    for (let index = 0; index < inputs.count; index++) {
      await session.each(await inputs.item(index), floats, (tensors) => {
        for (const [name, { data }] of tensors) fill(histograms.get(name)!, ranges.get(name)!, data)
      })
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

function codedTensor(
  network: Network,
  name: string,
  { shape, data, dtype }: FetchedTensor,
  quantisation: TensorQuantisation | null,
  coding: Coding,
): CodedTensor {
  if (quantisation !== null && dtype !== quantisation.dtype && dtype !== 'float32') {
    throw new ModelError(
      `${network.file}: tensor "${name}" holds ${dtype} where the model says ${quantisation.dtype}; activations must be uint8 or int8 of a stated type`,
    )
  }
  const codes = emptyCodes(coding.form, data.length)
  if (quantisation === null) encodeFloats(data, coding, codes, 0)
  else if (data instanceof Float32Array)
    encodeIntegers(onGrid(name, data, quantisation), quantisation, coding, codes, 0)
  else encodeIntegers(data, quantisation, coding, codes, 0)
  return { shape, codes, ...coding }
}

/** A zero point of every item, kept as codes of its own: readers put it back with `layerTensor`. */
function zeroPointTensor(network: Network, name: string, { dtype, shape, data }: FetchedTensor): CodedTensor {
  if (data.length !== 1 || (dtype !== 'uint8' && dtype !== 'int8')) {
    throw new ModelError(`${network.file}: zero point "${name}" is ${dtype} [${shape}]; expected one uint8 or int8`)
  }
  const form = dtype === 'int8' ? 'twos-complement' : 'unsigned'
  const codes = emptyCodes(form, 1)
  codes[0] = data[0]!
  return { form, shape, codes, scale: 1, zeroPoint: 0 }
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
  shapesOf: ReadonlyMap<string, readonly number[]>,
): RecordedProduct {
  const [a, b] = product.inputTensors.map((name) => shapesOf.get(name)!)
  const result = shapesOf.get(product.outputTensor)!
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

export function argmax(data: ArrayLike<number>): number {
  let best = 0
  for (let i = 1; i < data.length; i++) if (data[i]! > data[best]!) best = i
  return best
}
