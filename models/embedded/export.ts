// Weights → ONNX (opset 17), byte for byte the same for the same weights.
import { onnx } from '../nn/proto/onnx.js'
import { classes, side } from './dataset.js'
import { convs, features, type Weights } from './network.js'

const types = onnx.TensorProto.DataType
const attributeTypes = onnx.AttributeProto.AttributeType

export function toOnnx(weights: Weights): Uint8Array {
  const nodes: onnx.NodeProto.$Properties[] = []
  const initializers: onnx.TensorProto.$Properties[] = []
  let x = 'image'
  for (const [i, shape] of convs.entries()) {
    const { name } = shape
    const groups = shape.depthwise ? shape.inputs : 1
    initializers.push(floats(`${name}.weight`, [shape.outputs, shape.inputs / groups, 3, 3], weights[i]!.weights))
    initializers.push(floats(`${name}.bias`, [shape.outputs], weights[i]!.bias))
    const attribute = [
      ints('kernel_shape', [3, 3]),
      ints('pads', [1, 1, 1, 1]),
      ints('strides', [shape.stride, shape.stride]),
      int('group', groups),
    ]
    nodes.push({
      op_type: 'Conv',
      name,
      input: [x, `${name}.weight`, `${name}.bias`],
      output: [`${name}_out`],
      attribute,
    })
    let sum = `${name}_out`
    if (name === 'conv4') {
      nodes.push({ op_type: 'Add', name: 'add4', input: [sum, x], output: ['add4_out'] })
      sum = 'add4_out'
    }
    nodes.push({ op_type: 'Relu', name: `${name}_relu`, input: [sum], output: [`${name}_act`] })
    x = `${name}_act`
  }
  const gemm = weights[convs.length]!
  initializers.push(
    floats('gemm.weight', [classes.length, features], gemm.weights),
    floats('gemm.bias', [classes.length], gemm.bias),
  )
  nodes.push({ op_type: 'Flatten', name: 'flatten', input: [x], output: ['flat'], attribute: [int('axis', 1)] })
  nodes.push({
    op_type: 'Gemm',
    name: 'gemm',
    input: ['flat', 'gemm.weight', 'gemm.bias'],
    output: ['logits'],
    attribute: [int('transB', 1)],
  })
  const graph = {
    name: 'shapes',
    node: nodes,
    initializer: initializers,
    input: [value('image', [1, 1, side, side])],
    output: [value('logits', [1, classes.length])],
  }
  return onnx.ModelProto.encode({
    ir_version: 8,
    producer_name: 'cimulator',
    opset_import: [{ domain: '', version: 17 }],
    graph,
  }).finish()
}

function floats(name: string, dims: number[], values: Float32Array): onnx.TensorProto.$Properties {
  const raw_data = new Uint8Array(values.length * 4)
  const view = new DataView(raw_data.buffer)
  for (const [i, v] of values.entries()) view.setFloat32(i * 4, v, true)
  return { name, dims, data_type: types.FLOAT, raw_data }
}

function ints(name: string, values: number[]): onnx.AttributeProto.$Properties {
  return { name, type: attributeTypes.INTS, ints: values }
}

function int(name: string, i: number): onnx.AttributeProto.$Properties {
  return { name, type: attributeTypes.INT, i }
}

function value(name: string, dims: number[]): onnx.ValueInfoProto.$Properties {
  return {
    name,
    type: { tensor_type: { elem_type: types.FLOAT, shape: { dim: dims.map((dim_value) => ({ dim_value })) } } },
  }
}
