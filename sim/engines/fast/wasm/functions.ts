// The kernels of the fast engine in WebAssembly SIMD. Every one has its plain twin in kernels/plain.ts, which says what it computes. All
// parameters are byte addresses or counts.
import { digests } from './digests.js'
import { drivenCounts } from './driven.js'
import { follow } from './follow.js'
import type { Code, FunctionSpec } from './module.js'
import { forTo, get, i8x16, i16x8, i32, i32x4, set, v128 } from './ops.js'
import { products } from './product.js'
import { copyRows } from './streams.js'
import { tally } from './tally.js'
import { windows } from './windows.js'

/** Passes that one turn of `orRows` takes. */
export const orPasses = 64
/** Passes that one turn of `countBits` takes. */
export const countPasses = 16

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

export const functions: readonly FunctionSpec[] = [
  orRows,
  countBits,
  follow,
  windows,
  copyRows,
  tally,
  ...products,
  ...drivenCounts,
  ...digests,
]
