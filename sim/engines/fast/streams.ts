// Where the fast engine gets its activations from.
import type { Gather } from '../../../models/nn/gather.js'
import { zeroPointOf } from '../../../models/nn/lower.js'
import type { CodedTensor } from '../../../models/nn/types.js'
import type { LayerWork } from '../../stages/context.js'
import type { ActivationStreams } from './blocks.js'
import { copiedStreams } from './copied-streams.js'
import { cutRuns, runSize, runsOf } from './runs.js'
import type { CopySpace } from './workspace.js'

/** The same bytes that the event engine reads, transposed. */
export function streamsOf(work: Pick<LayerWork, 'codes' | 'mapping'>): ActivationStreams {
  return {
    pads: false,
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
 * @param space where the blocks of activations are, if kernels may copy them; it then holds this item until the next one
 */
export function tensorStreams(
  gathers: readonly Gather[],
  tensor: CodedTensor,
  item: number,
  space: CopySpace | null = null,
): ActivationStreams {
  const size = tensor.shape.reduce((a, b) => a * b, 1)
  const codes = tensor.codes.subarray(item * size, (item + 1) * size)
  const pad = zeroPointOf(tensor, item)
  const split = tensor.form === 'split'
  let cut = { taps: [] as Gather['taps'], first: 0, passes: 0, runs: [] as Int32Array[] }
  const plain: ActivationStreams = {
    pads: false,
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
  if (space === null || codes instanceof Int16Array) return plain
  return copiedStreams(gathers, codes, pad, space, plain) ?? plain
}

/** Neighbours from which on it pays to copy them at once, by way of an array of their own. */
const longRun = 192

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
