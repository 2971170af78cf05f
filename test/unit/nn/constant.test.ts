// How ONNX stores tensors: every storage form gives the same numbers, and sizes that do not fit are refused before allocation.
import { describe, expect, it } from 'vitest'
import { ModelError } from '../../../models/base/errors.js'
import { halfToNumber, numbers, readTensor } from '../../../models/nn/constant.js'
import { toBigInt, toInteger } from '../../../models/nn/int64.js'
import { onnx } from '../../../models/nn/proto/onnx.js'

const types = onnx.TensorProto.DataType
type Tensor = onnx.TensorProto.$Properties

/** Through the wire format, behind `shift` bytes, so that raw data start at any address. */
function read(tensor: Tensor, shift = 0) {
  const coded = onnx.TensorProto.encode({ name: 'x'.repeat(shift), ...tensor }).finish()
  return [...numbers(readTensor(onnx.TensorProto.decode(coded), 't'), 't')]
}

const raw = (array: ArrayBufferView) => new Uint8Array(array.buffer)

describe('tensor storage', () => {
  it.each([0, 1, 2, 3, 4, 5, 6, 7])('raw data at address shift %d', (shift) => {
    expect(read({ dims: [2], data_type: types.FLOAT, raw_data: raw(Float32Array.of(1.5, -2)) }, shift)).toEqual([
      1.5, -2,
    ])
    expect(read({ dims: [2], data_type: types.DOUBLE, raw_data: raw(Float64Array.of(0.1, 3)) }, shift)).toEqual([
      0.1, 3,
    ])
    expect(read({ dims: [1], data_type: types.INT64, raw_data: raw(BigInt64Array.of(-5n)) }, shift)).toEqual([-5])
  })

  it.each<[string, Tensor, number[]]>([
    ['float_data', { dims: [2], data_type: types.FLOAT, float_data: [1.5, -2] }, [1.5, -2]],
    ['double_data', { dims: [1], data_type: types.DOUBLE, double_data: [0.1] }, [0.1]],
    ['int64_data', { dims: [2], data_type: types.INT64, int64_data: [-3, 2 ** 40] }, [-3, 2 ** 40]],
    ['int32_data of int8', { dims: [2], data_type: types.INT8, int32_data: [-128, 127] }, [-128, 127]],
    ['int32_data of float16', { dims: [2], data_type: types.FLOAT16, int32_data: [0x3c00, 0xc000] }, [1, -2]],
    ['raw bfloat16', { dims: [1], data_type: types.BFLOAT16, raw_data: raw(Uint16Array.of(0x40a0)) }, [5]],
    ['raw int4, two in a byte', { dims: [3], data_type: types.INT4, raw_data: Uint8Array.of(0x8f, 0x07) }, [-1, -8, 7]],
    ['raw uint4', { dims: [2], data_type: types.UINT4, raw_data: Uint8Array.of(0xf1) }, [1, 15]],
    ['raw uint8', { dims: [2], data_type: types.UINT8, raw_data: Uint8Array.of(0, 255) }, [0, 255]],
    ['a scalar', { dims: [], data_type: types.FLOAT, float_data: [7] }, [7]],
  ])('%s', (_, tensor, expected) => {
    expect(read(tensor)).toEqual(expected)
  })

  it.each<[string, Tensor, RegExp]>([
    [
      'too few bytes',
      { dims: [3], data_type: types.FLOAT, raw_data: new Uint8Array(8) },
      /expected 12 bytes of float data, got 8/,
    ],
    ['too many values', { dims: [1], data_type: types.FLOAT, float_data: [1, 2] }, /expected 1 values of float, got 2/],
    [
      'a gigantic shape',
      { dims: [1 << 30, 1 << 30], data_type: types.FLOAT, float_data: [1] },
      /more than 2\^31 elements/,
    ],
    ['a negative dimension', { dims: [-1], data_type: types.FLOAT }, /dimension -1 is not a size/],
    [
      'strings',
      { dims: [1], data_type: types.STRING, string_data: [Uint8Array.of(65)] },
      /element type string is not supported/,
    ],
    [
      'external data',
      { dims: [1], data_type: types.FLOAT, data_location: 1, external_data: [{ key: 'location', value: 'w.bin' }] },
      /external data.*save the model with all weights/,
    ],
  ])('%s is refused', (_, tensor, message) => {
    expect(() => read(tensor)).toThrow(ModelError)
    expect(() => read(tensor)).toThrow(message)
  })

  it('half precision: normal, subnormal, infinite', () => {
    expect([0x3555, 0x0001, 0x7bff, 0xfc00, 0x8000].map(halfToNumber)).toEqual([
      1365 / 4096,
      2 ** -24,
      65504,
      Number.NEGATIVE_INFINITY,
      -0,
    ])
  })
})

describe('64-bit integers', () => {
  const long = (value: bigint) => ({
    low: Number(BigInt.asIntN(32, value)),
    high: Number(value >> 32n),
    unsigned: false,
  })

  it.each([0n, -1n, 1n, 2n ** 53n - 1n, -(2n ** 53n) + 1n, 4294967296n])('%d is exact', (value) => {
    expect(toInteger(long(value), 't')).toBe(Number(value))
    expect(toBigInt(long(value))).toBe(value)
  })

  it.each([2n ** 53n, -(2n ** 53n), 2n ** 53n + 1n, 2n ** 63n - 1n])('%d is refused as a number', (value) => {
    expect(() => toInteger(long(value), 'dimension')).toThrow(/dimension: .*beyond/)
    expect(toBigInt(long(value))).toBe(value)
  })
})
