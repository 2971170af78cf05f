// Activations row by row, a block of passes at a time: where the fast engine gets its bytes from.
import type { Gather } from '../../../models/nn/gather.js'
import { zeroPointOf } from '../../../models/nn/lower.js'
import type { CodedTensor } from '../../../models/nn/types.js'
import type { LayerWork } from '../../stages/context.js'

export interface ActivationStreams {
  /** Writes bytes of (row, pass first + i) of a matrix to into[row · stride + i] for i < passes. */
  fill(matrix: number, first: number, passes: number, into: Uint8Array, stride: number): void
}

/** The same bytes that the event engine reads, transposed. */
export function streamsOf(work: Pick<LayerWork, 'codes' | 'mapping'>): ActivationStreams {
  return {
    fill(matrix, first, passes, into, stride) {
      const { rows } = work.mapping.matrices[matrix]!
      const codes = work.codes[matrix]!
      for (let i = 0; i < passes; i++) {
        const from = (first + i) * rows
        for (let row = 0, at = i; row < rows; row++, at += stride) into[at] = codes[from + row]!
      }
    },
  }
}

/**
 * Straight from the recorded tensor of one item, without forming vectors first.
 * @param gathers one per matrix, for the chosen vectors
 */
export function tensorStreams(gathers: readonly Gather[], tensor: CodedTensor, item: number): ActivationStreams {
  const size = tensor.shape.reduce((a, b) => a * b, 1)
  const codes = tensor.codes.subarray(item * size, (item + 1) * size)
  const pad = zeroPointOf(tensor, item)
  const split = tensor.form === 'split'
  let cut = { taps: [] as Gather['taps'], first: 0, passes: 0, runs: [] as Int32Array[] }
  return {
    fill(matrix, first, passes, into, stride) {
      const { rows, taps, tapOf, baseOf } = gathers[matrix]!
      if (split) {
        for (let row = 0; row < rows; row++)
          fillSplit(codes, taps[tapOf[row]!]!, baseOf[row]!, pad, first, passes, into, row * stride)
        return
      }
      // The groups of a convolution share their taps.
      if (cut.taps !== taps || cut.first !== first || cut.passes !== passes)
        cut = { taps, first, passes, runs: taps.map((offsets) => cutRuns(runsOf(offsets), first, passes)) }
      const { runs } = cut
      for (let row = 0; row < rows; row++) fillRow(codes, runs[tapOf[row]!]!, baseOf[row]!, pad, into, row * stride)
    },
  }
}

/** Neighbours from which on it pays to copy them at once, by way of an array of their own. */
const longRun = 192

/** Numbers of a run: first vector behind it, offset of its first vector (−1 = padding), distance of the next. */
const runSize = 3

const knownRuns = new WeakMap<Int32Array, Int32Array>()

/** Offsets of a tap as runs: neighbouring vectors read neighbouring entries, or all of them the padding. */
function runsOf(offsets: Int32Array): Int32Array {
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
function cutRuns(runs: Int32Array, first: number, count: number): Int32Array {
  const cut: number[] = []
  let begin = 0
  for (let i = 0; i < runs.length && begin < first + count; i += runSize) {
    const [end, offset, step] = [runs[i]!, runs[i + 1]!, runs[i + 2]!]
    if (end > first) {
      const from = Math.max(begin, first)
      cut.push(Math.min(end, first + count) - first, offset < 0 ? -1 : offset + (from - begin) * step, step)
    }
    begin = end
  }
  return Int32Array.from(cut)
}

function fillRow(
  codes: CodedTensor['codes'],
  runs: Int32Array,
  base: number,
  pad: number,
  into: Uint8Array,
  to: number,
): void {
  let at = to
  for (let i = 0; i < runs.length; i += runSize) {
    const end = to + runs[i]!
    const offset = runs[i + 1]!
    if (offset < 0) for (; at < end; at++) into[at] = pad
    else {
      const step = runs[i + 2]!
      let from = base + offset
      if (step === 1 && end - at >= longRun) {
        into.set(codes.subarray(from, from + end - at), at)
        at = end
      }
      for (; at + 3 < end; at += 4, from += 4 * step) {
        const second = codes[from + step]!
        const third = codes[from + 2 * step]!
        const fourth = codes[from + 3 * step]!
        into[at] = codes[from]!
        into[at + 1] = second
        into[at + 2] = third
        into[at + 3] = fourth
      }
      for (; at < end; at++, from += step) into[at] = codes[from]!
    }
  }
}

/** Two passes a vector: the positive part, then the negative one. */
function fillSplit(
  codes: CodedTensor['codes'],
  offsets: Int32Array,
  base: number,
  pad: number,
  first: number,
  passes: number,
  into: Uint8Array,
  to: number,
): void {
  for (let i = 0; i < passes; i++) {
    const offset = offsets[(first + i) >> 1]!
    const value = offset < 0 ? pad : codes[base + offset]!
    into[to + i] = Math.max(0, ((first + i) & 1) === 0 ? value : -value)
  }
}

/** The same gather for some of the vectors only. */
export function chooseGather(gather: Gather, chosen: Int32Array): Gather {
  if (chosen.length === gather.vectors) return gather
  return { ...gather, vectors: chosen.length, taps: gather.taps.map((tap) => chosen.map((v) => tap[v]!)) }
}
