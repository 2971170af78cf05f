// The operators that multiply integers: onnxruntime computes the same sums in its own kernels, so they must agree to the last digit
// (ConvInteger, MatMulInteger) or to the rounding of the result's own codes (QLinear…, QGemm). Every form also goes through `run`.
import { describe, expect, it } from 'vitest'
import { recordAndCompare, runForm, type Signed, worst } from '../../helpers/forms.js'
import { build, codeForms, integerForms, ints, itemsOf, scale, weight, zero } from '../../helpers/integer-forms.js'
import { item, model, type NodeSpec, nibbles } from '../../helpers/onnx.js'

const signs: Signed[] = ['offset', 'twos-complement', 'split']

describe('integer sums equal those of onnxruntime', () => {
  for (const c of integerForms) {
    it.each(signs)(`${c.name}, input.signed %s`, async (signed) => {
      const bytes = build(c)
      const items = itemsOf(c)
      const { layers, trace } = await recordAndCompare(bytes, items, signed)
      expect(layers).toHaveLength(1)
      expect(layers[0]!.theirs.some((value) => value !== 0)).toBe(true)
      expect(worst(layers[0]!)).toBe(0)
      for (const engine of ['event', 'fast']) {
        const result = await runForm(bytes, trace, signed, engine)
        expect(result.layers[0]!.values?.losslessMismatches).toBe(0)
      }
    })
  }

  it('the zero point of every item is its own', async () => {
    const c = integerForms.at(-1)!
    const { trace } = await recordAndCompare(build(c), itemsOf(c))
    const zeros = trace.tensors.get('z')!
    expect(zeros.codes).toHaveLength(2)
    expect(zeros.codes[0]).not.toBe(zeros.codes[1])
  })
})

describe('codes equal those of onnxruntime up to the rounding of the result', () => {
  for (const c of codeForms) {
    it.each(signs)(`${c.name}, input.signed %s`, async (signed) => {
      const bytes = build(c)
      const { layers, trace } = await recordAndCompare(bytes, itemsOf(c), signed)
      const unit = layers[0]!.layer.outputCodes?.scale ?? 1
      expect(worst(layers[0]!, unit)).toBeLessThan(c.within!)
      const result = await runForm(bytes, trace, signed)
      expect(result.layers[0]!.values?.losslessMismatches).toBe(0)
    })
  }
})

interface GeometryCase {
  readonly name: string
  readonly shape: number[]
  readonly weights: number[]
  readonly node: Omit<NodeSpec, 'inputs' | 'outputs'>
}

const geometries: GeometryCase[] = [
  {
    name: 'Conv in one dimension',
    shape: [1, 3, 9],
    weights: [4, 3, 3],
    node: { op: 'Conv', ints: { pads: [2, 1], strides: [2] } },
  },
  {
    name: 'Conv in three dimensions',
    shape: [1, 2, 3, 4, 3],
    weights: [3, 2, 2, 2, 2],
    node: { op: 'Conv', ints: { pads: [1, 0, 1, 0, 1, 0], dilations: [1, 2, 1] } },
  },
  {
    name: 'ConvTranspose with groups, stride and pads',
    shape: [1, 4, 3, 2],
    weights: [4, 2, 3, 3],
    node: {
      op: 'ConvTranspose',
      int: { group: 2 },
      ints: { strides: [2, 3], pads: [1, 0, 0, 1], output_padding: [1, 0] },
    },
  },
  {
    name: 'ConvTranspose in one dimension',
    shape: [1, 2, 4],
    weights: [2, 3, 2],
    node: { op: 'ConvTranspose', ints: { strides: [4] } },
  },
]

describe('geometries of quantised layers, exact against onnxruntime, in both engines', () => {
  for (const { name, shape, weights, node } of geometries) {
    it.each(signs)(`${name}, input.signed %s`, async (signed) => {
      // A zero point that is not zero: padding and inserted zeros must have its code.
      const nodes: NodeSpec[] = [
        { op: 'QuantizeLinear', inputs: ['x', 'xs', 'xz'], outputs: ['q'] },
        { op: 'DequantizeLinear', inputs: ['q', 'xs', 'xz'], outputs: ['d'] },
        { op: 'DequantizeLinear', inputs: ['w', 'ws'], outputs: ['wd'] },
        { ...node, inputs: ['d', 'wd'], outputs: ['y'] },
      ]
      const tensors = [scale('xs', 0.5), zero('xz', 'UINT8', 77), weight('w', weights), scale('ws', 0.25)]
      const bytes = model(shape, nodes, tensors, 'y')
      const items = [
        item(
          shape,
          ints(shape, -60, 150).map((n) => n / 2),
        ),
        item(
          shape,
          ints(shape, -60, 150).map((n) => n / 2),
        ),
      ]
      const { layers, trace } = await recordAndCompare(bytes, items, signed)
      expect(worst(layers[0]!)).toBe(0)
      const [event, fast] = [await runForm(bytes, trace, signed), await runForm(bytes, trace, signed, 'fast')]
      expect(event.layers[0]!.values?.losslessMismatches).toBe(0)
      expect(fast.layers[0]!.timing).toEqual(event.layers[0]!.timing)
      expect(fast.layers[0]!.values).toEqual(event.layers[0]!.values)
    })
  }
})

describe('4-bit weights', () => {
  it.each(['INT4', 'UINT4'] as const)('%s behind DequantizeLinear, a scale per output', async (type) => {
    const codes = ints([5, 4], type === 'INT4' ? -8 : 0, type === 'INT4' ? 7 : 15)
    const zeros = type === 'INT4' ? [0, 0, 0, 0] : [8, 7, 0, 15]
    const bytes = model(
      [3, 5],
      [
        { op: 'QuantizeLinear', inputs: ['x', 'xs', 'xz'], outputs: ['q'] },
        { op: 'DequantizeLinear', inputs: ['q', 'xs', 'xz'], outputs: ['d'] },
        { op: 'DequantizeLinear', inputs: ['w', 'ws', 'wz'], outputs: ['wd'], int: { axis: 1 } },
        { op: 'MatMul', inputs: ['d', 'wd'], outputs: ['y'] },
      ],
      [
        nibbles('w', [5, 4], type, codes),
        nibbles('wz', [4], type, zeros),
        scale('ws', 0.5, 0.25, 1, 2),
        scale('xs', 0.25),
        zero('xz', 'UINT8', 30),
      ],
      'y',
      { opset: 21 },
    )
    const given = [
      item(
        [3, 5],
        ints([3, 5], -20, 100).map((n) => n / 4),
      ),
    ]
    const { layers, trace } = await recordAndCompare(bytes, given)
    const { weights } = layers[0]!.layer
    expect(weights.kind === 'integer' ? [...weights.zeroPoint] : null).toEqual(zeros)
    // All numbers are multiples of 1/16 and small: float32 adds them exactly.
    expect(worst(layers[0]!)).toBe(0)
    expect((await runForm(bytes, trace)).layers[0]!.values?.losslessMismatches).toBe(0)
  })

  it('packed in int32_data', async () => {
    const { raw_data, ...rest } = nibbles('w', [4, 1], 'INT4', [-8, 7, 3, -1])
    const bytes = model(
      [1, 4],
      [
        { op: 'DequantizeLinear', inputs: ['w', 'ws'], outputs: ['wd'] },
        { op: 'MatMul', inputs: ['x', 'wd'], outputs: ['y'] },
      ],
      [{ ...rest, int32_data: Array.from(raw_data as Uint8Array) }, scale('ws', 1)],
      'y',
      { opset: 21 },
    )
    const { layers } = await recordAndCompare(bytes, [item([1, 4], [255, 2, 3, 4])])
    expect(worst(layers[0]!)).toBe(0)
  })
})
