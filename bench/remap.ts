// The search for a large layer, 4608 × 512 (the largest 3 × 3 convolution of ResNet-18), on two threads, with what the machine's description
// allows it to spend.
import seedrandom from 'seedrandom'
import { stripJobs } from '../models/mapping/search.js'
import type { WeightMatrix } from '../models/nn/types.js'
import { mapSpec } from '../sim/chip/parts.js'
import { resolveMachine } from '../sim/chip/resolve.js'
import { searchPool } from '../sim/threads/strips.js'
import type { Benchmark, Report } from './harness.js'

const [rows, cols] = [4608, 512]
const sparsity = 0.75
const threads = 2
/** Demand: seconds for the layer, whatever β. */
const mostS = 20

export const remapBenchmark: Benchmark = { name: 'remap', run: measure }

async function measure(): Promise<Report> {
  const table: string[][] = []
  const failures: string[] = []
  for (const [beta, remapper] of [
    [1, 'genetic'],
    [2, 'genetic'],
    [4, 'genetic'],
    [4, 'matching'],
  ] as const) {
    const { machine } = resolveMachine('wu2024', [`block=${beta}`, `mapping.remapper=${remapper}`])
    const found = stripJobs([layer(beta)], mapSpec(machine, 'machine'), 'layer')
    const jobs = found.filter((job) => job !== null)
    const pool = searchPool(threads)
    const cpu = process.cpuUsage()
    const from = process.hrtime.bigint()
    const results = await pool.run(jobs)
    const seconds = Number(process.hrtime.bigint() - from) * 1e-9
    const { user, system } = process.cpuUsage(cpu)
    await pool.close()
    const cpuS = (user + system) * 1e-6
    if (cpuS / threads > mostS)
      failures.push(
        `β = ${beta}, ${remapper}: ${cpuS.toFixed(1)} s of ${threads} processors, at most ${mostS} s each wanted`,
      )
    const [before, after] = [results.reduce((s, r) => s + r.before, 0), results.reduce((s, r) => s + r.after, 0)]
    const gain = before === 0 ? '–' : `${(after / before).toFixed(3)}×`
    table.push([
      `${beta}`,
      remapper,
      `${jobs.length}`,
      seconds.toFixed(2),
      cpuS.toFixed(2),
      `${before}`,
      `${after}`,
      gain,
    ])
  }
  const text =
    `${rows} × ${cols} weights, ${sparsity * 100} % of the blocks of β zero, blocks of different density; strips of 64 outputs × 128 rows; \`mapping.search\` as it is by default; ${threads} threads. ` +
    `Demand: at most ${mostS} s of processor time for each thread (a busy machine stretches the other time).`
  return {
    title: 'Remapping a large layer',
    text: [text],
    head: ['β', 'remapper', 'strips', 's', 'processor s', 'all-zero OU rows before', 'after', 'gain'],
    rows: table,
    failures,
  }
}

/** Blocks whose share of zeros varies from 55 to 95 %: what remapping lives on. */
function layer(beta: number): WeightMatrix {
  const random = seedrandom.alea(`remap benchmark ${beta}`)
  const e = new Int16Array(rows * cols)
  const share = Float64Array.from({ length: cols / beta }, () => sparsity + 0.4 * (random() - 0.5))
  for (let r = 0; r < rows; r++)
    for (let q = 0; q < cols / beta; q++)
      if (random() >= share[q]!) e.fill(1, r * cols + q * beta, r * cols + (q + 1) * beta)
  return { rows, cols, e, diagonal: null }
}
