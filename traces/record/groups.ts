// Tensors between the nodes of a network, in groups that fit into memory: onnxruntime keeps every output of a graph until its run ends, so
// a network whose activations do not fit runs once per group, each time with the outputs of that group alone.
import type { Network } from '../../models/nn/types.js'
import type { InputItem } from './tensors.js'

/** Bytes that a tensor of unknown shape is taken for. */
const unknownBytes = 2 ** 24

/**
 * Groups in the order of the names, each of at most `budget` bytes (a larger tensor has one of its own).
 * @param bytes of every tensor whose size is known
 */
export function groupsOf(
  names: readonly string[],
  bytes: ReadonlyMap<string, number>,
  budget: number,
): readonly (readonly string[])[] {
  const groups: string[][] = []
  let left = -1
  for (const name of names) {
    const own = bytes.get(name) ?? unknownBytes
    if (groups.length === 0 || own > left) {
      groups.push([])
      left = budget
    }
    groups[groups.length - 1]!.push(name)
    left -= own
  }
  return groups
}

/** Sizes of the symbolic dimensions that the inputs of an item settle. */
export function symbolSizes(network: Network, item: InputItem): Map<string, number> {
  const sizes = new Map<string, number>()
  for (const input of network.inputs) {
    for (const [d, dim] of input.shape.entries())
      if (typeof dim === 'string') sizes.set(dim, item.get(input.name)!.shape[d]!)
  }
  return sizes
}

/** Tensors with a zero point for every item: readers want them beside the codes, so every group has them. */
export function computedZeroPoints(network: Network): string[] {
  return [...new Set(network.layers.flatMap((layer) => layer.input?.zeroPointTensor ?? []))]
}
