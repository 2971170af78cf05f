// Streams from the recorded tensor by a kernel: the tensor is copied into the memory of the kernels once an item, and the rows from there.
import type { Gather } from '../../../models/nn/gather.js'
import type { ActivationStreams } from './blocks.js'
import { cutRuns, runSize, runsOf } from './runs.js'
import type { CopySpace } from './workspace.js'

/**
 * @param plain copies what has no room in a recipe
 * @returns null: the workspace has no room for the tensor, or its kernels do not copy
 */
export function copiedStreams(
  gathers: readonly Gather[],
  codes: Uint8Array | Int8Array,
  pad: number,
  { arena, input, recipe }: CopySpace,
  plain: ActivationStreams,
): ActivationStreams | null {
  const { copyRows } = arena
  if (copyRows === null || input.length < codes.length) return null
  input.set(new Uint8Array(codes.buffer, codes.byteOffset, codes.length))
  // Runs lie in the first half of the memory of recipes, rows in the second.
  const half = recipe.length / 2
  let runs: Int32Array | null = null
  let rows: Int32Array | null = null
  return {
    pads: true,
    fill(matrix, first, passes, into, stride) {
      const gather = gathers[matrix]!
      const wanted = runsOfTaps(gather.taps, first, passes, pad)
      const wantedRows = rowsOf(gather)
      if (wanted.length > half || wantedRows.length > half || into.buffer !== recipe.buffer) {
        plain.fill(matrix, first, passes, into, stride)
        for (let row = 0, at = passes; row < gather.rows; row++, at += stride) into.fill(0, at, at + behind(passes))
        return
      }
      if (wanted !== runs) recipe.set(wanted)
      if (wantedRows !== rows) recipe.set(wantedRows, half)
      runs = wanted
      rows = wantedRows
      copyRows(recipe, { from: half, to: half + wantedRows.length }, input, into, stride)
    },
  }
}

/** Bytes to the next multiple of 64. */
function behind(passes: number): number {
  return (64 - (passes % 64)) % 64
}

interface TapRuns {
  readonly passes: number
  readonly pad: number
  readonly words: Int32Array
}

/** By the taps of a layer and the first pass of a block: the same for every item. */
const knownRuns = new WeakMap<Gather['taps'], Map<number, TapRuns>>()

/** Addresses of the runs of every tap, and the runs, closed by zeros up to a multiple of 64. */
function runsOfTaps(taps: Gather['taps'], first: number, passes: number, pad: number): Int32Array {
  let blocks = knownRuns.get(taps)
  if (blocks === undefined) {
    blocks = new Map()
    knownRuns.set(taps, blocks)
  }
  const known = blocks.get(first)
  if (known !== undefined && known.passes === passes && known.pad === pad) return known.words
  const cuts = taps.map((offsets) => cutRuns(runsOf(offsets), first, passes))
  const total = cuts.reduce((sum, cut) => sum + cut.length + runSize + 1, taps.length)
  const words = new Int32Array(total)
  let at = taps.length
  for (const [tap, cut] of cuts.entries()) {
    words[tap] = 4 * at
    let begin = 0
    for (let i = 0; i < cut.length; i += runSize, at += runSize) {
      const end = cut[i]!
      const offset = cut[i + 1]!
      words[at] = end - begin
      words[at + 1] = offset
      words[at + 2] = offset < 0 ? pad : cut[i + 2]!
      begin = end
    }
    if (behind(passes) > 0) {
      words.set([behind(passes), -1, 0], at)
      at += runSize
    }
    at++
  }
  blocks.set(first, { passes, pad, words })
  return words
}

const knownRows = new WeakMap<Gather, Int32Array>()

/** Address of the address of a row's runs, and where it begins in the tensor. */
function rowsOf(gather: Gather): Int32Array {
  const known = knownRows.get(gather)
  if (known !== undefined) return known
  const words = new Int32Array(2 * gather.rows)
  for (let row = 0; row < gather.rows; row++) {
    words[2 * row] = 4 * gather.tapOf[row]!
    words[2 * row + 1] = gather.baseOf[row]!
  }
  knownRows.set(gather, words)
  return words
}
