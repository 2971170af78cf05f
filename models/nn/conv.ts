// Conv and ConvTranspose: geometry, and weights in the order [group][output][row, channel-major].
import { ModelError } from '../base/errors.js'
import { arrange, type Product } from './arrange.js'
import { intAttribute, intsAttribute, stringAttribute } from './attributes.js'
import type { Constant } from './constant.js'
import type { Node } from './graph.js'
import type { ConvGeometry } from './types.js'

/** No stride, dilation or output size of a real network comes near it. */
const largest = 2 ** 16

/** Pads at one end beyond which a layer would compute little but padding, for a kernel that reaches over so many elements. */
const largestPad = (reach: number) => 64 + 16 * reach

export function convProduct(node: Node, name: string, weight: Constant): Product {
  const [outputs, groupIn, ...kernel] = kernelDims(node, weight, '[outputs, inputs of a group, kernel …]')
  const groups = groupsOf(node, outputs, 'outputs')
  const geometry = geometryOf(node, kernel, groups, groupIn, outputs / groups)
  return { geometry, weights: arrange(node, name, weight, null, 1, outputs), outputs }
}

export function convTransposeProduct(node: Node, name: string, weight: Constant): Product {
  const [inputs, groupOut, ...kernel] = kernelDims(node, weight, '[inputs, outputs of a group, kernel …]')
  const groups = groupsOf(node, inputs, 'inputs')
  const groupIn = inputs / groups
  const zeros = kernel.map(() => 0)
  const outputPadding = list(node, 'output_padding', zeros, kernel.length, 0)
  const outputShape = intsAttribute(node, 'output_shape', null)
  if (outputShape !== null) list(node, 'output_shape', outputShape, kernel.length, 1)
  const transposed = { outputPadding, outputShape }
  const geometry = { ...geometryOf(node, kernel, groups, groupIn, groupOut), transposed }
  const outputs = groups * groupOut
  const index = transposedOrder(groups, groupIn, groupOut, size(kernel))
  return { geometry, weights: arrange(node, name, weight, index, 1, outputs), outputs }
}

/** Weights of ConvTranspose stand as [group][input][output][position]. */
export function transposedOrder(groups: number, groupIn: number, groupOut: number, positions: number): Int32Array {
  const index = new Int32Array(groups * groupIn * groupOut * positions)
  for (let g = 0, i = 0; g < groups; g++) {
    for (let o = 0; o < groupOut; o++) {
      for (let c = 0; c < groupIn; c++) {
        const base = ((g * groupIn + c) * groupOut + o) * positions
        for (let p = 0; p < positions; p++) index[i++] = base + p
      }
    }
  }
  return index
}

function kernelDims(node: Node, weight: Constant, expected: string): [number, number, ...number[]] {
  const [first, second, ...kernel] = weight.dims
  if (first === undefined || second === undefined || kernel.length === 0)
    throw new ModelError(`${node.where}: weights of shape [${weight.dims}]; expected ${expected}`)
  const stated = intsAttribute(node, 'kernel_shape', kernel)
  if (stated.join() !== kernel.join())
    throw new ModelError(`${node.where}: kernel_shape [${stated}] for weights of shape [${weight.dims}]`)
  return [first, second, ...kernel]
}

function groupsOf(node: Node, channels: number, what: string): number {
  const groups = intAttribute(node, 'group', 1)
  if (groups < 1 || channels % groups !== 0)
    throw new ModelError(`${node.where}: ${channels} ${what} do not divide into ${groups} groups`)
  return groups
}

function geometryOf(
  node: Node,
  kernel: readonly number[],
  groups: number,
  groupIn: number,
  groupOut: number,
): ConvGeometry {
  const rank = kernel.length
  const ones = kernel.map(() => 1)
  const auto = stringAttribute(node, 'auto_pad', 'NOTSET')
  const autoPad: ConvGeometry['autoPad'] = auto === 'SAME_UPPER' || auto === 'SAME_LOWER' ? auto : null
  if (autoPad === null && auto !== 'NOTSET' && auto !== 'VALID')
    throw new ModelError(`${node.where}: unknown auto_pad "${auto}"`)
  const noPads = [...kernel, ...kernel].map(() => 0)
  const pads = auto === 'VALID' ? noPads : intsAttribute(node, 'pads', noPads)
  const strides = list(node, 'strides', ones, rank, 1)
  const dilations = list(node, 'dilations', ones, rank, 1)
  const wrong = pads.some(
    (pad, i) => !(pad >= 0 && pad <= largestPad((kernel[i % rank]! - 1) * dilations[i % rank]! + 1)),
  )
  if (pads.length !== 2 * rank || wrong)
    throw new ModelError(
      `${node.where}: pads [${pads}] for a kernel of [${kernel}]; expected ${2 * rank}, from 0 to 16 times its reach`,
    )
  return { kind: 'conv', groups, groupIn, groupOut, kernel, strides, dilations, pads, autoPad }
}

function list(node: Node, name: string, fallback: readonly number[], length: number, least: 0 | 1): readonly number[] {
  const values = intsAttribute(node, name, fallback)
  if (values.length === length && values.every((value) => value >= least && value <= largest)) return values
  const what = least === 1 ? 'positive numbers' : 'numbers that are not negative'
  throw new ModelError(`${node.where}: ${name} [${values}]; expected ${length} ${what} up to ${largest}`)
}

function size(dims: readonly number[]): number {
  return dims.reduce((a, b) => a * b, 1)
}
