// `npm run bench [-- FILTER] [-- --write]`: runs the benchmarks whose name contains FILTER, prints their tables, and fails when a
// demand is not met. --write also puts the tables into docs/performance.md.
import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { type Benchmark, markdown } from './harness.js'
import { kernelBenchmark } from './kernel.js'
import { root } from './native.js'
import { pipelineBenchmark } from './pipeline.js'

const benchmarks: readonly Benchmark[] = [kernelBenchmark, pipelineBenchmark]

const args = process.argv.slice(2)
const write = args.includes('--write')
const filter = args.find((arg) => !arg.startsWith('-')) ?? ''
const chosen = benchmarks.filter((benchmark) => benchmark.name.includes(filter))
if (chosen.length === 0)
  throw new Error(`no benchmark matches "${filter}": ${benchmarks.map((b) => b.name).join(', ')}`)
if (write && chosen.length !== benchmarks.length) throw new Error('--write needs all benchmarks: leave the filter out')

const sections: string[] = []
const failures: string[] = []
for (const benchmark of chosen) {
  const report = benchmark.run()
  sections.push(markdown(report))
  failures.push(...report.failures.map((text) => `${benchmark.name}: ${text}`))
  process.stdout.write(`${sections.at(-1)}\n`)
}
if (write) writeFileSync(join(root, 'docs', 'performance.md'), page(sections))
for (const failure of failures) process.stderr.write(`bench: FAILED ${failure}\n`)
if (failures.length > 0) process.exitCode = 1

function page(tables: readonly string[]): string {
  const host = `${cpus()[0]?.model.trim() ?? 'unknown CPU'}, ${cpus().length} logical cores, Node ${process.versions.node}`
  const head = [
    '# Performance',
    '',
    'Written by `npm run bench -- --write`. Contenders take turns in the same run; read the ratios, not the absolute numbers.',
    '',
    `Machine: ${host}.`,
    '',
  ]
  return [...head, ...tables].join('\n')
}
