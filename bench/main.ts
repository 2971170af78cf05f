// `npm run bench [-- FILTER] [-- --write]`: runs the benchmarks whose name contains FILTER, each in a process of its own (code that one
// has warmed up or spoilt is not the next one's), prints their tables, and fails when a demand is not met. --write also puts the tables into
// docs/performance.md.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { memoryBenchmark, threadsBenchmark } from './commands.js'
import { enginesBenchmark } from './engines.js'
import { fastNativeBenchmark } from './fast-native.js'
import { type Benchmark, markdown, type Report } from './harness.js'
import { imagesBenchmark, trainedBenchmark } from './images.js'
import { kernelBenchmark } from './kernel.js'
import { root } from './native.js'
import { pipelineBenchmark } from './pipeline.js'
import { remapBenchmark } from './remap.js'
import { valuesBenchmark } from './values.js'

const benchmarks: readonly Benchmark[] = [
  kernelBenchmark,
  pipelineBenchmark,
  enginesBenchmark('ou-bit'),
  enginesBenchmark('window-bit'),
  fastNativeBenchmark,
  valuesBenchmark,
  remapBenchmark,
  imagesBenchmark,
  trainedBenchmark,
  threadsBenchmark,
  memoryBenchmark,
]

const args = process.argv.slice(2)
const [own, file] = args[0] === '--child' ? args.slice(1) : []
if (own !== undefined) writeFileSync(file!, JSON.stringify(await benchmarks.find((b) => b.name === own)!.run()))
else all()

function all(): void {
  const write = args.includes('--write')
  const filter = args.find((arg) => !arg.startsWith('-')) ?? ''
  const chosen = benchmarks.filter((benchmark) => benchmark.name.includes(filter))
  if (chosen.length === 0)
    throw new Error(`no benchmark matches "${filter}": ${benchmarks.map((b) => b.name).join(', ')}`)
  if (write && chosen.length !== benchmarks.length)
    throw new Error('--write needs all benchmarks: leave the filter out')
  const sections: string[] = []
  const failures: string[] = []
  for (const { name } of chosen) {
    const before = loadavg()[0]!
    const report = inOwnProcess(name)
    const load = `Load of the machine before and behind: ${before.toFixed(1)}, ${loadavg()[0]!.toFixed(1)}.`
    sections.push(markdown({ ...report, text: [...report.text, load] }))
    failures.push(...report.failures.map((text) => `${name}: ${text}`))
    process.stdout.write(`${sections.at(-1)}\n`)
  }
  if (write) writeTables(sections)
  for (const failure of failures) process.stderr.write(`bench: FAILED ${failure}\n`)
  if (failures.length > 0) process.exitCode = 1
}

function inOwnProcess(name: string): Report {
  const folder = mkdtempSync(join(tmpdir(), 'cimulator-bench-'))
  try {
    const report = join(folder, 'report.json')
    const argv = [fileURLToPath(import.meta.url), '--child', name, report]
    const { status } = spawnSync(process.execPath, argv, { stdio: ['ignore', 'inherit', 'inherit'] })
    if (status !== 0) throw new Error(`benchmark ${name} ended with ${status}`)
    return JSON.parse(readFileSync(report, 'utf8')) as Report
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Between the two marks of the page. */
function writeTables(tables: readonly string[]): void {
  const page = join(root, 'docs', 'performance.md')
  const [before, rest] = readFileSync(page, 'utf8').split('<!-- tables -->')
  const after = rest?.split('<!-- end -->')[1]
  if (after === undefined) throw new Error(`${page}: no <!-- tables --> … <!-- end -->`)
  const host = `${cpus()[0]?.model.trim() ?? 'unknown CPU'}, ${cpus().length} logical cores, Node ${process.versions.node}`
  const text = [`Machine: ${host}.`, '', ...tables].join('\n')
  writeFileSync(page, `${before}<!-- tables -->\n\n${text}\n<!-- end -->${after}`)
}
