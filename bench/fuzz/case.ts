// What a case of the fuzzer is, and the short run that most of them end with.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { SimFault } from '../../models/base/errors.js'
import { resolveMachine } from '../../sim/chip/resolve.js'
import { type RunOptions, runDefaults } from '../../sim/options.js'
import { silent } from '../../sim/progress.js'
import { runSimulation } from '../../sim/run.js'
import { renderTable } from '../../traces/report/table.js'
import { runFiles } from '../../traces/results/directory.js'
import type { Corpus } from './corpus.js'
import type { Random } from './mutate.js'

export interface FuzzCase {
  readonly kind: string
  /** by name, below the folder of the case */
  readonly files: ReadonlyMap<string, Uint8Array>
  /**
   * @param folder with the files in it
   * @returns whether something was simulated, or the model only read
   */
  run(folder: string): Promise<'run' | 'read'>
}

export type Maker = (corpus: Corpus, random: Random) => FuzzCase

/** A short run; every result is compared with the integer product there, and with onnxruntime's where the network runs. */
export async function check(options: Partial<RunOptions>, arch = 'wu2024'): Promise<'run'> {
  const { machine } = resolveMachine(arch, [])
  const { result } = await runSimulation(
    {
      ...runDefaults,
      vectors: { kind: 'first', n: 2 },
      threads: 1,
      memoryBytes: 2 ** 26,
      check: 'all',
      ...options,
      machine,
      signal: new AbortController().signal,
    },
    silent,
  )
  if (result === null) throw new SimFault('a run without a result')
  for (const { name, timing, values } of result.layers) {
    const sound = Number.isInteger(timing.cycles) && timing.cycles > 0 && values?.losslessMismatches === 0
    if (!sound) throw new SimFault(`layer ${name}: ${timing.cycles} cycles, ${values?.losslessMismatches} mismatches`)
  }
  const odd = notFinite(result, 'result')
  if (odd !== null) throw new SimFault(`${odd} is not finite`)
  runFiles(result, { version: '0', configuration: machine, seeds: {}, request: {}, environment: {} }, new Map())
  renderTable(result, { width: 120, color: false })
  return 'run'
}

/** Path of the first number that is NaN or ∞, or null. A ratio in dB of nothing to something is −∞. */
function notFinite(value: unknown, path: string): string | null {
  if (typeof value === 'number') return value < Number.POSITIVE_INFINITY ? null : path
  if (typeof value !== 'object' || value === null) return null
  for (const [key, part] of Object.entries(value)) {
    const found = notFinite(part, `${path}.${key}`)
    if (found !== null) return found
  }
  return null
}

export function writeCase({ files }: FuzzCase, folder: string): void {
  for (const [name, bytes] of files) {
    const path = join(folder, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, bytes)
  }
}
