// Driven rows counted in WebAssembly SIMD: 16 passes and all planes at once, in counters whose bits lie in different words. The plain twin
// in kernels/plain.ts says what is found.
import type { Code, FunctionSpec } from './module.js'
import { forTo, get, i32, i32x4, set, v128, when } from './ops.js'

/** Passes that one turn takes. */
export const drivenPasses = 16
/** Bytes of a row list (offsets from … to, limit, its number), and of what is found (its number, pass, two unused, 128 flags). */
export const drivenListBytes = 16
export const hitBytes = 32

/** Counters begin at 2^bits − 1 − limit, so that they overflow as soon as there are more than `limit`. */
function drivenOf(bits: number): FunctionSpec {
  const counters = Array.from({ length: bits }, (_, k) => `c${k}`)
  const starts = counters.map((_, k) => `start${k}`)
  const vectors = [...counters, ...starts, 'a', 'b', 'half', 'twosA', 'twosB', 'carry', 'next', 'more']
  return {
    name: `moreDriven${bits}`,
    params: ['streams', 'passes', 'offsets', 'lists', 'listsEnd', 'hits'],
    locals: {
      ...Object.fromEntries(
        ['source', 'done', 'i', 'first', 'fours', 'end', 'start'].map((key) => [key, 'i32' as const]),
      ),
      ...Object.fromEntries(vectors.map((key) => [key, 'v128' as const])),
    },
    result: 'i32',
    body(at) {
      const v = (key: string) => get(at(key))
      const field = (n: number) => i32.load(get(at('lists')), 4 * n)
      const row = (n: number) => v128.load(i32.add(v('source'), i32.load(v('i'), 4 * n)))
      /** counter + a + b: the sum stays, the carry goes to `into` */
      const addTwo = (counter: string, a: string, b: string, into: string): Code => [
        ...set(at('half'), v128.xor(v(counter), v(a))),
        ...set(at(into), v128.or(v128.and(v(counter), v(a)), v128.and(v('half'), v(b)))),
        ...set(at(counter), v128.xor(v('half'), v(b))),
      ]
      /** Adds `carry` from bit k on; what leaves the last counter stays in `more`. */
      const ripple = (k: number): Code => [
        ...counters
          .slice(k)
          .flatMap((counter) => [
            ...set(at('next'), v128.and(v(counter), v('carry'))),
            ...set(at(counter), v128.xor(v(counter), v('carry'))),
            ...set(at('carry'), v('next')),
          ]),
        ...set(at('more'), v128.or(v('more'), v('carry'))),
      ]
      const fourRows: Code = [
        ...set(at('a'), row(0)),
        ...set(at('b'), row(1)),
        ...addTwo('c0', 'a', 'b', 'twosA'),
        ...set(at('a'), row(2)),
        ...set(at('b'), row(3)),
        ...addTwo('c0', 'a', 'b', 'twosB'),
        ...addTwo('c1', 'twosA', 'twosB', 'carry'),
        ...ripple(2),
      ]
      const turn: Code = [
        ...set(at('source'), i32.add(v('streams'), v('done'))),
        ...counters.flatMap((counter, k) => set(at(counter), v(starts[k]!))),
        ...set(at('more'), v128.zero),
        ...set(at('i'), v('first')),
        ...forTo(at('i'), v('fours'), 16, fourRows),
        ...forTo(at('i'), v('end'), 4, [...set(at('carry'), row(0)), ...ripple(0)]),
        ...when(v128.anyTrue(v('more')), [
          ...i32.store(v('hits'), field(3)),
          ...i32.store(v('hits'), v('done'), 4),
          ...v128.store(v('hits'), v('more'), 16),
          ...set(at('hits'), i32.add(v('hits'), i32.const(hitBytes))),
        ]),
      ]
      const offset = (n: number) => i32.add(v('offsets'), i32.shl(field(n), i32.const(2)))
      const startBit = (k: number) =>
        i32x4.splat(i32.sub(i32.const(0), i32.and(i32.shrUnsigned(v('start'), i32.const(k)), i32.const(1))))
      return [
        ...forTo(at('lists'), v('listsEnd'), drivenListBytes, [
          ...set(at('first'), offset(0)),
          ...set(at('end'), offset(1)),
          ...set(at('fours'), i32.sub(v('end'), i32.and(i32.sub(v('end'), v('first')), i32.const(12)))),
          ...set(at('start'), i32.sub(i32.const(2 ** bits - 1), field(2))),
          ...starts.flatMap((start, k) => set(at(start), startBit(k))),
          ...set(at('done'), i32.const(0)),
          ...forTo(at('done'), v('passes'), drivenPasses, turn),
        ]),
        ...v('hits'),
      ]
    },
  }
}

/** For limits up to 31, and up to 255. */
export const drivenCounts: readonly FunctionSpec[] = [drivenOf(5), drivenOf(8)]
