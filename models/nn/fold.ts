// Constant folding: the value of any tensor that does not depend on the network's inputs, computed when it is asked for.
import { ModelError } from '../base/errors.js'
import { type Constant, readTensor } from './constant.js'
import { mathFolders } from './fold-math.js'
import { shapeFolders } from './fold-shape.js'
import type { Graph, Node } from './graph.js'

export type FoldInputs = readonly (Constant | null)[]

/** Value of the first output of a node from the values of its inputs (null: optional input not given). */
export type Folder = (inputs: FoldInputs, node: Node) => Constant

const folders: ReadonlyMap<string, Folder> = new Map(Object.entries({ ...shapeFolders, ...mathFolders }))

/** Operators of other domains that mean the same as the standard ones. */
const sameMeaning = new Set(['com.microsoft.DequantizeLinear', 'com.microsoft.QuantizeLinear'])

export interface Constants {
  has(name: string): boolean
  /**
   * Value of a constant tensor.
   * @throws ModelError that names the node and operator that cannot be folded
   */
  read(name: string): Constant
}

export function constantsOf(graph: Graph): Constants {
  const known = new Map<string, Constant>()

  /** Nodes that must be folded first, in node order; a work list, because chains may be longer than the call stack. */
  function ancestors(name: string): readonly Node[] {
    const found = new Map<number, Node>()
    const work = [name]
    while (work.length > 0) {
      const node = graph.producer.get(work.pop()!)
      if (node === undefined || found.has(node.index) || known.has(node.outputs[0] ?? '')) continue
      found.set(node.index, node)
      work.push(...node.inputs.filter((input) => input !== ''))
    }
    return [...found.values()].sort((a, b) => a.index - b.index)
  }

  function leaf(name: string): Constant {
    const done = known.get(name)
    if (done !== undefined) return done
    const tensor = graph.initializers.get(name)
    if (tensor === undefined) {
      throw new ModelError(`${graph.file}: "${name}" is a sparse initializer, which is not supported; store it dense`)
    }
    const value = readTensor(tensor, `${graph.file}: initializer "${name}"`)
    known.set(name, value)
    return value
  }

  return {
    has: (name) => graph.constants.has(name),
    read(name) {
      for (const node of ancestors(name)) {
        const folder = folders.get(node.op)
        const standard = node.domain === '' || sameMeaning.has(`${node.domain}.${node.op}`)
        if (folder === undefined || !standard) {
          throw new ModelError(
            `${node.where}: a constant that a layer needs is computed by this operator, which cannot be folded; simplify the model (constant folding) before simulating it`,
          )
        }
        const inputs = node.inputs.map((input) => (input === '' ? null : leaf(input)))
        known.set(node.outputs[0] ?? '', folder(inputs, node))
      }
      const value = known.get(name) ?? (graph.producer.has(name) ? undefined : leaf(name))
      if (value === undefined)
        throw new ModelError(`${graph.file}: "${name}" is not the first output of its node; it cannot be folded`)
      return value
    },
  }
}
