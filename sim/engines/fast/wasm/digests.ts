// Sums of results and of activations in WebAssembly SIMD, for checks and errors; their plain twins are in kernels/plain.ts.
import type { Code, FunctionSpec } from './module.js'
import { forTo, get, i16x8, i32, i32x4, i64x2, set, v128 } from './ops.js'

/** Passes that one turn of `weighRows` takes. */
export const weighPasses = 32

/**
 * Adds sums (int32, of columns `columnBytes` apart) to int64 sums of vectors, and their squares to two int64 at `squares`. Split: the second
 * of two passes counts negatively.
 */
function digestOf(name: string, split: boolean): FunctionSpec {
  const turnPasses = split ? 8 : 4
  return {
    name,
    params: ['column', 'columnsEnd', 'columnBytes', 'passes', 'vectors', 'squares'],
    locals: { from: 'i32', end: 'i32', into: 'i32', x: 'v128', y: 'v128', low: 'v128', high: 'v128' },
    result: null,
    body(at) {
      const v = (key: string) => get(at(key))
      const even = [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27]
      const read: Code = split
        ? [
            ...set(at('x'), v128.load(v('from'))),
            ...set(at('y'), v128.load(v('from'), 16)),
            ...set(
              at('x'),
              i32x4.sub(
                v128.shuffle(v('x'), v('y'), even),
                v128.shuffle(
                  v('x'),
                  v('y'),
                  even.map((lane) => lane + 4),
                ),
              ),
            ),
          ]
        : set(at('x'), v128.load(v('from')))
      const add = (offset: number, part: Code) =>
        v128.store(v('into'), i64x2.add(v128.load(v('into'), offset), part), offset)
      const turn: Code = [
        ...read,
        ...add(0, i64x2.extendSigned.low(v('x'))),
        ...add(16, i64x2.extendSigned.high(v('x'))),
        ...set(at('low'), i64x2.add(v('low'), i64x2.productLow(v('x'), v('x')))),
        ...set(at('high'), i64x2.add(v('high'), i64x2.productHigh(v('x'), v('x')))),
        ...set(at('into'), i32.add(v('into'), i32.const(32))),
      ]
      const column: Code = [
        ...set(at('from'), v('column')),
        ...set(at('end'), i32.add(v('column'), i32.shl(v('passes'), i32.const(2)))),
        ...set(at('into'), v('vectors')),
        ...forTo(at('from'), v('end'), 4 * turnPasses, turn),
        ...set(at('column'), i32.add(v('column'), v('columnBytes'))),
      ]
      return [
        ...set(at('low'), v128.zero),
        ...set(at('high'), v128.zero),
        ...forTo(at('column'), v('columnsEnd'), 0, column),
        ...v128.store(v('squares'), i64x2.add(v128.load(v('squares')), i64x2.add(v('low'), v('high')))),
      ]
    },
  }
}

/** Σ over rows of weight (int32) × activation, for passes rounded up to `weighPasses`, into int32. */
function weighOf(name: string, isSigned: boolean): FunctionSpec {
  const sums = Array.from({ length: weighPasses / 4 }, (_, k) => `sum${k}`)
  const bytes = isSigned ? i16x8.extendSigned : i16x8.extendUnsigned
  const shorts = isSigned ? i32x4.extendSigned : i32x4.extendUnsigned
  return {
    name,
    params: ['streams', 'rowBytes', 'weights', 'weightsEnd', 'passes', 'into'],
    locals: {
      done: 'i32',
      w: 'i32',
      row: 'i32',
      weight: 'v128',
      x: 'v128',
      half: 'v128',
      ...Object.fromEntries(sums.map((key) => [key, 'v128' as const])),
    },
    result: null,
    body(at) {
      const v = (key: string) => get(at(key))
      const add = (k: number, part: Code) => set(at(sums[k]!), i32x4.add(v(sums[k]!), i32x4.mul(part, v('weight'))))
      const sixteen = (first: number): Code => [
        ...set(at('x'), v128.load(v('row'), 4 * first)),
        ...(['low', 'high'] as const).flatMap((part, n) => [
          ...set(at('half'), bytes[part](v('x'))),
          ...add(first + 2 * n, shorts.low(v('half'))),
          ...add(first + 2 * n + 1, shorts.high(v('half'))),
        ]),
      ]
      const turn: Code = [
        ...sums.flatMap((sum) => set(at(sum), v128.zero)),
        ...set(at('row'), i32.add(v('streams'), v('done'))),
        ...set(at('w'), v('weights')),
        ...forTo(at('w'), v('weightsEnd'), 4, [
          ...set(at('weight'), v128.load32Splat(v('w'))),
          ...sixteen(0),
          ...sixteen(4),
          ...set(at('row'), i32.add(v('row'), v('rowBytes'))),
        ]),
        ...sums.flatMap((sum, k) => v128.store(v('into'), v(sum), 16 * k)),
        ...set(at('into'), i32.add(v('into'), i32.const(4 * weighPasses))),
      ]
      return forTo(at('done'), v('passes'), weighPasses, turn)
    },
  }
}

export const digests: readonly FunctionSpec[] = [
  digestOf('digest', false),
  digestOf('digestSplit', true),
  weighOf('weighUnsigned', false),
  weighOf('weighSigned', true),
]
