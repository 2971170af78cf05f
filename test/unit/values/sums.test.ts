// Sums of weights and of squares, against plain sums.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { errorTotals, sumOfSquares } from '../../../models/values/finish.js'
import { sumMatrix } from '../../../models/values/sums.js'

it('adds up rows, columns and sizes of weights', () => {
  const weight = fc.oneof(fc.integer({ min: -127, max: 127 }), fc.constantFrom(-32_768, 32_767, 0))
  const sizes = fc.tuple(fc.integer({ min: 0, max: 11 }), fc.integer({ min: 1, max: 7 }))
  const matrices = sizes.chain(([rows, cols]) =>
    fc.array(weight, { minLength: rows * cols, maxLength: rows * cols }).map((e) => ({ rows, cols, e })),
  )
  fc.assert(
    fc.property(matrices, ({ rows, cols, e }) => {
      const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0)
      const columns = Array.from({ length: cols }, (_, c) => e.filter((_, at) => at % cols === c))
      const found = sumMatrix({ rows, cols, e: Int16Array.from(e) })
      expect([...found.rows]).toEqual(Array.from({ length: rows }, (_, r) => sum(e.slice(r * cols, (r + 1) * cols))))
      expect([...found.columns]).toEqual(columns.map(sum))
      expect(found.bound).toBe(Math.max(...columns.map((own) => sum(own.map(Math.abs)))))
    }),
  )
})

it('adds up columns of more rows than an int32 holds', () => {
  const rows = 140_003
  const { columns, bound } = sumMatrix({ rows, cols: 2, e: new Int16Array(2 * rows).fill(-32_768) })
  expect([...columns]).toEqual([-32_768 * rows, -32_768 * rows])
  expect(bound).toBe(32_768 * rows)
})

it('adds up squares without rounding', () => {
  const value = fc.oneof(fc.integer(), fc.integer({ min: -9, max: 9 }), fc.maxSafeInteger(), fc.constant(2 ** 26 - 1))
  fc.assert(
    fc.property(fc.array(value, { maxLength: 40 }), (values) => {
      expect(sumOfSquares(Float64Array.from(values))).toBe(values.reduce((sum, x) => sum + BigInt(x) ** 2n, 0n))
    }),
  )
  expect(sumOfSquares(new Float64Array(5000).fill(2 ** 26 - 1))).toBe(5000n * (2n ** 26n - 1n) ** 2n)
})

it('tells errors of results', () => {
  expect(errorTotals(Float64Array.of(4, -7, 0), Float64Array.of(4, -4, 1))).toEqual({
    results: 3,
    maxError: 3,
    noise: 10,
    signal: 33,
  })
})
