// Whole runs for programs: simulate, put other prices on what was counted, write the run directory.
import { SimFault, SpecError } from '../../models/base/errors.js'
import type { Network } from '../../models/nn/types.js'
import { differences } from '../../traces/results/compare.js'
import { writeRunDirectory } from '../../traces/results/directory.js'
import type { RunResult } from '../../traces/results/result.js'
import { type PricedRun, priceRun } from '../chip/priced.js'
import type { Machine } from '../chip/spec.js'
import { manifestInfo } from '../manifest.js'
import { silent } from '../progress.js'
import { runSimulation } from '../run.js'
import { resolveMachine } from './machine.js'
import { type RunRequest, runOptions } from './request.js'

/** A finished run. */
export interface Run {
  readonly result: RunResult
  /** as it was simulated and priced */
  readonly machine: Machine
  readonly network: Network
  /** what `price` and `writeRun` need beside; its contents are no part of the interface */
  readonly counts: Counts
}

declare const inside: unique symbol
export interface Counts {
  readonly [inside]: Kept
}

interface Kept {
  readonly counted: PricedRun
  readonly streams: readonly string[]
  readonly started: number
}

/**
 * Simulates a network: records its activations (or replays a trace), maps and simulates every layer, and prices the counts. With no request:
 * the embedded network on all its inputs, on the preset wu2024. Nothing is written.
 * @throws SpecError for what cannot be asked, read or built; ModelError for networks; CheckFailure when a result is not what it must be;
 * Interrupted
 */
export async function run(request: RunRequest = {}): Promise<Run> {
  const started = Date.now()
  const options = runOptions(request)
  const { counted, network, streams } = await runSimulation(options, request.progress ?? silent)
  if (counted === null) throw new SimFault('a run ended without counts')
  return runOf(network, { counted, streams, started })
}

/**
 * The same run with other prices; nothing is simulated again.
 * @param machine differs from that of the run only in `name`, `description`, `sources`, `clock`, `technology`, `cost`, and in resistances,
 * voltage, pulse and writing energy of `cell`
 * @throws SpecError naming the first other field that differs
 */
export function price(run: Run, machine: Machine): Run {
  const kept = keptOf(run)
  const next = resolveMachine(machine)
  const other = differences(run.machine, next, []).find(({ name }) => !isPrice(name))
  if (other !== undefined)
    throw new SpecError(
      `price: ${other.name} is ${JSON.stringify(other.b)}, the run was simulated with ${JSON.stringify(other.a)}; only prices may differ (${prices.join(', ')}): run it again`,
    )
  const { counted } = kept
  return runOf(run.network, { ...kept, counted: { ...counted, options: { ...counted.options, machine: next } } })
}

/** Fields that no count depends on. */
const prices = [
  ...['name', 'description', 'sources', 'clock', 'technology', 'cost'],
  ...['cell.rOnOhm', 'cell.rOffOhm', 'cell.readV', 'cell.readNs', 'cell.writePj'],
]

function isPrice(path: string): boolean {
  return prices.some((field) => path === field || path.startsWith(`${field}.`))
}

/**
 * Writes the run directory (docs/results.md), whole or not at all: the same bytes as `cimulator run --out`, but for environment.json.
 * @param options.force replace an existing run directory
 * @throws SpecError when the folder exists (without force), holds anything but a run, or cannot be written
 */
export async function writeRun(folder: string, run: Run, options: { readonly force?: boolean } = {}): Promise<void> {
  const { counted, streams, started } = keptOf(run)
  const info = manifestInfo({ ...counted.options, out: folder }, streams, started)
  await writeRunDirectory(folder, run.result, info, new Map(), { force: options.force === true })
}

function runOf(network: Network, kept: Kept): Run {
  const { counted } = kept
  return {
    result: priceRun(counted),
    machine: counted.options.machine,
    network,
    counts: kept as unknown as Counts,
  }
}

function keptOf(run: Run): Kept {
  const kept = run.counts as unknown as Kept | undefined
  if (kept?.counted === undefined) throw new SpecError('expected what run() gave; this object has no counts')
  return kept
}
