// Weights and activations as integers: hand cases of docs/values.md, section 1, and laws.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  calibratedRange,
  codingOfModel,
  codingOfRange,
  emptyCodes,
  encodeFloats,
  encodeIntegers,
  quantiseWeights,
  roundHalfEven,
} from '../../../models/nn/quantise.js'
import type { Layer } from '../../../models/nn/types.js'

function layerOf(weights: Layer['weights'], groupIn: number, groupOut: number): Layer {
  const geometry = {
    kind: 'matmul',
    groups: 1,
    groupIn,
    groupOut,
    contract: 'last',
    outputAxis: 'last',
    vectorConstant: false,
    batch: [],
  } as const
  const tensors = { inputTensor: 'x', outputTensor: 'y', weightShape: [], input: null, outputStep: null, bias: null }
  return { index: 0, name: 'layer', op: 'MatMul', geometry, weights, ...tensors }
}

const spec = (scale: 'per-channel' | 'per-tensor') =>
  ({ encoding: 'differential', scale, rowOrder: 'channel-major' }) as const

describe('rounding', () => {
  it.each([
    [0.5, 0],
    [1.5, 2],
    [2.5, 2],
    [-0.5, 0],
    [-1.5, -2],
    [-2.5, -2],
    [2.4999, 2],
    [-2.51, -3],
  ])('%d → %d', (x, expected) => {
    expect(roundHalfEven(x) + 0).toBe(expected)
  })
})

describe('weights', () => {
  const values = Float32Array.of(127, 63.5, -0, 0, 0, 0, -254, 2, 1)

  it('per channel: max|w|/127, ties to even, an all-zero channel has scale 1', () => {
    const { matrices, scale, exactZeros, weightCount } = quantiseWeights(
      layerOf({ kind: 'float', values }, 3, 3),
      spec('per-channel'),
      'separate',
    )
    expect([...scale]).toEqual([1, 1, 2])
    // Columns are outputs: e[row · 3 + output].
    expect([...matrices[0]!.e]).toEqual([127, 0, -127, 64, 0, 1, 0, 0, 0])
    expect([exactZeros, weightCount]).toEqual([4, 9])
  })

  it('per tensor: one scale', () => {
    const { scale } = quantiseWeights(layerOf({ kind: 'float', values }, 3, 3), spec('per-tensor'), 'separate')
    expect([...scale]).toEqual([2, 2, 2])
  })

  it('integer weights are kept bit for bit: e = code − zero point, up to ±255', () => {
    const weights = {
      kind: 'integer',
      codes: Int16Array.of(0, 255, 7, 8),
      scale: Float64Array.of(0.5, 0.25),
      zeroPoint: Int32Array.of(255, 8),
    } as const
    const { matrices, scale, exactZeros } = quantiseWeights(layerOf(weights, 2, 2), spec('per-channel'), 'separate')
    expect([...matrices[0]!.e]).toEqual([-255, -1, 0, 0])
    expect([...scale]).toEqual([0.5, 0.25])
    expect(exactZeros).toBe(2)
  })
})

describe('activations', () => {
  it.each([
    [{ min: 0, max: 510 }, 'offset', { form: 'unsigned', scale: 2, zeroPoint: 0 }],
    [{ min: 3, max: 255 }, 'split', { form: 'unsigned', scale: 1, zeroPoint: 0 }],
    [{ min: 0, max: 0 }, 'offset', { form: 'unsigned', scale: 1, zeroPoint: 0 }],
    [{ min: -5e-324, max: 0 }, 'offset', { form: 'unsigned', scale: 1, zeroPoint: 0 }],
    [{ min: -100, max: 155 }, 'offset', { form: 'unsigned', scale: 1, zeroPoint: 100 }],
    [{ min: -255, max: -51 }, 'offset', { form: 'unsigned', scale: 1, zeroPoint: 255 }],
    [{ min: -254, max: 3 }, 'twos-complement', { form: 'twos-complement', scale: 2, zeroPoint: 0 }],
    [{ min: -2, max: 510 }, 'split', { form: 'split', scale: 2, zeroPoint: 0 }],
  ] as const)('range %o, %s', (range, signed, expected) => {
    expect(codingOfRange(range, signed)).toEqual(expected)
  })

  it.each([
    ['uint8', 5, 'offset', { form: 'unsigned', zeroPoint: 5 }, [0, 255], [0, 255]],
    ['uint8', 0, 'split', { form: 'unsigned', zeroPoint: 0 }, [0, 255], [0, 255]],
    ['uint8', 5, 'split', { form: 'split', zeroPoint: 0 }, [0, 255], [-5, 250]],
    ['int8', -128, 'offset', { form: 'unsigned', zeroPoint: 0 }, [-128, 127], [0, 255]],
    ['int8', 3, 'twos-complement', { form: 'twos-complement', zeroPoint: 3 }, [-128, 127], [-128, 127]],
    ['int8', -128, 'split', { form: 'split', zeroPoint: 0 }, [-128, 127], [0, 255]],
  ] as const)('%s with zero point %d, %s', (dtype, zeroPoint, signed, expected, codes, coded) => {
    const q = { dtype, scale: 0.5, zeroPoint }
    const coding = codingOfModel(q, signed)
    expect(coding).toEqual({ ...expected, scale: 0.5 })
    const out = emptyCodes(coding.form, 3)
    encodeIntegers(codes, q, coding, out, 1)
    expect([...out]).toEqual([0, ...coded])
  })

  it('min-max: no value is off by more than half a step, and zero is exact', () => {
    const value = fc.double({ min: -1000, max: 1000, noNaN: true })
    fc.assert(
      fc.property(
        fc.array(value, { minLength: 1 }),
        fc.constantFrom('offset' as const, 'twos-complement' as const, 'split' as const),
        (list, signed) => {
          const values = [...list, 0]
          const coding = codingOfRange({ min: Math.min(...values), max: Math.max(...values) }, signed)
          const out = emptyCodes(coding.form, values.length)
          encodeFloats(values, coding, out, 0)
          expect(out.at(-1)).toBe(coding.zeroPoint)
          // offset: rounding the zero point may shift the end of the range by another half step, which is limited away.
          const steps = coding.form === 'unsigned' && coding.zeroPoint > 0 ? 1 : 0.5
          for (const [i, x] of values.entries())
            expect(Math.abs(x - coding.scale * (out[i]! - coding.zeroPoint))).toBeLessThanOrEqual(
              coding.scale * steps * (1 + 1e-9),
            )
        },
      ),
    )
  })
})

describe('calibration', () => {
  const bins = 8192
  /** Heavy tails: most values lie within 1 of zero, a few reach ±100. */
  const values = Array.from({ length: 20_000 }, (_, i) =>
    i % 1000 === 0 ? (i % 2000 === 0 ? 100 : -100) : Math.sin(i),
  )
  const range = { min: -100, max: 100 }
  const histogram = new Float64Array(bins)
  for (const x of values) {
    const bin = Math.min(bins - 1, Math.floor(((x + 100) / 200) * bins))
    histogram[bin] = histogram[bin]! + 1
  }
  const settings = (calibration: 'min-max' | 'percentile' | 'mse', percentile: number) =>
    ({ bitsPerStep: 1, signed: 'offset', calibration, percentile }) as const

  it('min-max keeps the range', () => {
    expect(calibratedRange(range, histogram, settings('min-max', 50))).toEqual(range)
  })

  it('percentile keeps at least that share of the values, in a tight range', () => {
    const kept = calibratedRange(range, histogram, settings('percentile', 99.5))
    const inside = values.filter((x) => x >= kept.min && x <= kept.max).length / values.length
    expect(inside).toBeGreaterThanOrEqual(0.995)
    expect(kept.max).toBeLessThan(1.1)
    expect(kept.min).toBeGreaterThan(-1.1)
    expect(calibratedRange(range, histogram, settings('percentile', 100))).toEqual(range)
  })

  it('mse has no larger squared error over the values than min-max', () => {
    const body = values.map((x) => (Math.abs(x) === 100 ? Math.sign(x) * 3 : x))
    const narrow = { min: -3, max: 3 }
    const counts = new Float64Array(bins)
    for (const x of body) {
      const bin = Math.min(bins - 1, Math.floor(((x + 3) / 6) * bins))
      counts[bin] = counts[bin]! + 1
    }
    const error = (chosen: { min: number; max: number }) => {
      const coding = codingOfRange(chosen, 'split')
      const out = emptyCodes(coding.form, body.length)
      encodeFloats(body, coding, out, 0)
      return body.reduce((sum, x, i) => sum + (x - coding.scale * (out[i]! - coding.zeroPoint)) ** 2, 0)
    }
    const mse = calibratedRange(narrow, counts, { ...settings('mse', 50), signed: 'split' })
    expect(error(mse)).toBeLessThanOrEqual(error(narrow) * 1.01)
  })
})
