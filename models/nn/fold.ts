// Constant folding: evaluates the sub-graphs that do not depend on the network's inputs, one small function per operator
// (fold-shape.ts, fold-math.ts, fold-more.ts), when a value is asked for. The integers behind a DequantizeLinear are kept through operators that
// only move values.
import { ModelError } from '../base/errors.js'
import { type Constant, isExternal, readTensor } from './constant.js'
import { mathFolds } from './fold-math.js'
import { moreFolds, splitParts } from './fold-more.js'
import { type Fold, type FoldInputs, shapeFolds } from './fold-shape.js'
import type { Graph, Node } from './graph.js'
import { type ModelStorage, rereader } from './stored.js'

export interface Folder {
  /** The value of a constant tensor. @throws ModelError naming the node and operator that cannot be folded */
  constant(name: string): Constant
}

const folds: ReadonlyMap<string, Fold> = new Map(Object.entries({ ...shapeFolds, ...mathFolds, ...moreFolds }))

/** Operators of other domains that mean the same as the standard ones. */
const sameMeaning = new Set(['com.microsoft.DequantizeLinear', 'com.microsoft.QuantizeLinear'])

/** Elements of an initializer that is kept for the next one who asks. */
const mostKept = 2 ** 18

/** @param storage the model's file, where there is one */
export function createFolder(graph: Graph, storage: ModelStorage | null = null): Folder {
  const known = new Map<string, Constant>()
  function constant(name: string): Constant {
    if (!graph.constants.has(name)) {
      throw new ModelError(
        `${graph.file}: "${name}" depends on the network's inputs, but must be constant here (weight, bias or scale)`,
      )
    }
    for (const node of ancestors(graph, known, name)) {
      const inputs = node.inputs.map((input) => (input === '' ? null : value(graph, storage, known, input)))
      for (const [i, part] of results(inputs, node).entries()) known.set(node.outputs[i] ?? '', part)
    }
    return value(graph, storage, known, name)
  }
  return { constant }
}

/** Nodes that must be folded first, in node order; a work list, because chains may be longer than the call stack. */
function ancestors(graph: Graph, known: ReadonlyMap<string, Constant>, name: string): readonly Node[] {
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

/** Values of the outputs of a node; all operators but Split have one that counts. */
function results(inputs: FoldInputs, node: Node): readonly Constant[] {
  return node.op === 'Split' && node.domain === '' ? splitParts(inputs, node) : [foldOf(node)(inputs, node)]
}

function foldOf(node: Node): Fold {
  const fold = folds.get(node.op)
  const standard = node.domain === '' || sameMeaning.has(`${node.domain}.${node.op}`)
  if (fold !== undefined && standard) return fold
  throw new ModelError(
    `${node.where}: weights behind this operator cannot be folded; run the model through a constant folder first`,
  )
}

/** An initializer, or what was folded before. */
function value(graph: Graph, storage: ModelStorage | null, known: Map<string, Constant>, name: string): Constant {
  const done = known.get(name)
  if (done !== undefined) return done
  const tensor = graph.initializers.get(name)
  if (tensor === undefined) {
    const why = graph.producer.has(name)
      ? 'is an output of its node that is not computed here'
      : 'is an input of the network or a sparse initializer'
    throw new ModelError(`${graph.file}: "${name}" ${why} and has no constant value that can be read`)
  }
  const what = `${graph.file}: initializer "${name}"`
  const outside = isExternal(tensor) ? () => graph.external.read(tensor, what) : null
  const stored = tensor.data_type === 1 ? rereader(tensor.raw_data ?? null, storage) : null
  const read = { ...readTensor(tensor, what, outside), ...(stored === null ? {} : { stored }) }
  // Large tensors are mostly weights of one layer: kept, they would stand in memory twice.
  if (read.values.length <= mostKept) known.set(name, read)
  return read
}
