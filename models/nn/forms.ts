// The operators that multiply: which inputs are multiplied, and where their quantisation stands. Input numbers are those of the ONNX
// operator reference and, for QGemm, of onnxruntime's contrib operators.

/** Input numbers of an operand; null: the operator has no such input. */
export interface Slot {
  readonly value: number
  readonly scale: number | null
  readonly zero: number | null
}

export interface Form {
  readonly domain: string
  /** operator whose geometry it has */
  readonly base: 'Conv' | 'ConvTranspose' | 'Gemm' | 'MatMul'
  readonly operands: readonly [Slot, Slot]
  readonly bias: number | null
  /** 'real': in units of the scales; 'sums': the bare integer sums; else the inputs that hold scale and zero point of the codes */
  readonly result: 'real' | 'sums' | { readonly scale: number; readonly zero: number }
  /** operands are integers and not real numbers */
  readonly integer: boolean
}

const bare = (value: number, zero: number | null = null): Slot => ({ value, scale: null, zero })
const scaled = (value: number): Slot => ({ value, scale: value + 1, zero: value + 2 })

function float(base: Form['base'], bias: number | null): Form {
  return { domain: '', base, operands: [bare(0), bare(1)], bias, result: 'real', integer: false }
}

function sums(base: Form['base']): Form {
  return { domain: '', base, operands: [bare(0, 2), bare(1, 3)], bias: null, result: 'sums', integer: true }
}

function codes(domain: string, base: Form['base'], bias: number | null, scale: number): Form {
  const result = { scale, zero: scale + 1 }
  return { domain, base, operands: [scaled(0), scaled(3)], bias, result, integer: true }
}

const forms: Readonly<Record<string, Form>> = {
  Conv: float('Conv', 2),
  ConvTranspose: float('ConvTranspose', 2),
  Gemm: float('Gemm', 2),
  MatMul: float('MatMul', null),
  ConvInteger: sums('Conv'),
  MatMulInteger: sums('MatMul'),
  QLinearConv: codes('', 'Conv', 8, 6),
  QLinearMatMul: codes('', 'MatMul', null, 6),
  QGemm: codes('com.microsoft', 'Gemm', 6, 7),
}

/** Names for messages. */
export const understood = Object.keys(forms).join(', ')

export function formOf(domain: string, op: string): Form | null {
  const form = Object.hasOwn(forms, op) ? forms[op]! : null
  return form !== null && form.domain === domain ? form : null
}

/** Operators that multiply by weights and are not understood, in any domain. */
const foreign = new Set([
  'Attention',
  'ConvTransposeWithDynamicPads',
  'DecoderMaskedMultiHeadAttention',
  'DeformConv',
  'DynamicQuantizeLSTM',
  'DynamicQuantizeMatMul',
  'Einsum',
  'FusedConv',
  'FusedGemm',
  'FusedMatMul',
  'FusedMatMulActivation',
  'GemmFastGelu',
  'GemmFloat8',
  'GroupQueryAttention',
  'GRU',
  'LSTM',
  'MatMulBnb4',
  'MatMulFpQ4',
  'MatMulIntegerToFloat',
  'MatMulNBits',
  'MoE',
  'MultiHeadAttention',
  'NhwcConv',
  'NhwcFusedConv',
  'QAttention',
  'QLinearConvTranspose',
  'QMoE',
  'QOrderedMatMul',
  'QuantizeWithOrder',
  'RNN',
  'SparseToDenseMatMul',
  'TransposeMatMul',
])

export function multipliesOtherwise(op: string): boolean {
  return foreign.has(op)
}

/** Operators outside the standard domain that do not multiply by matrices, whatever constants they have. */
const harmless = new Set(
  [
    ['BiasAdd', 'BiasGelu', 'FastGelu', 'Gelu', 'QuickGelu'],
    ['GroupNorm', 'SkipGroupNorm', 'SkipLayerNormalization', 'SkipSimplifiedLayerNormalization'],
    ['EmbedLayerNormalization', 'QEmbedLayerNormalization', 'GatherBlockQuantized'],
    ['QLinearAdd', 'QLinearMul', 'QLinearConcat', 'QLinearWhere', 'QLinearReduceMean'],
    ['QLinearAveragePool', 'QLinearGlobalAveragePool', 'QLinearLeakyRelu', 'QLinearSigmoid', 'QLinearSoftmax'],
    ['QuantizeLinear', 'DequantizeLinear', 'Pad', 'NhwcMaxPool', 'RotaryEmbedding'],
  ].flat(),
)

export function multipliesNothing(domain: string, op: string): boolean {
  return domain === '' || (domain === 'com.microsoft' && harmless.has(op))
}
