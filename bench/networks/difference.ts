// Plain data against plain data, leaf by leaf, to the last bit.

export interface Difference {
  /** keys from the top */
  readonly path: readonly string[]
  readonly a: unknown
  readonly b: unknown
}

export interface Compared {
  /** leaves that were looked at: all of them when there is no difference */
  readonly compared: number
  readonly difference: Difference | null
}

/** The first leaf that differs. Numbers are equal when they are the same double; a key or an entry that only one side has differs. */
export function firstDifference(a: unknown, b: unknown): Compared {
  let compared = 0
  const look = (x: unknown, y: unknown, path: readonly string[]): Difference | null => {
    if (!isTree(x) || !isTree(y)) {
      compared++
      return Object.is(x, y) ? null : { path, a: x, b: y }
    }
    if (x.constructor !== y.constructor) return { path, a: x.constructor?.name, b: y.constructor?.name }
    const [ofX, ofY] = [entriesOf(x), entriesOf(y)]
    for (const key of new Set([...ofX.keys(), ...ofY.keys()])) {
      const found = look(ofX.get(key), ofY.get(key), [...path, key])
      if (found !== null) return found
    }
    return null
  }
  const difference = look(a, b, [])
  return { compared, difference }
}

function isTree(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function entriesOf(tree: object): Map<string, unknown> {
  const list = ArrayBuffer.isView(tree) ? Array.from(tree as Float64Array) : tree
  return new Map<string, unknown>(Object.entries(list))
}
