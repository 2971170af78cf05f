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
  return {
    fill(matrix, first, passes, into, stride) {
      const { rows, taps, tapOf, baseOf } = gathers[matrix]!
      for (let row = 0; row < rows; row++) {
        const offsets = taps[tapOf[row]!]!
        if (split) fillSplit(codes, offsets, baseOf[row]!, pad, first, passes, into, row * stride)
        else fillRow(codes, offsets, baseOf[row]!, pad, first, passes, into, row * stride)
      }
    },
  }
}

function fillRow(
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
    const offset = offsets[first + i]!
    into[to + i] = offset < 0 ? pad : codes[base + offset]!
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
