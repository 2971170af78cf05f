// Where a row of activations stands in the tensor, as runs: neighbouring vectors read neighbouring entries.

/** Numbers of a run: first vector behind it, offset of its first vector (−1 = padding), distance of the next. */
export const runSize = 3

const knownRuns = new WeakMap<Int32Array, Int32Array>()

/** Offsets of a tap as runs: neighbouring vectors read neighbouring entries, or all of them the padding. */
export function runsOf(offsets: Int32Array): Int32Array {
  const known = knownRuns.get(offsets)
  if (known !== undefined) return known
  const runs: number[] = []
  for (let v = 0; v < offsets.length; ) {
    const offset = offsets[v]!
    let end = v + 1
    let step = 0
    if (end < offsets.length && offset >= 0 && offsets[end]! >= 0) step = offsets[end]! - offset
    if (offset < 0) while (end < offsets.length && offsets[end]! < 0) end++
    else while (end < offsets.length && offsets[end]! >= 0 && offsets[end]! - offsets[end - 1]! === step) end++
    runs.push(end, offset, step)
    v = end
  }
  const found = Int32Array.from(runs)
  knownRuns.set(offsets, found)
  return found
}

/** The runs of vectors first … first + count − 1, counted from `first`. */
export function cutRuns(runs: Int32Array, first: number, count: number): Int32Array {
  const cut = new Int32Array(runs.length)
  const last = first + count
  let used = 0
  let begin = 0
  for (let i = 0; i < runs.length && begin < last; i += runSize) {
    const end = runs[i]!
    if (end > first) {
      const offset = runs[i + 1]!
      const step = runs[i + 2]!
      cut[used] = Math.min(end, last) - first
      cut[used + 1] = offset < 0 ? -1 : offset + (Math.max(begin, first) - begin) * step
      cut[used + 2] = step
      used += runSize
    }
    begin = end
  }
  return cut.subarray(0, used)
}
