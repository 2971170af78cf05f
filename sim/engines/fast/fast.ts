// The exact fast engine: zero flags by ORs over streams, then one look-up in an automaton per OU (or plane of a window) and pass. Every
// counter equals the event engine's; what it cannot treat exactly it must refuse (nothing in a machine description today).
import type { ArrayGroup } from '../../../models/mapping/mapping.js'
import type { MacroResult } from '../../../traces/results/result.js'
import type { TallyContext } from '../../stages/tally.js'
import { groupsOf } from '../event.js'
import { type ActivationBlock, addDigitSums, orRows } from './flags.js'
import type { FlagBlock } from './front.js'
import { type BackTotals, createFastMacro, type FastLayer, type FastMacro } from './macro.js'
import type { FastPlan } from './plan.js'
import type { ActivationStreams } from './streams.js'

export interface FastOptions {
  /** bytes that flags and blocks of activations may take together */
  readonly memoryBytes: number
  /** told of every block of activations, once a matrix and pass: the value path */
  readonly onBlock?: (matrix: number, block: ActivationBlock, first: number) => void
  /** told now and then of the passes done, over all groups */
  readonly onPass: ((passes: number) => void) | null
}

export interface FastResult {
  readonly macros: readonly MacroResult[]
  readonly totals: readonly BackTotals[]
  /** per matrix and row: Σ of the digits of its codes over all passes */
  readonly digitSums: readonly Float64Array[]
}

/** Bytes of a block of activations that stay in a second-level cache. */
const blockBytes = 1 << 19

/** @param macros number of pipelines; group g runs on macro g mod macros */
export function runFast(
  layer: FastLayer,
  ctx: Pick<TallyContext, 'work'>,
  macros: number,
  streams: ActivationStreams,
  options: FastOptions,
): FastResult {
  const steps = fastSteps(layer, ctx, macros, streams, options)
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}

/** `runFast` with pauses between groups. What a layer has tabulated stays for its next item. */
export function* fastSteps(
  layer: FastLayer,
  ctx: Pick<TallyContext, 'work'>,
  macros: number,
  streams: ActivationStreams,
  options: FastOptions,
): Generator<void, FastResult> {
  const { plan } = layer
  const { groups } = plan.mapping
  const { passes } = ctx.work
  const used = Math.min(macros, groups.length)
  const runs = Array.from({ length: used }, () => createFastMacro(layer))
  const stride = flagStride(passes)
  const sums = plan.mapping.matrices.map((matrix) => new Float64Array(matrix.rows))
  const seen = new Set<number>()
  /** Called with every block of every wave; a matrix that lies in several waves counts in the first. */
  const lookOnce = (m: number, block: ActivationBlock, first: number): void => {
    if (seen.has(m)) return
    addDigitSums(block, sums[m]!, plan.spec.bitsPerStep)
    options.onBlock?.(m, block, first)
    if (first + block.passes === passes) seen.add(m)
  }
  let done = 0
  for (const wave of waves(plan, stride, options.memoryBytes)) {
    const flags = fillFlags(plan, wave, passes, stride, streams, options.memoryBytes, lookOnce)
    yield
    for (let g = wave.from; g < wave.to; g++) {
      runs[g % used]!.run(g, flags, { from: 0, to: passes })
      done += passes
      options.onPass?.(done)
      yield
    }
  }
  // A matrix without a single OU drives nothing here, but its digits count for the dense references.
  for (const m of sums.keys())
    if (!seen.has(m))
      eachBlock(plan, m, passes, streams, options.memoryBytes, (block, first) => lookOnce(m, block, first))
  return { ...resultOf(runs, ctx, macros), digitSums: sums }
}

function resultOf(runs: readonly FastMacro[], ctx: Pick<TallyContext, 'work'>, macros: number) {
  return {
    macros: runs.map((run, macro) => run.result(macro, groupsOf(ctx, macro, macros))),
    totals: runs.map((run) => run.totals()),
  }
}

/** Distance of the flags of two lists: an odd number of cache lines, so that a column of flags does not fall into one set. */
function flagStride(passes: number): number {
  return (Math.ceil(passes / 64) | 1) * 64
}

interface Wave {
  readonly from: number
  readonly to: number
  readonly firstList: number
  readonly endList: number
}

/** Runs of groups whose flags fit into memory together. */
function waves(plan: FastPlan, stride: number, memoryBytes: number): Wave[] {
  const found: Wave[] = []
  for (const [g, group] of plan.mapping.groups.entries()) {
    const [first, end] = listRange(plan, group)
    const open = found.at(-1)
    const firstList = Math.min(open?.firstList ?? first, first)
    const endList = Math.max(open?.endList ?? end, end)
    if (open !== undefined && (endList - firstList) * stride <= memoryBytes)
      found[found.length - 1] = { from: open.from, to: g + 1, firstList, endList }
    else found.push({ from: g, to: g + 1, firstList: first, endList: end })
  }
  return found
}

function listRange({ mapping, listOf }: FastPlan, group: ArrayGroup): [number, number] {
  let first = Number.POSITIVE_INFINITY
  let end = 0
  for (let ou = mapping.windowStart[group.firstWindow]!; ou < mapping.windowStart[group.endWindow]!; ou++) {
    first = Math.min(first, listOf[ou]!)
    end = Math.max(end, listOf[ou]! + 1)
  }
  return [first, end]
}

function fillFlags(
  plan: FastPlan,
  wave: Wave,
  passes: number,
  stride: number,
  streams: ActivationStreams,
  memoryBytes: number,
  onBlock: (matrix: number, block: ActivationBlock, first: number) => void,
): FlagBlock {
  const { lists, mapping } = plan
  const bytes = new Uint8Array((wave.endList - wave.firstList) * stride)
  for (const m of mapping.matrices.keys()) {
    const from = Math.max(wave.firstList, lists.ofMatrix[m]!)
    const to = Math.min(wave.endList, lists.ofMatrix[m + 1]!)
    if (from >= to) continue
    const into = bytes.subarray((from - wave.firstList) * stride)
    eachBlock(plan, m, passes, streams, memoryBytes, (block, first) => {
      orRows(block, lists, from, to, into, stride, first)
      onBlock(m, block, first)
    })
  }
  return { bytes, stride, firstList: wave.firstList }
}

/** The activations of a matrix, in blocks that stay in a cache. */
function eachBlock(
  { mapping }: FastPlan,
  m: number,
  passes: number,
  streams: ActivationStreams,
  memoryBytes: number,
  visit: (block: ActivationBlock, first: number) => void,
): void {
  const { rows } = mapping.matrices[m]!
  const most = Math.max(64, Math.floor(Math.min(blockBytes, memoryBytes) / rows / 64) * 64)
  const stride = Math.min(most, Math.ceil(passes / 64) * 64)
  const bytes = new Uint8Array(rows * stride)
  for (let first = 0; first < passes; first += stride) {
    const count = Math.min(stride, passes - first)
    streams.fill(m, first, count, bytes, stride)
    visit({ bytes, stride, passes: count }, first)
  }
}
