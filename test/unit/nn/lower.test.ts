// im2col against the definition of a convolution, written index by index; packings and row orders agree with each other.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { im2col, integerProduct, resolveLayer } from '../../../models/nn/lower.js'
import { quantiseWeights } from '../../../models/nn/quantise.js'
import type { CodedTensor, ConvGeometry, Geometry, Layer } from '../../../models/nn/types.js'

const weightSpec = { encoding: 'differential', scale: 'per-channel', rowOrder: 'channel-major' } as const

function layerOf(
  geometry: Geometry,
  weights: Layer['weights'] = { kind: 'float', values: new Float32Array(0) },
): Layer {
  const tensors = { inputTensor: 'x', outputTensor: 'y', weightShape: [], input: null, outputStep: null, bias: null }
  return { index: 0, name: 'layer', op: geometry.kind === 'conv' ? 'Conv' : 'MatMul', geometry, weights, ...tensors }
}

const size = (dims: readonly number[]) => dims.reduce((a, b) => a * b, 1)

/** All index tuples of a shape, row-major. */
function tuples(dims: readonly number[]): number[][] {
  const [first, ...rest] = dims
  if (first === undefined) return [[]]
  return Array.from({ length: first }, (_, i) => tuples(rest).map((tail) => [i, ...tail])).flat()
}

const per = (rank: number, min: number, max: number) =>
  fc.array(fc.integer({ min, max }), { minLength: rank, maxLength: rank })

const convArbitrary = fc.integer({ min: 1, max: 3 }).chain((rank) =>
  fc
    .record({
      groups: fc.integer({ min: 1, max: 3 }),
      groupIn: fc.integer({ min: 1, max: 3 }),
      groupOut: fc.integer({ min: 1, max: 2 }),
      kernel: per(rank, 1, 3),
      strides: per(rank, 1, 3),
      dilations: per(rank, 1, 2),
      pads: per(2 * rank, 0, 2),
      extra: per(rank, 0, 3),
      seed: fc.array(fc.integer({ min: -255, max: 255 }), { minLength: 50, maxLength: 50 }),
      form: fc.constantFrom('unsigned' as const, 'twos-complement' as const, 'split' as const),
    })
    .map(({ extra, seed, form, ...g }) => {
      const geometry: ConvGeometry = { kind: 'conv', autoPad: null, ...g }
      const spatial = g.kernel.map((k, d) => (k - 1) * g.dilations[d]! + 1 + extra[d]!)
      const shape = [1, g.groups * g.groupIn, ...spatial]
      const low = form === 'unsigned' ? 0 : form === 'split' ? -255 : -128
      const high = form === 'twos-complement' ? 127 : 255
      const values = Array.from({ length: 2 * size(shape) }, (_, i) =>
        Math.max(low, Math.min(high, seed[(i * 7) % 50]!)),
      )
      const zeroPoint = form === 'unsigned' ? 77 : form === 'split' ? 0 : -9
      const tensor: CodedTensor = { form, shape, codes: Int16Array.from(values), scale: 1, zeroPoint }
      return { geometry, tensor }
    }),
)

/** Code at (item, channel, position), the code of zero outside the picture. */
function codeAt(tensor: CodedTensor, item: number, channel: number, position: readonly number[]): number {
  const spatial = tensor.shape.slice(2)
  if (position.some((x, d) => x < 0 || x >= spatial[d]!)) return tensor.zeroPoint
  const index = position.reduce((sum, x, d) => sum * spatial[d]! + x, item * tensor.shape[1]! + channel)
  return tensor.codes[index]!
}

function naive(g: ConvGeometry, tensor: CodedTensor, item: number, group: number, positionMajor: boolean): number[][] {
  const rank = g.kernel.length
  const outSize = tensor.shape.slice(2).map((n, d) => {
    const reach = (g.kernel[d]! - 1) * g.dilations[d]! + 1
    return Math.floor((n + g.pads[d]! + g.pads[rank + d]! - reach) / g.strides[d]!) + 1
  })
  const channels = Array.from({ length: g.groupIn }, (_, c) => c)
  const taps = tuples(g.kernel)
  const rows = positionMajor
    ? taps.flatMap((k) => channels.map((c) => ({ c, k })))
    : channels.flatMap((c) => taps.map((k) => ({ c, k })))
  return tuples(outSize).map((out) =>
    rows.map(({ c, k }) => {
      const position = out.map((o, d) => o * g.strides[d]! + k[d]! * g.dilations[d]! - g.pads[d]!)
      return codeAt(tensor, item, group * g.groupIn + c, position)
    }),
  )
}

describe('im2col', () => {
  it('is the definition of a convolution, for every group, item, row order and form', () => {
    fc.assert(
      fc.property(convArbitrary, fc.boolean(), ({ geometry, tensor }, positionMajor) => {
        const layer = layerOf(geometry)
        const resolved = resolveLayer(layer, tensor.shape)
        for (let group = 0; group < geometry.groups; group++) {
          const expected = naive(geometry, tensor, 1, group, positionMajor)
          const got = im2col(layer, resolved, tensor, 1, group, positionMajor ? 'position-major' : 'channel-major')
          expect(resolved.vectors).toBe(expected.length)
          expect(got.rows).toBe(expected[0]!.length)
          const [first, second] = got.passes
          const flat = expected.flat()
          if (tensor.form === 'split') {
            expect([...first!]).toEqual(flat.map((code) => Math.max(code, 0)))
            expect([...second!]).toEqual(flat.map((code) => Math.max(0, -code)))
          } else expect([...first!]).toEqual(flat.map((code) => (code + 256) % 256))
        }
      }),
      { numRuns: 150 },
    )
  })

  it.each([
    ['SAME_UPPER', [1, 2, 2, 3, 3, 9]],
    ['SAME_LOWER', [9, 1, 1, 2, 2, 3]],
  ] as const)('auto_pad %s: an odd pad goes to the named end', (autoPad, expected) => {
    const geometry: ConvGeometry = {
      kind: 'conv',
      groups: 1,
      groupIn: 1,
      groupOut: 1,
      kernel: [2],
      strides: [1],
      dilations: [1],
      pads: [0, 0],
      autoPad,
    }
    const tensor: CodedTensor = {
      form: 'unsigned',
      shape: [1, 1, 3],
      codes: Uint8Array.of(1, 2, 3),
      scale: 1,
      zeroPoint: 9,
    }
    const layer = layerOf(geometry)
    const got = im2col(layer, resolveLayer(layer, tensor.shape), tensor, 0, 0, 'channel-major')
    expect([...got.passes[0]!]).toEqual(expected)
  })

  it('gives the same products block-diagonally packed and in either row order', () => {
    fc.assert(
      fc.property(convArbitrary, ({ geometry, tensor }) => {
        const outputs = geometry.groups * geometry.groupOut
        const rows = geometry.groupIn * size(geometry.kernel)
        const codes = Int16Array.from({ length: outputs * rows }, (_, i) => ((i * 37) % 255) - 127)
        const weights = { kind: 'integer' as const, codes, scale: Float64Array.of(1), zeroPoint: Int32Array.of(3) }
        const layer = layerOf(geometry, weights)
        const resolved = resolveLayer(layer, tensor.shape)
        const parts = (rowOrder: 'channel-major' | 'position-major') =>
          quantiseWeights(layer, { ...weightSpec, rowOrder }, 'separate').matrices.map((matrix, g) =>
            integerProduct(matrix, im2col(layer, resolved, tensor, 0, g, rowOrder)),
          )
        const separate = parts('channel-major')
        expect(parts('position-major')).toEqual(separate)
        const packed = quantiseWeights(layer, weightSpec, 'block-diagonal').matrices
        expect(packed.length).toBe(1)
        const whole = integerProduct(packed[0]!, im2col(layer, resolved, tensor, 0, 'all', 'channel-major'))
        for (let v = 0; v < resolved.vectors; v++) {
          const row = separate.flatMap((part) => [...part.subarray(v * geometry.groupOut, (v + 1) * geometry.groupOut)])
          expect([...whole.subarray(v * outputs, (v + 1) * outputs)]).toEqual(row)
        }
      }),
      { numRuns: 80 },
    )
  })

  it('integer product by hand: Σ (a − z)·e', () => {
    const matrix = { rows: 2, cols: 2, e: Int16Array.of(1, -2, 3, 4), diagonal: null }
    const codes = (form: CodedTensor['form'], zeroPoint: number, ...passes: number[][]) =>
      integerProduct(matrix, {
        vectors: 1,
        rows: 2,
        passes: passes.map((pass) => Uint8Array.from(pass)),
        form,
        zeroPoint,
      })
    expect([...codes('unsigned', 10, [12, 9])]).toEqual([2 * 1 - 3, -4 - 4])
    expect([...codes('twos-complement', 0, [255, 2])]).toEqual([-1 + 6, 2 + 8])
    expect([...codes('split', 0, [0, 2], [200, 0])]).toEqual([-200 + 6, 400 + 8])
  })
})

describe('shapes that do not fit', () => {
  const matmul = (groups: number, batch: number[]) =>
    layerOf({
      kind: 'matmul',
      groups,
      groupIn: 4,
      groupOut: 2,
      contract: 'last',
      outputAxis: 'last',
      vectorConstant: false,
      batch,
    })

  it.each([
    ['another contracted size', matmul(1, []), [1, 5], /expected 4 entries/],
    ['a batch across the matrices', matmul(4, [4, 1]), [4, 3, 4], /does not fit the constant matrices \[4,1\]/],
    ['another batch', matmul(4, [4]), [3, 3, 4], /expected the same batch/],
  ])('%s', (_, layer, shape, message) => {
    expect(() => resolveLayer(layer, shape)).toThrow(message)
  })

  it('a kernel larger than the picture', () => {
    const pads = [0, 0]
    const g: ConvGeometry = {
      kind: 'conv',
      groups: 1,
      groupIn: 1,
      groupOut: 1,
      kernel: [5],
      strides: [1],
      dilations: [1],
      pads,
      autoPad: null,
    }
    expect(() => resolveLayer(layerOf(g), [1, 1, 4])).toThrow(/smaller than the kernel/)
  })
})
