// The exact fast engine: zero flags by ORs over streams, then one look-up in an automaton per OU (or plane of a window) and pass. Every
// counter equals the event engine's; what it cannot treat exactly it must refuse (nothing in a machine description today).
import { finished } from '../../../models/base/steps.js'
import type { MacroResult } from '../../../traces/results/result.js'
import type { TallyContext } from '../../stages/tally.js'
import { groupsOf } from '../event.js'
import { type ActivationStreams, blocksOf } from './blocks.js'
import { addDigitSums } from './digits.js'
import { createFeedRun } from './feed-run.js'
import type { Streams } from './kernels/kernels.js'
import { type BackTotals, createFastMacro, type FastLayer, type FastMacro } from './macro.js'
import type { TabulatedRun } from './run.js'
import { createWindowRun } from './window-run.js'
import type { Wave, Workspace } from './workspace.js'

export interface FastOptions {
  /** told of every block of activations, once a matrix and pass: the value path */
  readonly onBlock: ((matrix: number, block: Streams, first: number) => void) | null
  /** told now and then of the passes done, over all groups */
  readonly onPass: ((passes: number) => void) | null
}

export interface FastResult {
  readonly macros: readonly MacroResult[]
  readonly totals: readonly BackTotals[]
  /** per matrix and row: Σ of the digits of its codes over all passes */
  readonly digitSums: readonly Float64Array[]
}

/** @param macros number of pipelines; group g runs on macro g mod macros */
export function runFast(
  layer: FastLayer,
  space: Workspace,
  ctx: Pick<TallyContext, 'work'>,
  macros: number,
  streams: ActivationStreams,
  options: FastOptions,
): FastResult {
  return finished(fastSteps(layer, space, ctx, macros, streams, options))
}

/** `runFast` with pauses between groups. What a layer has tabulated stays for its next item. */
export function* fastSteps(
  layer: FastLayer,
  space: Workspace,
  ctx: Pick<TallyContext, 'work'>,
  macros: number,
  streams: ActivationStreams,
  options: FastOptions,
): Generator<void, FastResult> {
  const { plan } = layer
  const { passes } = space
  const used = Math.min(macros, plan.mapping.groups.length)
  const quick = quickRun(layer, space)
  const runs = Array.from({ length: used }, () => createFastMacro(layer, quick))
  const sums = plan.mapping.matrices.map((matrix) => new Float64Array(matrix.rows))
  const seen = new Set<number>()
  /** Called with every block of every wave; a matrix that lies in several waves counts in the first. */
  const lookOnce = (m: number, block: Streams, first: number): void => {
    if (seen.has(m)) return
    addDigitSums(space.arena, block, sums[m]!, plan.spec.bitsPerStep)
    options.onBlock?.(m, block, first)
    if (first + block.passes === passes) seen.add(m)
  }
  let done = 0
  for (const wave of space.waves) {
    yield* fillFlags(layer, space, wave, streams, lookOnce)
    const flags = { bytes: space.flags, stride: space.flagStride, firstList: wave.firstList }
    for (let g = wave.from; g < wave.to; g++) {
      runs[g % used]!.run(g, flags, { from: 0, to: passes })
      done += passes
      options.onPass?.(done)
      yield
    }
  }
  // A matrix without a single OU drives nothing here, but its digits count for the dense references.
  for (const m of sums.keys()) {
    if (seen.has(m)) continue
    for (const [block, first] of blocksOf(space, m, streams)) lookOnce(m, block, first)
  }
  return { ...resultOf(runs, ctx, macros), digitSums: sums }
}

/** What a layer has tabulated in the memory of a workspace. */
const quickRuns = new WeakMap<Workspace, TabulatedRun | null>()

function quickRun(layer: FastLayer, space: Workspace): TabulatedRun | null {
  let found = quickRuns.get(space)
  if (found === undefined) {
    found = openRun(layer, space)
    quickRuns.set(space, found)
  }
  return found
}

function openRun({ plan, automaton, symbolOf, planesOf, alphabet }: FastLayer, space: Workspace): TabulatedRun | null {
  if (plan.mapping.ous === 0) return null
  if (plan.spec.order === 'ou-bit') return createFeedRun(plan, automaton, symbolOf, planesOf, space)
  return alphabet && createWindowRun(plan, automaton, alphabet, space)
}

function resultOf(runs: readonly FastMacro[], ctx: Pick<TallyContext, 'work'>, macros: number) {
  return {
    macros: runs.map((run, macro) => run.result(macro, groupsOf(ctx, macro, macros))),
    totals: runs.map((run) => run.totals()),
  }
}

function* fillFlags(
  { plan }: FastLayer,
  space: Workspace,
  wave: Wave,
  streams: ActivationStreams,
  onBlock: (matrix: number, block: Streams, first: number) => void,
): Generator<void, void> {
  const { lists, mapping } = plan
  const { arena, flags, flagStride } = space
  for (const m of mapping.matrices.keys()) {
    const from = Math.max(wave.firstList, lists.ofMatrix[m]!)
    const to = Math.min(wave.endList, lists.ofMatrix[m + 1]!)
    if (from >= to) continue
    const { offsets, firstRow } = space.matrices[m]!
    for (const [block, first] of blocksOf(space, m, streams)) {
      for (let list = from; list < to; list++) {
        const at = (list - wave.firstList) * flagStride + first
        arena.orRows(block, offsets, lists.start[list]! - firstRow, lists.start[list + 1]! - firstRow, flags, at)
      }
      onBlock(m, block, first)
      yield
    }
  }
}
