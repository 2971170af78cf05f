// Graphs inside nodes (If, Loop, Scan): which outer tensors they read, and whether anything in them multiplies by weights.
import { ModelError } from '../base/errors.js'
import { formOf, multipliesNothing, multipliesOtherwise } from './forms.js'
import type { onnx } from './proto/onnx.js'

type NodeProto = onnx.NodeProto.$Properties
type GraphProto = onnx.GraphProto.$Properties

/** Bodies inside bodies; real networks have two or three. */
const deepest = 32

/** Operators of the standard domain that run a graph. */
export const control = new Set(['If', 'Loop', 'Scan', 'SequenceMap'])

/** Graphs that are attributes of a node. */
export function bodiesOf(node: NodeProto): readonly GraphProto[] {
  return (node.attribute ?? []).flatMap((attribute) => [
    ...(attribute.g == null ? [] : [attribute.g]),
    ...(attribute.graphs ?? []),
  ])
}

/** Tensors of the graph around a node that its bodies read. */
export function capturedNames(node: NodeProto, where: string, depth = 0): Set<string> {
  if (depth > deepest) throw new ModelError(`${where}: graphs inside graphs, ${deepest} deep`)
  const captured = new Set<string>()
  for (const body of bodiesOf(node)) {
    const own = new Set([
      ...(body.input ?? []).map((info) => info.name ?? ''),
      ...(body.initializer ?? []).map((tensor) => tensor.name ?? ''),
      ...(body.sparse_initializer ?? []).map((tensor) => tensor.values?.name ?? ''),
    ])
    for (const inner of body.node ?? []) {
      const read = [...(inner.input ?? []), ...capturedNames(inner, where, depth + 1)]
      for (const name of read) if (name !== '' && !own.has(name)) captured.add(name)
      for (const name of inner.output ?? []) own.add(name)
    }
  }
  return captured
}

/** The first node inside the bodies that multiplies, or may do so, as "name" (operator); null when there is none. */
export function layerInside(node: NodeProto, functions: ReadonlySet<string>): string | null {
  for (const body of bodiesOf(node)) {
    for (const inner of body.node ?? []) {
      const op = inner.op_type ?? ''
      const domain = inner.domain === 'ai.onnx' ? '' : (inner.domain ?? '')
      const multiplies = formOf(domain, op) !== null || multipliesOtherwise(op) || !multipliesNothing(domain, op)
      if (multiplies || functions.has(`${domain}.${op}`)) return `"${inner.name || inner.output?.[0] || ''}" (${op})`
      const deeper = layerInside(inner, functions)
      if (deeper !== null) return deeper
    }
  }
  return null
}
