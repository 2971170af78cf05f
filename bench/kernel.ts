// Event kernels in the hold model: a fixed number of events is pending, every event that runs schedules one. 97 % of the delays are
// 1 … 32 cycles, 3 % are 64 … 1063. All contenders must run the events in the same order.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import seedrandom from 'seedrandom'
import { createKernel, type KernelName } from '../sim/kernel/kernel.js'
import { type Benchmark, type Contender, interleaved, type Report, timed } from './harness.js'
import { build, numbersOf } from './native.js'

const sizes = [16, 1024, 65_536]
const operations = 2_000_000
/** Demand: the wheel against js-sdsl at 1 k pending. */
const wheelFactor = 4

export const kernelBenchmark: Benchmark = { name: 'kernel', run: runKernels }

function runKernels(): Report {
  const folder = mkdtempSync(join(tmpdir(), 'cimulator-bench-'))
  try {
    return hold(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function hold(folder: string): Report {
  const delays = holdDelays()
  const file = join(folder, 'delays.bin')
  writeFileSync(file, delays)
  const native = build('hold')
  const text = ['Million events per second, hold model (median, best in brackets; ratios and demands from the best).']
  if ('missing' in native) text.push(`C++ skipped: ${native.missing}.`)
  const rows: string[][] = []
  const failures: string[] = []
  for (const pending of sizes) {
    const sums: number[] = []
    const contenders = [hostKernel('wheel', delays, pending, sums), hostKernel('sdsl', delays, pending, sums)]
    if ('program' in native) contenders.push(nativeKernel(native.program, file, pending, sums))
    const timings = interleaved(contenders)
    if (new Set(sums).size !== 1) failures.push(`${pending} pending: the kernels ran events in different orders`)
    const rate = (seconds: number) => (operations + pending) / seconds / 1e6
    const [wheel, sdsl, cpp] = timings
    const ratio = sdsl!.minS / wheel!.minS
    const cells = timings.map((t) => `${rate(t.medianS).toFixed(1)} (${rate(t.minS).toFixed(1)})`)
    if (cpp === undefined) cells.push('–')
    rows.push([
      String(pending),
      ...cells,
      `${ratio.toFixed(1)}×`,
      cpp ? `${(cpp.minS / wheel!.minS).toFixed(1)}×` : '–',
    ])
    if (pending === 1024 && ratio < wheelFactor)
      failures.push(`wheel is ${ratio.toFixed(2)}× js-sdsl at 1 k pending, wanted ${wheelFactor}×`)
  }
  const head = ['pending', 'wheel', 'js-sdsl', 'C++ `priority_queue`', 'wheel ÷ js-sdsl', 'wheel ÷ C++']
  return { title: 'Event kernel', text, head, rows, failures }
}

/** One run of a kernel; notes a checksum of the order of events. */
function hostKernel(name: KernelName, delays: Int32Array, pending: number, sums: number[]): Contender {
  const run = () => {
    const kernel = createKernel(name)
    let sum = 0
    let done = 0
    let draw = 0
    const id = kernel.register((arg, now) => {
      sum = (Math.imul(sum, 31) + arg) | 0
      if (done++ < operations) kernel.at(now + delays[draw++ & 0xffff]!, id, arg)
    })
    const seconds = timed(() => {
      for (let i = 0; i < pending; i++) kernel.at(delays[draw++ & 0xffff]!, id, i)
      kernel.run()
    })
    sums.push(sum >>> 0)
    return seconds
  }
  return { name, run }
}

function nativeKernel(program: string, file: string, pending: number, sums: number[]): Contender {
  const run = () => {
    const [seconds, sum] = numbersOf(program, [file, pending, operations])
    sums.push(sum!)
    return seconds!
  }
  return { name: 'c++', run }
}

function holdDelays(): Int32Array {
  const random = seedrandom.alea('hold model')
  const draw = () => (random() < 0.97 ? 1 + Math.floor(random() * 32) : 64 + Math.floor(random() * 1000))
  return Int32Array.from({ length: 1 << 16 }, draw)
}
