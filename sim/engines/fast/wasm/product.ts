// The product kernel in WebAssembly SIMD; its plain twin in kernels/plain.ts says what it computes.
import type { Code, FunctionSpec } from './module.js'
import { forTo, get, i32, i32x4, set, v128 } from './ops.js'

/** Passes that one turn takes. */
const turnPasses = 8
/** Bytes of a step of a program, and of the weights of two rows. */
const stepBytes = 32
const pairBytes = 16

const targets = ['t0', 't1', 't2', 't3']
const low = targets.map((_, k) => `low${k}`)
const high = targets.map((_, k) => `high${k}`)
const interleaveLow = [0, 1, 16, 17, 2, 3, 18, 19, 4, 5, 20, 21, 6, 7, 22, 23]
const interleaveHigh = [8, 9, 24, 25, 10, 11, 26, 27, 12, 13, 28, 29, 14, 15, 30, 31]

/** Steps of a program. Rows come in pairs: two offsets, and four times two weights; a turn multiplies 8 passes of two rows by them. */
function multiplyOf(name: string, load: typeof v128.load8x8Signed): FunctionSpec {
  const numbers = ['source', 'done', 'i', 'w', 'first', 'even', 'end', 'firstWeight', ...targets]
  const vectors = [...low, ...high, 'a', 'b', 'lows', 'highs', 'weight']
  return {
    name,
    params: ['streams', 'passes', 'offsets', 'weights', 'steps', 'stepsEnd', 'sums', 'columnBytes'],
    locals: {
      ...Object.fromEntries(numbers.map((key) => [key, 'i32' as const])),
      ...Object.fromEntries(vectors.map((key) => [key, 'v128' as const])),
    },
    result: null,
    body(at) {
      const field = (n: number) => i32.load(get(at('steps')), 4 * n)
      const scaled = (base: string, value: Code, shift: number) =>
        i32.add(get(at(base)), i32.shl(value, i32.const(shift)))
      const row = (n: number) => load(i32.add(get(at('source')), i32.load(get(at('i')), 4 * n)))
      const accumulate = (pair: number) => (k: number) => [
        ...set(at('weight'), v128.load32Splat(get(at('w')), pairBytes * pair + 4 * k)),
        ...set(at(low[k]!), i32x4.add(get(at(low[k]!)), i32x4.dot(get(at('lows')), get(at('weight'))))),
        ...set(at(high[k]!), i32x4.add(get(at(high[k]!)), i32x4.dot(get(at('highs')), get(at('weight'))))),
      ]
      const pair = (n: number): Code => [
        ...set(at('a'), row(2 * n)),
        ...set(at('b'), row(2 * n + 1)),
        ...set(at('lows'), v128.shuffle(get(at('a')), get(at('b')), interleaveLow)),
        ...set(at('highs'), v128.shuffle(get(at('a')), get(at('b')), interleaveHigh)),
        ...[0, 1, 2, 3].flatMap(accumulate(n)),
      ]
      const pairs = (count: number): Code => [
        ...Array.from({ length: count }, (_, n) => pair(n)).flat(),
        ...set(at('w'), i32.add(get(at('w')), i32.const(pairBytes * count))),
      ]
      const address = (k: number) => scaled(targets[k]!, get(at('done')), 2)
      const turn: Code = [
        ...set(at('source'), i32.add(get(at('streams')), get(at('done')))),
        ...targets.flatMap((_, k) => [
          ...set(at(low[k]!), v128.load(address(k))),
          ...set(at(high[k]!), v128.load(address(k), 16)),
        ]),
        ...set(at('i'), get(at('first'))),
        ...set(at('w'), get(at('firstWeight'))),
        ...forTo(at('i'), get(at('even')), 16, pairs(2)),
        ...forTo(at('i'), get(at('end')), 8, pairs(1)),
        // The first target last: missing ones have its address.
        ...[3, 2, 1, 0].flatMap((k) => [
          ...v128.store(address(k), get(at(low[k]!))),
          ...v128.store(address(k), get(at(high[k]!)), 16),
        ]),
      ]
      return forTo(at('steps'), get(at('stepsEnd')), stepBytes, [
        ...set(at('first'), scaled('offsets', field(0), 2)),
        ...set(at('end'), scaled('offsets', field(1), 2)),
        // Two pairs at a time, and one more where their number is odd.
        ...set(at('even'), i32.sub(get(at('end')), i32.and(i32.sub(get(at('end')), get(at('first'))), i32.const(8)))),
        ...set(at('firstWeight'), scaled('weights', field(2), 1)),
        ...targets.flatMap((target, k) =>
          set(at(target), i32.add(get(at('sums')), i32.mul(field(3 + k), get(at('columnBytes'))))),
        ),
        ...set(at('done'), i32.const(0)),
        ...forTo(at('done'), get(at('passes')), turnPasses, turn),
      ])
    },
  }
}

export const products: readonly FunctionSpec[] = [
  multiplyOf('multiplyUnsigned', v128.load8x8Unsigned),
  multiplyOf('multiplySigned', v128.load8x8Signed),
]
