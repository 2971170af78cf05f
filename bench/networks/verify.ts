// One network on both engines: the same recorded item through the event engine and through the fast engine (in one and in two threads, and with
// conversions counted by ADC code, which takes it another way), and every number of the results held against each other.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { resolveMachine } from '../../sim/chip/resolve.js'
import { type RunOptions, runDefaults, type VectorChoice } from '../../sim/options.js'
import { silent } from '../../sim/progress.js'
import { recordToFile, runSimulation } from '../../sim/run.js'
import type { RunResult } from '../../traces/results/result.js'
import { writeNpy } from '../../traces/store/npy.js'
import { dataFolder } from './data.js'
import { type Difference, firstDifference } from './difference.js'
import { itemsOf } from './items.js'

export interface Verification {
  readonly name: string
  readonly sha256: string
  readonly layers: number
  /** vectors simulated, and what the item has, over all layers */
  readonly vectors: number
  readonly vectorsTotal: number
  readonly choice: VectorChoice | null
  /** numbers and words of one result that were compared, for each run of the fast engine */
  readonly compared: number
  readonly ouActivations: number
  readonly cycles: number
  /** wall-clock time of each run, placing included */
  readonly seconds: {
    readonly event: number
    readonly fast: number
    readonly twoThreads: number
    readonly codes: number
  }
  /** against the event engine; null: none */
  readonly difference: (Difference & { readonly run: string }) | null
}

/** OU activations, all planes and slices counted, that the event engine gets through in less than a minute on two shared cores. */
const mostActivations = 60e6

/** @param choice vectors to simulate; 'auto': all, or every K-th so that the event engine takes less than about a minute */
export async function verifyNetwork(
  name: string,
  choice: VectorChoice | null | 'auto' = 'auto',
): Promise<Verification> {
  const folder = mkdtempSync(join(tmpdir(), 'cimulator-verify-'))
  try {
    const options = { ...(await recorded(name, folder)), vectors: choice === 'auto' ? null : choice }
    const vectors = choice === 'auto' ? await affordable(options) : choice
    const timed = async (change: Partial<RunOptions>) => {
      const started = performance.now()
      const { result } = await runSimulation({ ...options, vectors, ...change }, silent)
      return { result: result!, seconds: (performance.now() - started) / 1000 }
    }
    const event = await timed({ engine: 'event', threads: 1, adcCodes: true })
    const fast = await timed({ threads: 1 })
    const twoThreads = await timed({ threads: 2 })
    const codes = await timed({ threads: 2, adcCodes: true })
    return verification(name, vectors, event, { fast, twoThreads, codes })
  } finally {
    rmSync(folder, { recursive: true })
  }
}

interface Timed {
  readonly result: RunResult
  readonly seconds: number
}

function verification(
  name: string,
  choice: VectorChoice | null,
  event: Timed,
  runs: { readonly fast: Timed; readonly twoThreads: Timed; readonly codes: Timed },
): Verification {
  const { layers, network } = event.result
  const sum = (f: (layer: RunResult['layers'][number]) => number) =>
    layers.reduce((total, layer) => total + f(layer), 0)
  const plain = withoutCodes(event.result)
  const compared = [
    { run: 'fast, 1 thread', ...compareResults(plain, runs.fast.result) },
    { run: 'fast, 2 threads', ...compareResults(plain, runs.twoThreads.result) },
    { run: 'fast, ADC codes', ...compareResults(event.result, runs.codes.result) },
  ]
  const wrong = compared.find(({ difference }) => difference !== null)
  return {
    name,
    sha256: network.sha256,
    layers: layers.length,
    vectors: sum((layer) => layer.vectors),
    vectorsTotal: sum((layer) => layer.vectorsTotal),
    choice,
    compared: compared.at(-1)!.compared,
    ouActivations: sum((layer) => layer.timing.ouActivations),
    cycles: sum((layer) => layer.timing.cycles),
    seconds: {
      event: event.seconds,
      fast: runs.fast.seconds,
      twoThreads: runs.twoThreads.seconds,
      codes: runs.codes.seconds,
    },
    difference: wrong === undefined ? null : { run: wrong.run, ...wrong.difference! },
  }
}

/** What the run would have given without --adc-codes. */
function withoutCodes(result: RunResult): RunResult {
  const layers = result.layers.map((layer) => {
    const actions = { ...layer.timing.actions, adcCodes: new Float64Array(0) }
    return { ...layer, timing: { ...layer.timing, actions } }
  })
  return { ...result, layers }
}

/** Everything but the name of the engine; layers by their names. */
export function compareResults(a: RunResult, b: RunResult) {
  const named = ({ engine: _, layers, ...rest }: RunResult) => ({
    ...rest,
    layers: Object.fromEntries(layers.map((layer) => [`${layer.index} ${layer.name}`, layer])),
  })
  return firstDifference(named(a), named(b))
}

/** Records the first item of the network's evaluation set. */
async function recorded(name: string, folder: string): Promise<RunOptions> {
  const array = [...itemsOf(name, 1)[0]!.values()][0]!
  const inputs = join(folder, 'inputs.npy')
  const trace = join(folder, 'trace.npz')
  writeFileSync(inputs, writeNpy({ shape: array.shape, data: array.data as unknown as Float32Array }))
  const { machine } = resolveMachine('wu2024', [])
  const model = join(dataFolder!, 'models', `${name}.onnx`)
  const { signal } = new AbortController()
  const base = { model, labels: null, machine, limit: null, signal }
  await recordToFile({ ...base, inputs, out: trace, force: false, pack: false }, silent)
  return { ...runDefaults, ...base, trace, engine: 'fast' }
}

async function affordable(options: RunOptions): Promise<VectorChoice | null> {
  const { plan } = await runSimulation({ ...options, dryRun: true }, silent)
  const k = Math.ceil(plan.layers.reduce((sum, layer) => sum + layer.fullActivations, 0) / mostActivations)
  return k <= 1 ? null : { kind: 'every', k }
}
