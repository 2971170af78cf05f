// The built command line on whole networks: how a run gains by threads, and how much memory its process takes at most.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { writeNpy } from '../traces/store/npy.js'
import type { Benchmark, Report } from './harness.js'
import { root } from './native.js'
import { seed, topologyFile } from './topologies/build.js'
import { input, type Topology } from './topologies/graph.js'
import { images } from './topologies/images.js'
import { resnet18, resnet50, vgg16 } from './topologies/networks.js'

const pruned = 0.7
/** Runs over several images. The demands are on the first; more images show how it goes on when the engine is compiled in every thread. */
const streams = [
  { name: 'ResNet-50', topology: resnet50, items: 8 },
  { name: 'ResNet-50', topology: resnet50, items: 32 },
  { name: 'ResNet-18', topology: resnet18, items: 8 },
  { name: 'ResNet-18', topology: resnet18, items: 64 },
]
const repetitions = 3
/** Demands: simulation with one thread ÷ with so many. */
const least = new Map([
  [2, 1.6],
  [4, 2.5],
])
const mostGiB = 1.3

export const threadsBenchmark: Benchmark = { name: 'threads', run: measureThreads }
export const memoryBenchmark: Benchmark = { name: 'memory', run: measureMemory }

async function measureThreads(): Promise<Report> {
  return inFolder(async (folder) => {
    const files = new Map<Topology, { readonly model: string; readonly trace: string }>()
    for (const { topology } of streams)
      if (!files.has(topology)) files.set(topology, await record(folder, topology, mostItems(topology)))
    const settings = [1, ...least.keys()].filter((threads) => threads <= availableParallelism())
    const free = await freeCores()
    const failures: string[] = []
    const rows: string[][] = []
    for (const [number, { name, topology, items }] of streams.entries()) {
      const { model, trace } = files.get(topology)!
      const run = async (threads: number, more: readonly string[]) => {
        const asked = ['--threads', `${threads}`, '--limit', `${items}`, ...more]
        return (await cimulator(['run', model, '--trace', trace, ...asked])).seconds
      }
      const measured = await inTurns(settings, run)
      const gains = measured.map(({ simulation }) => measured[0]!.simulation / simulation)
      for (const [s, threads] of settings.entries()) {
        const wanted = number === 0 ? least.get(threads) : undefined
        const judged = free >= threads - 0.5
        const gain = `${gains[s]!.toFixed(2)}×`
        if (wanted !== undefined && judged && gains[s]! < wanted)
          failures.push(`${threads} threads: ${gain}, wanted ≥ ${wanted}×`)
        const { whole, simulation } = measured[s]!
        rows.push([
          name,
          `${items}`,
          `${threads}`,
          whole.toFixed(1),
          simulation.toFixed(1),
          wanted !== undefined && !judged ? `${gain} (cores were busy)` : gain,
          `${(measured[0]!.whole / whole).toFixed(2)}×`,
        ])
      }
    }
    const text = [
      `\`cimulator run\` at 224 × 224, ${pruned * 100} % of the rows of every OU column pruned, recorded images, values on; least of ${repetitions} runs. ` +
        `Simulation = the whole command less one with --dry-run in as many threads, which loads the network and places its layers.`,
    ]
    const head = [
      'network',
      'images',
      'threads',
      'whole command s',
      'simulation s',
      'simulation, 1 thread ÷',
      'whole command, 1 thread ÷',
    ]
    return { title: 'Threads', text, head, rows, failures }
  })
}

function mostItems(topology: Topology): number {
  return Math.max(...streams.filter((stream) => stream.topology === topology).map(({ items }) => items))
}

/** Cores that nobody uses, over half a second. */
async function freeCores(): Promise<number> {
  const idleMs = () => cpus().reduce((sum, { times }) => sum + times.idle, 0)
  const before = idleMs()
  await setTimeout(500)
  return (idleMs() - before) / 500
}

/** Least seconds of every setting; one after the other, round by round, so that a busy machine slows all of them alike. */
async function inTurns(
  settings: readonly number[],
  run: (threads: number, more: readonly string[]) => Promise<number>,
): Promise<{ readonly whole: number; readonly simulation: number }[]> {
  const whole = settings.map(() => Number.POSITIVE_INFINITY)
  const plan = settings.map(() => Number.POSITIVE_INFINITY)
  for (let i = 0; i < repetitions; i++)
    for (const [s, threads] of settings.entries()) {
      whole[s] = Math.min(whole[s]!, await run(threads, []))
      plan[s] = Math.min(plan[s]!, await run(threads, ['--dry-run']))
    }
  return settings.map((_, s) => ({ whole: whole[s]!, simulation: whole[s]! - plan[s]! }))
}

async function measureMemory(): Promise<Report> {
  const text = [
    `Largest resident set (VmHWM) of the process of \`cimulator run\`: VGG-16 at 224 × 224, ${pruned * 100} % of the rows of every OU column pruned, one image, --memory 1GiB, one thread.`,
  ]
  const head = ['activations', 'values', 'GiB', 'seconds']
  const title = 'Memory'
  if (!existsSync('/proc/self/status'))
    return { title, text: [...text, 'Skipped: no /proc on this machine.'], head, rows: [], failures: [] }
  return inFolder(async (folder) => {
    const { model, trace, inputs } = await record(folder, vgg16, 1)
    const common = ['run', model, '--memory', '1GiB', '--threads', '1']
    const failures: string[] = []
    const rows: string[][] = []
    for (const [name, source] of [
      ['from a trace', ['--trace', trace]],
      ['recorded in the same process', ['--inputs', inputs]],
    ] as const) {
      for (const values of ['off', 'on']) {
        const { seconds, peakGiB } = await cimulator([...common, ...source, '--values', values])
        rows.push([name, values, peakGiB.toFixed(2), seconds.toFixed(1)])
        if (peakGiB > mostGiB && source[0] === '--trace')
          failures.push(`VGG-16 ${name}, values ${values}: ${peakGiB.toFixed(2)} GiB, wanted ≤ ${mostGiB}`)
      }
    }
    return { title, text, head, rows, failures }
  })
}

/** Seeded images through the network, recorded by the command line. */
async function record(folder: string, topology: Topology, count: number) {
  const model = await topologyFile(topology, pruned)
  const inputs = join(folder, 'images.npy')
  const trace = join(folder, `${topology.name}.npz`)
  const { shape, data } = images(topology, seed, 0, count).get(input)!
  writeFileSync(inputs, writeNpy({ shape, data: data as Float32Array }))
  await cimulator(['record', model, '--inputs', inputs, '--out', trace])
  return { model, inputs, trace }
}

/** Runs the built command line. */
async function cimulator(args: readonly string[]): Promise<{ seconds: number; peakGiB: number }> {
  const from = process.hrtime.bigint()
  const program = join(root, 'dist', 'sim', 'cli', 'main.js')
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'ignore', 'pipe'] })
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-2000)
  })
  // The mark only ever rises: what the last look misses is what the process grew by in the last moment of its life.
  let peakKiB = 0
  const look = setInterval(() => {
    peakKiB = Math.max(peakKiB, highWater(child.pid!))
  }, 20)
  const [code] = (await once(child, 'exit')) as [number | null]
  clearInterval(look)
  if (code !== 0) throw new Error(`cimulator ${args.join(' ')} ended with ${code}:\n${errors}`)
  return { seconds: Number(process.hrtime.bigint() - from) * 1e-9, peakGiB: peakKiB / 2 ** 20 }
}

function highWater(pid: number): number {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0)
  } catch {
    return 0
  }
}

async function inFolder(work: (folder: string) => Promise<Report>): Promise<Report> {
  const folder = mkdtempSync(join(tmpdir(), 'cimulator-bench-'))
  try {
    return await work(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
