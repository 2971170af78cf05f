// Constants as a layer's weights and biases: the order [group][output][row], scales per output, finite numbers only.
import { ModelError } from '../base/errors.js'
import { type Constant, type Grid, numbers } from './constant.js'
import type { Node } from './graph.js'
import { stridesOf } from './move.js'
import { storedWeights } from './stored.js'
import type { Geometry, LayerWeights } from './types.js'

/** What an operator does with its constant. */
export interface Product {
  readonly geometry: Geometry
  readonly weights: LayerWeights
  /** output channels over all groups */
  readonly outputs: number
}

/**
 * @param index source element of every weight in the order [group][output][row]; null: they stand in that order
 * @param factor multiplies every weight (Gemm's alpha)
 * @param outputs output channels over all groups
 * @throws ModelError for empty or non-finite weights, element types that are no weights and scales that differ between rows of an output
 */
export function arrange(
  node: Node,
  name: string,
  weight: Constant,
  index: Int32Array | null,
  factor: number,
  outputs: number,
): LayerWeights {
  if (weight.values.length === 0)
    throw new ModelError(`${node.where}: weights "${name}" of shape [${weight.dims}] are empty`)
  const grid = weight.grid
  if (grid !== null) {
    const channel = channelOfOutputs(node, weight.dims, grid, index, outputs)
    const scale = Float64Array.from(channel, (c) => grid.scale[c]! * factor)
    finite(node, scale, 'weight scales')
    const zeroPoint = Int32Array.from(channel, (c) => grid.zeroPoint[c]!)
    const codes = new Int16Array(grid.codes.length)
    for (let i = 0; i < codes.length; i++) codes[i] = grid.codes[index === null ? i : index[i]!]!
    return { kind: 'integer', codes, scale, zeroPoint }
  }
  if (!(weight.values instanceof Float32Array || weight.values instanceof Float64Array)) {
    throw new ModelError(
      `${node.where}: weights "${name}" are ${weight.dtype}; expected float, or int8 or uint8 behind DequantizeLinear`,
    )
  }
  const source = weight.values
  // Large networks have hundreds of megabytes of weights that stand as they should.
  const asIs = index === null && factor === 1 && source instanceof Float32Array
  const values = asIs ? source : new Float32Array(source.length)
  if (!asIs) for (let i = 0; i < values.length; i++) values[i] = source[index === null ? i : index[i]!]! * factor
  finite(node, values, `weights "${name}"`)
  return asIs && weight.stored !== undefined ? storedWeights(weight.stored) : { kind: 'float', values }
}

/** Which entry of the scales belongs to every output; one entry when there is but one scale. */
function channelOfOutputs(
  node: Node,
  dims: readonly number[],
  grid: Grid,
  index: Int32Array | null,
  outputs: number,
): Int32Array {
  const { axis } = grid
  if (axis === null) return new Int32Array(1)
  const stride = stridesOf(dims)[axis]!
  const channels = dims[axis]!
  const rows = grid.codes.length / outputs
  const channel = new Int32Array(outputs)
  for (let i = 0; i < grid.codes.length; i++) {
    const own = Math.floor((index === null ? i : index[i]!) / stride) % channels
    if (i % rows === 0) channel[i / rows] = own
    else if (channel[Math.floor(i / rows)] !== own) {
      throw new ModelError(
        `${node.where}: weight scales run along dimension ${axis}, not along the outputs; per-row scales cannot be put on arrays`,
      )
    }
  }
  return channel
}

export function finite(node: Node, values: Float32Array | Float64Array, what: string): void {
  const bad = values instanceof Float32Array ? firstOdd(values) : values.findIndex((value) => !Number.isFinite(value))
  if (bad < 0) return
  throw new ModelError(
    `${node.where}: ${what} hold ${values[bad]} at position ${bad}; every weight must be a finite number`,
  )
}

/** Position of the first number that is infinite or none: its exponent is all ones (IEEE 754 binary32). −1: there is none. */
function firstOdd(values: Float32Array): number {
  const bits = new Int32Array(values.buffer, values.byteOffset, values.length)
  for (let i = 0; i < bits.length; i++) if ((bits[i]! & 0x7f800000) === 0x7f800000) return i
  return -1
}

/** One value per output from a constant of one value, or of one per output along its last dimension. */
export function biasOf(
  node: Node,
  name: string | undefined,
  constant: (name: string) => Constant,
  outputs: number,
  factor: number,
): Float64Array | null {
  if (name === undefined || name === '') return null
  const given = constant(name)
  const values = numbers(given, node.where).map((value) => value * factor)
  // [outputs, 1] would be one value per vector of a Gemm, even where the counts agree.
  const perOutput = values.length === outputs && (given.dims.at(-1) === outputs || given.dims.length === 0)
  if (values.length !== 1 && !perOutput)
    throw new ModelError(`${node.where}: a bias of shape [${given.dims}] for ${outputs} outputs`)
  finite(node, values, 'biases')
  return values.length === outputs ? values : new Float64Array(outputs).fill(values[0]!)
}
