// Topology and numbers → ONNX (opset 17), in parts, because a model of half a gigabyte need not lie in memory twice.
import { onnx } from '../../models/nn/proto/onnx.js'
import { type ConvStep, input, isWeighted, rowsOf, type Topology } from './graph.js'
import type { LayerNumbers } from './weights.js'

const types = onnx.TensorProto.DataType
const attributeTypes = onnx.AttributeProto.AttributeType

/** Batch normalisation behind every convolution, for calibration. */
export interface CalibrationNorms {
  readonly images: number
  of(step: ConvStep): { readonly gain: Float32Array; readonly shift: Float32Array }
}

/** Added to the variance, as usual for a batch normalisation. */
const epsilon = 1e-5

/** Tensors with the mean and the deviation of every channel of a convolution, in a model for calibration. */
export function statisticsOf(name: string): string[] {
  return [`${name}.mean`, `${name}.deviation`]
}

/**
 * The file, part after part.
 * @param norms null: convolutions with a bias; else: without, and a batch normalisation behind each
 */
export function toOnnx(
  topology: Topology,
  numbers: ReadonlyMap<string, LayerNumbers>,
  norms: CalibrationNorms | null,
): Uint8Array[] {
  const nodes: onnx.NodeProto.$Properties[] = []
  const tensors: (() => onnx.TensorProto.$Properties)[] = []
  for (const step of topology.steps) {
    nodes.push(node(topology, step, norms !== null))
    if (!isWeighted(step)) continue
    const { weights, bias } = numbers.get(step.name)!
    const dims =
      step.kind === 'conv' ? [step.outputs, step.inputs, step.kernel, step.kernel] : [step.outputs, rowsOf(step)]
    tensors.push(() => floats(`${step.name}.weight`, dims, weights))
    if (norms === null || step.kind === 'gemm') tensors.push(() => floats(`${step.name}.bias`, [step.outputs], bias))
    else {
      const { gain, shift } = norms.of(step)
      nodes.push(...normNodes(step.name))
      const perChannel = [1, step.outputs, 1, 1]
      tensors.push(() => floats(`${step.name}.gain`, perChannel, gain))
      tensors.push(() => floats(`${step.name}.shift`, perChannel, shift))
    }
  }
  if (norms !== null) tensors.push(() => floats('epsilon', [1], Float32Array.of(epsilon)))
  const { channels, side } = topology
  const last = topology.steps.at(-1)!.name
  const graph = onnx.GraphProto.encode({
    name: topology.name,
    node: nodes,
    input: [value(input, [norms?.images ?? 1, channels, side, side])],
    output: [value(last, null)],
  }).finish()
  const parts = [graph, ...tensors.flatMap((tensor) => field(5, onnx.TensorProto.encode(tensor()).finish()))]
  const size = parts.reduce((sum, part) => sum + part.length, 0)
  const head = onnx.ModelProto.encode({
    ir_version: 8,
    producer_name: 'cimulator',
    opset_import: [{ domain: '', version: 17 }],
  }).finish()
  return [head, tag(7, size), ...parts]
}

/** A field of a message with its length in front (Protocol Buffers encoding, wire type 2). */
function field(number: number, bytes: Uint8Array): Uint8Array[] {
  return [tag(number, bytes.length), bytes]
}

function tag(number: number, length: number): Uint8Array {
  const bytes = [(number << 3) | 2]
  let rest = length
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest & 127) | 128)
  bytes.push(rest)
  return Uint8Array.from(bytes)
}

/** What a step's reader asks for: behind a normalised convolution the normalised tensor. */
function output(topology: Topology, name: string, normalised: boolean): string {
  const step = topology.steps.find((candidate) => candidate.name === name)
  return normalised && step?.kind === 'conv' ? `${name}.normalised` : name
}

function node(topology: Topology, step: Topology['steps'][number], normalised: boolean): onnx.NodeProto.$Properties {
  const from = output(topology, step.from, normalised)
  const make = (op_type: string, inputs: string[], attribute: onnx.AttributeProto.$Properties[]) => ({
    op_type,
    name: step.name,
    input: inputs,
    output: [step.name],
    attribute,
  })
  switch (step.kind) {
    case 'conv': {
      const bias = normalised ? [] : [`${step.name}.bias`]
      return make('Conv', [from, `${step.name}.weight`, ...bias], window(step))
    }
    case 'gemm':
      return make('Gemm', [from, `${step.name}.weight`, `${step.name}.bias`], [int('transB', 1)])
    case 'add':
      return make('Add', [from, output(topology, step.other, normalised)], [])
    case 'maxPool':
      return make('MaxPool', [from], window(step))
    case 'relu':
      return make('Relu', [from], [])
    case 'mean':
      return make('GlobalAveragePool', [from], [])
    case 'flatten':
      return make('Flatten', [from], [int('axis', 1)])
  }
}

/** Mean and deviation over images and positions, and the normalised tensor. */
function normNodes(x: string): onnx.NodeProto.$Properties[] {
  const [mean, deviation] = statisticsOf(x) as [string, string]
  const make = (op_type: string, inputs: string[], output: string, axes: number[] | null = null) => ({
    op_type,
    name: output,
    input: inputs,
    output: [output],
    attribute: axes === null ? [] : [ints('axes', axes)],
  })
  return [
    make('ReduceMean', [x], mean, [0, 2, 3]),
    make('Sub', [x, mean], `${x}.centred`),
    make('Mul', [`${x}.centred`, `${x}.centred`], `${x}.squares`),
    make('ReduceMean', [`${x}.squares`], `${x}.variance`, [0, 2, 3]),
    make('Add', [`${x}.variance`, 'epsilon'], `${x}.safe`),
    make('Sqrt', [`${x}.safe`], deviation),
    make('Div', [`${x}.centred`, deviation], `${x}.unit`),
    make('Mul', [`${x}.unit`, `${x}.gain`], `${x}.scaled`),
    make('Add', [`${x}.scaled`, `${x}.shift`], `${x}.normalised`),
  ]
}

function window({ kernel, stride, pad }: { kernel: number; stride: number; pad: number }) {
  return [ints('kernel_shape', [kernel, kernel]), ints('strides', [stride, stride]), ints('pads', [pad, pad, pad, pad])]
}

function floats(name: string, dims: number[], values: Float32Array): onnx.TensorProto.$Properties {
  const raw_data = new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
  return { name, dims, data_type: types.FLOAT, raw_data }
}

function ints(name: string, values: number[]): onnx.AttributeProto.$Properties {
  return { name, type: attributeTypes.INTS, ints: values }
}

function int(name: string, i: number): onnx.AttributeProto.$Properties {
  return { name, type: attributeTypes.INT, i }
}

function value(name: string, dims: readonly number[] | null): onnx.ValueInfoProto.$Properties {
  const shape = dims === null ? undefined : { dim: dims.map((dim_value) => ({ dim_value })) }
  return {
    name,
    type: { tensor_type: shape === undefined ? { elem_type: types.FLOAT } : { elem_type: types.FLOAT, shape } },
  }
}
