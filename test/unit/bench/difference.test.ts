import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { firstDifference } from '../../../bench/networks/difference.js'
import { compareResults } from '../../../bench/networks/verify.js'
import type { RunResult } from '../../../traces/results/result.js'
import { resultOf } from '../../helpers/result.js'

const shape = { seed: 7, layers: 3, macros: 2, values: true }

/** Paths of all leaves. */
function leaves(tree: unknown, path: readonly string[] = []): string[][] {
  if (typeof tree !== 'object' || tree === null) return [[...path]]
  return Object.entries(tree).flatMap(([key, value]) => leaves(value, [...path, key]))
}

function changed(result: RunResult, path: readonly string[]): RunResult {
  const copy = structuredClone(result)
  let tree = copy as unknown as Record<string, unknown>
  for (const key of path.slice(0, -1)) tree = tree[key] as Record<string, unknown>
  const last = path.at(-1)!
  const old = tree[last]
  tree[last] = typeof old === 'number' ? (old === 0 ? Number.MIN_VALUE : old * (1 + Number.EPSILON)) : `${String(old)}!`
  return copy
}

describe('comparison of results', () => {
  it('finds none in a copy, and looks at every leaf but the name of the engine', () => {
    const result = resultOf(shape)
    const { difference, compared } = compareResults(result, { ...structuredClone(result), engine: 'other' })
    expect(difference).toBeNull()
    expect(compared).toBe(leaves(result).length - 1)
  })

  it('names any leaf that is one rounding step away, with its layer and both values', () => {
    const result = resultOf(shape)
    const all = leaves(result).filter((path) => path[0] !== 'engine')
    fc.assert(
      fc.property(fc.constantFrom(...all), (path) => {
        const other = changed(result, path)
        const { difference } = compareResults(result, other)
        const [top, index, ...rest] = path
        const layer = result.layers[Number(index)]
        // A layer of another name is another layer.
        const inside = rest.length === 1 && (rest[0] === 'name' || rest[0] === 'index') ? [] : rest
        const place = top === 'layers' ? [top, `${layer!.index} ${layer!.name}`, ...inside] : path
        expect(difference!.path).toEqual(place)
        expect(difference!.a).not.toBe(difference!.b)
      }),
      { numRuns: 300 },
    )
  })

  it.each([
    ['a missing entry', [1, 2], [1], ['1']],
    ['an entry more', { a: [] }, { a: [0] }, ['a', '0']],
    ['a key that is undefined on one side', { a: null }, {}, ['a']],
    ['another kind of array', Float64Array.of(1), Int32Array.of(1), []],
    ['a list where numbers were', { a: 1 }, { a: [1] }, ['a']],
    ['zeros of different sign', [0], [-0], ['0']],
    ['a missing layer', { x: Float64Array.of(1, 2) }, { x: Float64Array.of(1) }, ['x', '1']],
  ])('finds %s', (_, a, b, path) => {
    expect(firstDifference(a, b).difference?.path).toEqual(path)
    expect(firstDifference(b, a).difference?.path).toEqual(path)
    expect(firstDifference(a, structuredClone(a)).difference).toBeNull()
  })

  it('takes NaN for NaN', () => {
    expect(firstDifference({ a: Number.NaN }, { a: Number.NaN }).difference).toBeNull()
  })
})
