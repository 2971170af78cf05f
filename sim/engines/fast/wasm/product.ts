// The product kernel in WebAssembly SIMD; its plain twin in kernels/plain.ts says what it computes.
import type { Code, FunctionSpec } from './module.js'
import { forTo, get, i32, i32x4, set, v128, when } from './ops.js'

/** Passes that one turn takes, and bytes of two rows in it. */
const turnPasses = 8
const turnPairBytes = 32
/** Bytes of a step of a program, of four columns, and of the weights of two rows in them. */
const stepBytes = 32
const columnsBytes = 16
const pairBytes = 16

const targets = ['t0', 't1', 't2', 't3']
const low = targets.map((_, k) => `low${k}`)
const high = targets.map((_, k) => `high${k}`)
const interleaveLow = [0, 1, 16, 17, 2, 3, 18, 19, 4, 5, 20, 21, 6, 7, 22, 23]
const interleaveHigh = [8, 9, 24, 25, 10, 11, 26, 27, 12, 13, 28, 29, 14, 15, 30, 31]

/**
 * Steps of a program. A turn takes 8 passes: they are written down once as pairs of two rows (i16), and multiplied for every four columns of
 * the step. Loops are not unrolled: what they hold must fit into 15 registers.
 * @param load 8 bytes as i16
 */
function multiplyOf(name: string, load: typeof v128.load8x8Signed): FunctionSpec {
  const numbers = [
    'source',
    'base',
    'done',
    'i',
    'w',
    'z',
    'zEnd',
    'q',
    'first',
    'end',
    'firstQuad',
    'endQuad',
    'begins',
  ]
  const vectors = [...low, ...high, 'a', 'b', 'weight']
  return {
    name,
    params: ['streams', 'passes', 'offsets', 'weights', 'columns', 'steps', 'stepsEnd', 'sums', 'pairs', 'fresh'],
    locals: {
      ...Object.fromEntries([...numbers, 'firstWeight', ...targets].map((key) => [key, 'i32' as const])),
      ...Object.fromEntries(vectors.map((key) => [key, 'v128' as const])),
    },
    result: null,
    body(at) {
      const v = (key: string) => get(at(key))
      const scaled = (base: string, value: Code, shift: number) => i32.add(v(base), i32.shl(value, i32.const(shift)))
      const advance = (key: string, bytes: number) => set(at(key), i32.add(v(key), i32.const(bytes)))
      const field = (n: number) => i32.load(v('steps'), 4 * n)
      const row = (n: number) => load(i32.add(v('source'), i32.load(v('i'), 4 * n)))
      const interleave: Code = [
        ...set(at('a'), row(0)),
        ...set(at('b'), row(1)),
        ...v128.store(v('z'), v128.shuffle(v('a'), v('b'), interleaveLow)),
        ...v128.store(v('z'), v128.shuffle(v('a'), v('b'), interleaveHigh), 16),
        ...advance('z', turnPairBytes),
      ]
      const accumulate = (k: number): Code => [
        ...set(at('weight'), v128.load32Splat(v('w'), 4 * k)),
        ...set(at(low[k]!), i32x4.add(v(low[k]!), i32x4.dot(v('a'), v('weight')))),
        ...set(at(high[k]!), i32x4.add(v(high[k]!), i32x4.dot(v('b'), v('weight')))),
      ]
      const pair: Code = [
        ...set(at('a'), v128.load(v('z'))),
        ...set(at('b'), v128.load(v('z'), 16)),
        ...[0, 1, 2, 3].flatMap(accumulate),
        ...advance('w', pairBytes),
      ]
      const quad: Code = [
        ...targets.flatMap((target, k) => [...set(at(target), scaled('base', i32.load(v('q'), 4 * k), 2))]),
        ...when(
          v('begins'),
          [...low, ...high].flatMap((part) => set(at(part), v128.zero)),
          targets.flatMap((target, k) => [
            ...set(at(low[k]!), v128.load(v(target))),
            ...set(at(high[k]!), v128.load(v(target), 16)),
          ]),
        ),
        ...set(at('z'), v('pairs')),
        ...forTo(at('z'), v('zEnd'), turnPairBytes, pair),
        // The first target last: missing ones have its address.
        ...[3, 2, 1, 0].flatMap((k) => [
          ...v128.store(v(targets[k]!), v(low[k]!)),
          ...v128.store(v(targets[k]!), v(high[k]!), 16),
        ]),
      ]
      const turn: Code = [
        ...set(at('source'), i32.add(v('streams'), v('done'))),
        ...set(at('base'), scaled('sums', v('done'), 2)),
        ...set(at('z'), v('pairs')),
        ...set(at('i'), v('first')),
        ...forTo(at('i'), v('end'), 8, interleave),
        ...set(at('zEnd'), v('z')),
        ...set(at('w'), v('firstWeight')),
        ...set(at('q'), v('firstQuad')),
        ...forTo(at('q'), v('endQuad'), columnsBytes, quad),
      ]
      return forTo(at('steps'), v('stepsEnd'), stepBytes, [
        ...set(at('first'), scaled('offsets', field(0), 2)),
        ...set(at('end'), scaled('offsets', field(1), 2)),
        ...set(at('firstQuad'), scaled('columns', field(2), 2)),
        ...set(at('endQuad'), scaled('columns', field(3), 2)),
        ...set(at('firstWeight'), scaled('weights', field(4), 1)),
        ...set(at('begins'), i32.and(field(5), v('fresh'))),
        ...set(at('done'), i32.const(0)),
        ...forTo(at('done'), v('passes'), turnPasses, turn),
      ])
    },
  }
}

export const products: readonly FunctionSpec[] = [
  multiplyOf('multiplyUnsigned', v128.load8x8Unsigned),
  multiplyOf('multiplySigned', v128.load8x8Signed),
]
