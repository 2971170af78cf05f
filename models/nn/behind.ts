// Constant operators behind a layer that are one factor and one shift per output: BatchNormalization, Add, Sub, Mul, Div. They move into
// weights and bias as long as nothing else reads what stands between; where they do not fit, the layer ends in front of them.
import { ModelError } from '../base/errors.js'
import { floatAttribute, intAttribute } from './attributes.js'
import { type Constant, numbers } from './constant.js'
import type { Folder } from './fold.js'
import type { Graph, Node } from './graph.js'
import type { LayerDraft } from './layers.js'
import type { Geometry, Layer, LayerWeights } from './types.js'

export interface Folded {
  readonly weights: LayerWeights
  readonly bias: Layer['bias']
  /** graph tensor that holds the result with everything folded */
  readonly output: string
}

/** (y − centre) · factor + shift, per output over all groups; null stands for 0, 1 and 0. */
interface Affine {
  readonly centre: Float64Array | null
  readonly factor: Float64Array | null
  readonly shift: Float64Array | null
}

export function foldBehind(graph: Graph, folder: Folder, output: string, draft: LayerDraft): Folded {
  let folded: Folded = { weights: draft.weights, bias: draft.bias, output }
  for (;;) {
    const next = soleConsumer(graph, folded.output)
    const affine = next === null ? null : affineOf(graph, folder, next, folded.output, draft.geometry)
    const applied = affine === null ? null : apply(next!, draft.geometry, folded, affine)
    if (applied === null) return folded
    folded = applied
  }
}

/** The only consumer of a tensor that is no output of the network. */
function soleConsumer(graph: Graph, tensor: string): Node | null {
  const consumers = graph.consumers.get(tensor) ?? []
  return consumers.length === 1 && consumers[0]!.domain === '' && !graph.outputs.includes(tensor) ? consumers[0]! : null
}

function affineOf(graph: Graph, folder: Folder, node: Node, tensor: string, geometry: Geometry): Affine | null {
  if (node.op === 'BatchNormalization') return normalisation(graph, folder, node, geometry)
  const first = node.inputs[0] === tensor
  const other = node.inputs[first ? 1 : 0]
  if (other === undefined || !['Add', 'Sub', 'Mul', 'Div'].includes(node.op) || !graph.constants.has(other)) return null
  const values = perOutput(folder.constant(other), geometry, node)
  if (values === null) return null
  switch (node.op) {
    case 'Add':
      return { centre: null, factor: null, shift: values }
    case 'Sub':
      return first ? { centre: values, factor: null, shift: null } : null
    case 'Mul':
      return { centre: null, factor: values, shift: null }
    default:
      return first ? { centre: null, factor: values.map((v) => 1 / v), shift: null } : null
  }
}

/** y = γ·(x − μ)/√(σ² + ε) + β along dimension 1 of the result (ONNX BatchNormalization in inference). */
function normalisation(graph: Graph, folder: Folder, node: Node, geometry: Geometry): Affine | null {
  const parameters = node.inputs.slice(1, 5)
  const inference = intAttribute(node, 'training_mode', 0) === 0 && intAttribute(node, 'spatial', 1) === 1
  if (!inference || parameters.length !== 4 || !parameters.every((name) => graph.constants.has(name))) return null
  if (geometry.kind === 'matmul' && !columnsAreDimensionOne(graph, node, geometry)) return null
  const [gamma, beta, mean, variance] = parameters.map((name) => numbers(folder.constant(name), node.where))
  const outputs = geometry.groups * geometry.groupOut
  if ([gamma, beta, mean, variance].some((list) => list!.length !== outputs)) return null
  const epsilon = floatAttribute(node, 'epsilon', 1e-5)
  const factor = gamma!.map((g, o) => g / Math.sqrt(variance![o]! + epsilon))
  return { centre: mean!, factor, shift: beta! }
}

/** The result has two dimensions and the outputs stand along the second. Gemm always gives two; of MatMul the file must say so. */
function columnsAreDimensionOne(graph: Graph, node: Node, geometry: Geometry): boolean {
  if (geometry.kind !== 'matmul' || geometry.groups !== 1 || geometry.vectorConstant) return false
  const names = [node.inputs[0]!, node.outputs[0]!]
  const gemm = graph.producer.get(node.inputs[0]!)?.op === 'Gemm'
  return geometry.outputAxis === 'last' && (gemm || names.some((name) => graph.ranks.get(name) === 2))
}

/** One value per output, when the constant is a single value or varies along the outputs alone. */
function perOutput(constant: Constant, geometry: Geometry, node: Node): Float64Array | null {
  const values = numbers(constant, node.where)
  const outputs = geometry.groups * geometry.groupOut
  const rank = constant.dims.length
  if (values.length === 1) {
    const limit = geometry.kind === 'conv' ? geometry.kernel.length + 2 : 2
    return rank <= limit ? new Float64Array(outputs).fill(values[0]!) : null
  }
  if (values.length !== outputs) return null
  if (geometry.kind === 'conv') return constant.dims[rank - 1 - geometry.kernel.length] === outputs ? values : null
  const alongColumns = geometry.outputAxis === 'last' && !geometry.vectorConstant && geometry.groups === 1
  return alongColumns && constant.dims[rank - 1] === outputs ? values : null
}

/** @returns null where weights that are integers would have to change */
function apply(node: Node, geometry: Geometry, folded: Folded, affine: Affine): Folded | null {
  const { centre, factor, shift } = affine
  const outputs = geometry.groups * geometry.groupOut
  const weights = factor === null ? folded.weights : scaledWeights(node, folded.weights, factor)
  if (weights === null) return null
  const bias = Float64Array.from(
    { length: outputs },
    (_, o) => ((folded.bias?.[o] ?? 0) - (centre?.[o] ?? 0)) * (factor?.[o] ?? 1) + (shift?.[o] ?? 0),
  )
  if (!bias.every(Number.isFinite)) throw new ModelError(`${node.where}: the folded bias is not finite`)
  const plain = folded.bias === null && shift === null && centre === null
  return { weights, bias: plain ? null : bias, output: node.outputs[0]! }
}

function scaledWeights(node: Node, weights: LayerWeights, factor: Float64Array): LayerWeights | null {
  if (weights.kind === 'integer') {
    // A scale that is not positive would turn or lose integers.
    if (!factor.every((f) => f > 0 && Number.isFinite(f))) return null
    return { ...weights, ...perOutputScales(weights, factor) }
  }
  const rows = weights.values.length / factor.length
  const values = weights.values.map((w, i) => w * factor[Math.floor(i / rows)]!)
  if (!values.every(Number.isFinite)) throw new ModelError(`${node.where}: the folded weights are not finite`)
  return { kind: 'float', values }
}

function perOutputScales(weights: Extract<LayerWeights, { kind: 'integer' }>, factor: Float64Array) {
  const one = weights.scale.length === 1
  return {
    scale: factor.map((f, o) => f * weights.scale[one ? 0 : o]!),
    zeroPoint: one ? new Int32Array(factor.length).fill(weights.zeroPoint[0]!) : weights.zeroPoint,
  }
}
