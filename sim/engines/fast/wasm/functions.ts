// The kernels of the fast engine in WebAssembly SIMD. Every one has its plain twin in kernels/plain.ts, which says what it computes. All
// parameters are byte addresses or counts.
import { follow } from './follow.js'
import type { Code, FunctionSpec } from './module.js'
import { forTo, get, i8x16, i16x8, i32, i32x4, set, v128 } from './ops.js'
import { windows } from './windows.js'

/** Passes that one turn of `orRows` takes. */
export const orPasses = 64
/** Passes that one turn of `countBits` takes. */
export const countPasses = 16
/** Passes and outputs that one turn of `product` takes. */
export const productPasses = 8
export const productOutputs = 4

/** ORs `bytes` (a multiple of 64) of the streams at source + offset, for the offsets in [offsets, offsetsEnd). */
const orRows: FunctionSpec = {
  name: 'orRows',
  params: ['source', 'offsets', 'offsetsEnd', 'target', 'targetEnd'],
  locals: { i: 'i32', from: 'i32', a0: 'v128', a1: 'v128', a2: 'v128', a3: 'v128' },
  result: null,
  body(at) {
    const parts = ['a0', 'a1', 'a2', 'a3'].map(at)
    const add: Code = [
      ...set(at('from'), i32.add(get(at('source')), i32.load(get(at('i'))))),
      ...parts.flatMap((part, k) => set(part, v128.or(get(part), v128.load(get(at('from')), 16 * k)))),
    ]
    return forTo(at('target'), get(at('targetEnd')), orPasses, [
      ...parts.flatMap((part) => set(part, v128.zero)),
      ...set(at('i'), get(at('offsets'))),
      ...forTo(at('i'), get(at('offsetsEnd')), 4, add),
      ...parts.flatMap((part, k) => v128.store(get(at('target')), get(part), 16 * k)),
      ...set(at('source'), i32.add(get(at('source')), i32.const(orPasses))),
    ])
  },
}

/** Set bits of (byte & mask) over the bytes of [from, end), a multiple of 16 bytes. */
const countBits: FunctionSpec = {
  name: 'countBits',
  params: ['from', 'end', 'mask'],
  locals: { masks: 'v128', sums: 'v128' },
  result: 'i32',
  body(at) {
    const counts = i8x16.popcount(v128.and(v128.load(get(at('from'))), get(at('masks'))))
    const wide = i32x4.addPairsUnsigned(i16x8.addPairsUnsigned(counts))
    const lanes = [0, 1, 2, 3].map((lane) => i32x4.lane(get(at('sums')), lane))
    return [
      ...set(at('masks'), i8x16.splat(get(at('mask')))),
      ...forTo(at('from'), get(at('end')), countPasses, set(at('sums'), i32x4.add(get(at('sums')), wide))),
      ...lanes.reduce((a, b) => i32.add(a, b)),
    ]
  },
}

/**
 * Adds activations × weights of four outputs to their sums. Rows come in pairs: two offsets and, per pair, four times two weights of i16; a
 * turn multiplies 8 passes of two rows by them.
 */
function productOf(name: string, load: typeof v128.load8x8Signed): FunctionSpec {
  const targets = ['t0', 't1', 't2', 't3']
  const low = targets.map((_, k) => `low${k}`)
  const high = targets.map((_, k) => `high${k}`)
  const vectors = [...low, ...high, 'a', 'b', 'first', 'last', 'weight']
  return {
    name,
    params: ['source', 'offsets', 'offsetsEnd', 'weights', 'passes', ...targets],
    locals: { i: 'i32', w: 'i32', done: 'i32', ...Object.fromEntries(vectors.map((key) => [key, 'v128' as const])) },
    result: null,
    body(at) {
      const row = (k: number) => load(i32.add(get(at('source')), i32.load(get(at('i')), 4 * k)))
      const accumulate = (k: number): Code => [
        ...set(at('weight'), v128.load32Splat(get(at('w')), 4 * k)),
        ...set(at(low[k]!), i32x4.add(get(at(low[k]!)), i32x4.dot(get(at('first')), get(at('weight'))))),
        ...set(at(high[k]!), i32x4.add(get(at(high[k]!)), i32x4.dot(get(at('last')), get(at('weight'))))),
      ]
      const pair: Code = [
        ...set(at('a'), row(0)),
        ...set(at('b'), row(1)),
        ...set(
          at('first'),
          v128.shuffle(get(at('a')), get(at('b')), [0, 1, 16, 17, 2, 3, 18, 19, 4, 5, 20, 21, 6, 7, 22, 23]),
        ),
        ...set(
          at('last'),
          v128.shuffle(get(at('a')), get(at('b')), [8, 9, 24, 25, 10, 11, 26, 27, 12, 13, 28, 29, 14, 15, 30, 31]),
        ),
        ...[0, 1, 2, 3].flatMap(accumulate),
        ...set(at('w'), i32.add(get(at('w')), i32.const(16))),
      ]
      const address = (k: number) => i32.add(get(at(targets[k]!)), i32.shl(get(at('done')), i32.const(2)))
      const sums = (k: number, part: string, offset: number): Code => set(at(part), v128.load(address(k), offset))
      const keep = (k: number, part: string, offset: number): Code => v128.store(address(k), get(at(part)), offset)
      return forTo(at('done'), get(at('passes')), productPasses, [
        ...targets.flatMap((_, k) => [...sums(k, low[k]!, 0), ...sums(k, high[k]!, 16)]),
        ...set(at('i'), get(at('offsets'))),
        ...set(at('w'), get(at('weights'))),
        ...forTo(at('i'), get(at('offsetsEnd')), 8, pair),
        // The first target last: missing ones have its address.
        ...[3, 2, 1, 0].flatMap((k) => [...keep(k, low[k]!, 0), ...keep(k, high[k]!, 16)]),
        ...set(at('source'), i32.add(get(at('source')), i32.const(productPasses))),
      ])
    },
  }
}

export const functions: readonly FunctionSpec[] = [
  orRows,
  countBits,
  follow,
  windows,
  productOf('productUnsigned', v128.load8x8Unsigned),
  productOf('productSigned', v128.load8x8Signed),
]
