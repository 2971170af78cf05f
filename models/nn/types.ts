// What the network side hands to the rest: layers with constant weights, lowered to integer matrices.
// Terms (e, codes, vector, row order) are those of docs/glossary.md.

/** How the activation codes of a tensor are to be read; value = scale · (code − zeroPoint). */
export type CodeForm =
  /** uint8 code, 0 … 255; `zeroPoint` may be anything in that range (padding writes it) */
  | 'unsigned'
  /** int8 code stored as its two's-complement byte; the most significant plane is subtracted */
  | 'twos-complement'
  /** signed integer −255 … 255, run as two unsigned passes (positive part, then negative part); zeroPoint is 0 */
  | 'split'

/** How signed activations are coded (machine parameter `input.signed`). */
export type SignedInput = 'offset' | 'twos-complement' | 'split'

/** Order of the im2col rows: (cin, kh, kw) or (kh, kw, cin). */
export type RowOrder = 'channel-major' | 'position-major'

/**
 * A convolution over any number of spatial dimensions, as ONNX defines it (pads already resolved when `autoPad` is null), or, with
 * `transposed`, a ConvTranspose: a convolution of stride 1 over the input with zeros inserted (docs/networks.md).
 */
export interface ConvGeometry {
  readonly kind: 'conv'
  readonly groups: number
  /** input channels of one group */
  readonly groupIn: number
  /** output channels of one group */
  readonly groupOut: number
  readonly kernel: readonly number[]
  readonly strides: readonly number[]
  readonly dilations: readonly number[]
  /** begin of every spatial dimension, then end of every one (ONNX order); ignored when autoPad is set */
  readonly pads: readonly number[]
  readonly autoPad: 'SAME_UPPER' | 'SAME_LOWER' | null
  readonly transposed?: TransposedGeometry
}

/** What ConvTranspose has beyond a convolution; one entry per spatial dimension. */
export interface TransposedGeometry {
  readonly outputPadding: readonly number[]
  /** the output's sizes where the model gives them (pads follow from them), else null */
  readonly outputShape: readonly number[] | null
}

/** A product with a constant matrix: MatMul or Gemm. */
export interface MatMulGeometry {
  readonly kind: 'matmul'
  /** number of separate constant matrices: 1, or the batch of a constant with more than two dimensions */
  readonly groups: number
  readonly groupIn: number
  readonly groupOut: number
  /** which axis of the activation is contracted: 'last' (x · W, one vector a row) or 'second-last' (W · x or transposed Gemm input, one vector a column) */
  readonly contract: 'last' | 'second-last'
  /** which axis of the result holds the outputs of one vector: 'last' (constant on the right) or 'second-last' (constant on the left) */
  readonly outputAxis: 'last' | 'second-last'
  /** the constant is a vector: the result has no output axis */
  readonly vectorConstant: boolean
  /** batch dimensions of the constant, for groups > 1 (they broadcast against those of the activations); else empty */
  readonly batch: readonly number[]
}

export type Geometry = ConvGeometry | MatMulGeometry

/** Parameters of a tensor that the model itself quantises. */
export interface TensorQuantisation {
  readonly dtype: 'uint8' | 'int8'
  readonly scale: number
  readonly zeroPoint: number
  /** graph tensor that holds the zero point where the model computes it for every item (DynamicQuantizeLinear); `zeroPoint` is 0 then */
  readonly zeroPointTensor?: string
}

/** One layer that multiplies activations by constants. Weights are kept as the model has them until `quantiseWeights`. */
export interface Layer {
  /** position among the layers, in graph order */
  readonly index: number
  /** node name, or its first output when the node has no name */
  readonly name: string
  /** ONNX operator: Conv, ConvTranspose, Gemm, MatMul, QLinearConv, ConvInteger, QLinearMatMul, MatMulInteger, QGemm */
  readonly op: string
  readonly geometry: Geometry
  /**
   * shape of the weight as the layer sees it after constant folding: Conv [M, C/g, …kernel]; ConvTranspose [C, M/g, …kernel]; Gemm and
   * MatMul as the operand stands in the graph
   */
  readonly weightShape: readonly number[]
  readonly weights: LayerWeights
  /**
   * graph tensor that holds the layer's input activations: float for a float layer; for a quantised one the integer tensor itself, or,
   * where shape-only operators stand between DequantizeLinear and the layer, a float tensor that holds only values of that grid
   */
  readonly inputTensor: string
  /** the model's own quantisation of the input, or null for a float layer */
  readonly input: TensorQuantisation | null
  /**
   * graph tensor with the layer's result (after what was folded behind it, before any activation function): real numbers, or codes where
   * `outputCodes` is set, or the integer sums themselves (ConvInteger, MatMulInteger: the scales of input and weights are 1)
   */
  readonly outputTensor: string
  /** set when `outputTensor` holds codes: they are limited to the range of the type, so results outside it are not seen there */
  readonly outputCodes?: TensorQuantisation
  /** quantisation step of the result where the model quantises it (also behind Relu or Clip), else null */
  readonly outputStep: number | null
  /** real-valued bias per output channel (after folding), or null */
  readonly bias: Float64Array | null
}

/** Weights in the order [group][output channel of the group][row in channel-major order]. */
export type LayerWeights =
  | { readonly kind: 'float'; readonly values: Float32Array }
  /** the model's integers; e = code − zeroPoint; scale and zeroPoint have one entry, or one an output channel (over all groups) */
  | {
      readonly kind: 'integer'
      readonly codes: Int16Array
      readonly scale: Float64Array
      readonly zeroPoint: Int32Array
    }

/** A product of two activations (attention): listed with its MACs, not on arrays. */
export interface ActivationProduct {
  readonly name: string
  readonly op: string
  readonly inputTensors: readonly [string, string]
  readonly outputTensor: string
}

export interface NetworkInput {
  readonly name: string
  readonly dtype: string
  /** number, or the symbolic name of a dimension */
  readonly shape: readonly (number | string)[]
}

export interface Network {
  readonly file: string
  /** of the model file, followed by its external data (external.ts) */
  readonly sha256: string
  readonly inputs: readonly NetworkInput[]
  readonly outputs: readonly string[]
  readonly layers: readonly Layer[]
  readonly activationProducts: readonly ActivationProduct[]
}

/** A layer's integers: one matrix a group, ready for mapping. */
export interface WeightMatrix {
  /** im2col rows R and outputs C of this matrix */
  readonly rows: number
  readonly cols: number
  /** e, rows × cols, row-major: weight code minus its zero point */
  readonly e: Int16Array
  /**
   * Set when groups are packed block-diagonally: rows and outputs of one group. Entries outside the diagonal blocks are structural zeros: rows
   * that hold nothing else in an OU column are never stored, and they are not counted as sparsity.
   */
  readonly diagonal: { readonly rows: number; readonly cols: number } | null
}

export interface QuantisedWeights {
  readonly matrices: readonly WeightMatrix[]
  /** weight scale per output channel, over all groups */
  readonly scale: Float64Array
  /** weights of the model (structural zeros not counted), and how many of them are exactly zero in the model's own numbers */
  readonly weightCount: number
  readonly exactZeros: number
}

/** Activations of one tensor for a number of items, as integer codes. */
export interface CodedTensor {
  readonly form: CodeForm
  /** shape of one item as recorded, with the batch axis (1 where it is symbolic) */
  readonly shape: readonly number[]
  /** items × product(shape), row-major */
  readonly codes: Uint8Array | Int8Array | Int16Array
  readonly scale: number
  readonly zeroPoint: number
  /** zero point of every item where the model computes them (then `zeroPoint` is that of item 0); absent: `zeroPoint` holds for all */
  readonly zeroPoints?: Int32Array
}

/** im2col of one group of one item: `passes` blocks of vectors × rows codes (bytes), row-major. */
export interface VectorCodes {
  readonly vectors: number
  readonly rows: number
  /** one block, or two for form 'split' (positive part, then negative part) */
  readonly passes: readonly Uint8Array[]
  readonly form: CodeForm
  readonly zeroPoint: number
}

/** A layer on inputs of a given shape: its sizes as matrices. */
export interface ResolvedLayer {
  /** vectors of one item, per group */
  readonly vectors: number
  /** im2col rows and outputs of one group */
  readonly rows: number
  readonly cols: number
  /** multiply-accumulates of one item, zeros counted */
  readonly macs: number
  /** spatial sizes of input and output (conv), else empty */
  readonly inSize: readonly number[]
  readonly outSize: readonly number[]
  /** pads at the beginning of every spatial dimension */
  readonly padBegin: readonly number[]
}
