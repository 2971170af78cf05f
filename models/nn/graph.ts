// The ONNX graph as plain look-up tables: nodes in order, who produces and who consumes a tensor, which tensors are constant.
import { ModelError } from '../base/errors.js'
import { bodiesOf, capturedNames, layerInside } from './bodies.js'
import { typeName } from './constant.js'
import { type ExternalData, externalData } from './external.js'
import { toInteger } from './int64.js'
import { onnx } from './proto/onnx.js'
import type { NetworkInput } from './types.js'

type NodeProto = onnx.NodeProto.$Properties
export type Attribute = onnx.AttributeProto.$Properties

export interface Node {
  readonly index: number
  /** node name, or its first output when the name is missing or not unique */
  readonly name: string
  readonly op: string
  /** '' is the standard domain */
  readonly domain: string
  /** '' is an optional input that is not given */
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes: ReadonlyMap<string, Attribute>
  /** tensors that graphs inside the node read */
  readonly captured: readonly string[]
  readonly hasBodies: boolean
  /** a node inside its graphs that multiplies, as "name" (operator), or null */
  readonly layerInside: string | null
  /** file, name and operator, to start a message with */
  readonly where: string
}

export interface Graph {
  readonly file: string
  readonly nodes: readonly Node[]
  readonly inputs: readonly NetworkInput[]
  readonly outputs: readonly string[]
  /** functions of the model, as domain.name */
  readonly functions: ReadonlySet<string>
  readonly initializers: ReadonlyMap<string, onnx.TensorProto.$Properties>
  readonly external: ExternalData
  readonly producer: ReadonlyMap<string, Node>
  readonly consumers: ReadonlyMap<string, readonly Node[]>
  /** tensors that do not depend on the network's inputs */
  readonly constants: ReadonlySet<string>
  /** element types that the file states (inputs, outputs, initializers, value_info) */
  readonly types: ReadonlyMap<string, string>
  /** numbers of dimensions that the file states */
  readonly ranks: ReadonlyMap<string, number>
}

/**
 * Decodes the bytes of an ONNX file.
 * @throws ModelError with file and reason when the bytes are missing, cut off or something else than ONNX
 */
export function decodeModel(bytes: Uint8Array, file: string): onnx.ModelProto.$Properties {
  if (bytes.length === 0) throw new ModelError(`${file}: the file is empty; expected an ONNX model`)
  let model: onnx.ModelProto.$Properties
  try {
    model = onnx.ModelProto.decode(bytes)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new ModelError(`${file}: not an ONNX model, or cut off (${reason}); expected a .onnx file`)
  }
  if (model.graph == null) throw new ModelError(`${file}: holds no graph; expected an ONNX model`)
  if ((model.graph.node?.length ?? 0) === 0) throw new ModelError(`${file}: the graph has no nodes`)
  return model
}

/**
 * @param folder where external data lie; null: nowhere
 * @throws ModelError when the graph is not in order: a tensor used before it is made, made twice, or of no known origin
 */
export function buildGraph(model: onnx.ModelProto.$Properties, file: string, folder: string | null = null): Graph {
  const proto = model.graph ?? {}
  const initializers = new Map<string, onnx.TensorProto.$Properties>()
  for (const tensor of proto.initializer ?? []) {
    const name = tensor.name ?? ''
    if (initializers.has(name)) throw new ModelError(`${file}: two initializers are called "${name}"`)
    initializers.set(name, tensor)
  }
  const sparse = (proto.sparse_initializer ?? []).map((tensor) => tensor.values?.name ?? '')
  const inputs = (proto.input ?? [])
    .filter((info) => !initializers.has(info.name ?? ''))
    .map((info) => networkInput(info, file))
  const functions = new Set((model.functions ?? []).map((f) => `${f.domain ?? ''}.${f.name ?? ''}`))
  const nodes = viewNodes(proto.node ?? [], functions, file)
  const outputs = (proto.output ?? []).map((info) => info.name ?? '')
  if (outputs.length === 0) throw new ModelError(`${file}: the graph has no outputs`)
  const wiring = connect(nodes, [...initializers.keys(), ...sparse], inputs, file)
  const lost = outputs.find((name) => !wiring.known.has(name))
  if (lost !== undefined) throw new ModelError(`${file}: output "${lost}" of the graph is produced by no node`)
  const external = externalData(model, folder, file)
  return { file, nodes, inputs, outputs, functions, initializers, external, ...wiring, ...statedTypes(proto) }
}

function statedTypes(proto: onnx.GraphProto.$Properties) {
  const types = new Map<string, string>()
  const ranks = new Map<string, number>()
  for (const info of [...(proto.value_info ?? []), ...(proto.output ?? []), ...(proto.input ?? [])]) {
    const type = info.type?.tensor_type
    if (type == null) continue
    if ((type.elem_type ?? 0) !== 0) types.set(info.name ?? '', typeName(type.elem_type))
    if (type.shape != null) ranks.set(info.name ?? '', type.shape.dim?.length ?? 0)
  }
  for (const tensor of proto.initializer ?? []) types.set(tensor.name ?? '', typeName(tensor.data_type))
  return { types, ranks }
}

function networkInput(info: onnx.ValueInfoProto.$Properties, file: string): NetworkInput {
  const name = info.name ?? ''
  checkName(name, `${file}: input of the network`)
  const type = info.type?.tensor_type
  if (type?.shape == null)
    throw new ModelError(`${file}: input "${name}" of the network has no tensor type with a shape`)
  const shape = (type.shape.dim ?? []).map((dim) => {
    const given = dim.dim_value != null && Object.hasOwn(dim, 'dim_value')
    const size = given ? toInteger(dim.dim_value!, `${file}: input "${name}": dimension`) : 0
    // Some exporters write 0 or −1 for a size that is free.
    return size > 0 ? size : dim.dim_param || '?'
  })
  const dtype = typeName(type.elem_type)
  return { name, dtype: { float: 'float32', double: 'float64' }[dtype] ?? dtype, shape }
}

/** Names go to terminals and into tables: control characters are written as escapes. */
function printable(name: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return name.replace(/[\u0000-\u001f\u007f-\u009f]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`)
}

/** Characters of a tensor's name; what is longer could not be written to a trace. */
const longestName = 4096

function checkName(name: string, where: string): void {
  if (name.length > longestName)
    throw new ModelError(`${where}: a name of ${name.length} characters; expected at most ${longestName}`)
  if (name === '__proto__')
    throw new ModelError(`${where}: a tensor called "__proto__", which onnxruntime-node cannot give; rename it`)
}

function viewNodes(protos: readonly NodeProto[], functions: ReadonlySet<string>, file: string): readonly Node[] {
  const uses = new Map<string, number>()
  for (const proto of protos) uses.set(proto.name ?? '', (uses.get(proto.name ?? '') ?? 0) + 1)
  return protos.map((proto, index) => {
    const outputs = proto.output ?? []
    for (const text of outputs) checkName(text, `${file}: node ${index}`)
    const unique = (proto.name ?? '') !== '' && uses.get(proto.name ?? '') === 1
    const name = printable(unique ? (proto.name ?? '') : (outputs[0] ?? `node ${index}`))
    const op = proto.op_type ?? ''
    const domain = proto.domain === 'ai.onnx' ? '' : (proto.domain ?? '')
    const attributes = new Map((proto.attribute ?? []).map((attribute) => [attribute.name ?? '', attribute]))
    const where = `${file}: node "${name}" (${domain === '' ? op : `${domain}.${op}`})`
    return {
      index,
      name,
      op,
      domain,
      inputs: proto.input ?? [],
      outputs,
      attributes,
      captured: [...capturedNames(proto, where)],
      hasBodies: bodiesOf(proto).length > 0,
      layerInside: layerInside(proto, functions),
      where,
    }
  })
}

/** One pass in node order; ONNX demands that nodes are sorted topologically, so whatever is unknown here is an error. */
function connect(nodes: readonly Node[], initial: readonly string[], inputs: readonly NetworkInput[], file: string) {
  const constants = new Set(initial)
  const known = new Set([...initial, ...inputs.map((input) => input.name)])
  const producer = new Map<string, Node>()
  const consumers = new Map<string, Node[]>()
  for (const node of nodes) {
    const given = [...node.inputs, ...node.captured].filter((name) => name !== '')
    for (const name of given) {
      if (!known.has(name)) {
        throw new ModelError(`${node.where}: input "${name}" is no input, initializer or output of an earlier node`)
      }
      const list = consumers.get(name)
      if (list === undefined) consumers.set(name, [node])
      else list.push(node)
    }
    const constant = node.op === 'Constant' || (given.length > 0 && given.every((name) => constants.has(name)))
    for (const name of node.outputs.filter((output) => output !== '')) {
      if (known.has(name)) throw new ModelError(`${file}: tensor "${name}" is produced twice, by ${node.where}`)
      known.add(name)
      producer.set(name, node)
      if (constant) constants.add(name)
    }
  }
  return { constants, known, producer, consumers }
}
