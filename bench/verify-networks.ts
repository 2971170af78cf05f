// npm run verify:networks [-- NAME …] [-- every:K] [-- --write]: every network of the data folder, one input, on both engines. Every
// counter of every stage, macro and layer, values, clips, ADC codes, baselines, bound and energy must be the same double. --write puts the
// table into docs/validation.md.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../models/base/paths.js'
import { engineering, grouped } from '../models/base/units.js'
import type { VectorChoice } from '../sim/options.js'
import { dataFolder, networkNames } from './networks/data.js'
import { type Verification, verifyNetwork } from './networks/verify.js'

if (dataFolder === null) {
  process.stdout.write('skipped: CIMULATOR_DATA not set\n')
  process.exit(0)
}

const args = process.argv.slice(2)
const every = args.find((arg) => /^every:[1-9]\d*$/.test(arg))
const choice: VectorChoice | 'auto' = every === undefined ? 'auto' : { kind: 'every', k: Number(every.slice(6)) }
const wanted = args.filter((arg) => !arg.startsWith('-') && arg !== every)
const unknown = wanted.filter((name) => !networkNames().includes(name))
if (unknown.length > 0) throw new Error(`no network ${unknown.join(', ')}; there are ${networkNames().join(', ')}`)

const rows: string[] = []
for (const name of wanted.length === 0 ? networkNames() : wanted) {
  const found = await verifyNetwork(name, choice)
  rows.push(rowOf(found))
  process.stdout.write(`${rows.at(-1)}\n`)
  if (found.difference === null) continue
  const { run, path, a, b } = found.difference
  process.stdout.write(`${name}: ${run}: ${path.join(' / ')}: event engine ${String(a)}, fast engine ${String(b)}\n`)
  process.exitCode = 1
}
if (args.includes('--write') && process.exitCode === undefined) writePage()

function rowOf(v: Verification): string {
  const { event, fast, twoThreads, codes } = v.seconds
  const cells = [
    `\`${v.name}\``,
    String(v.layers),
    v.choice === null ? 'all' : v.choice.kind === 'every' ? `every:${v.choice.k}` : `first:${v.choice.n}`,
    `${grouped(v.vectors)} of ${grouped(v.vectorsTotal)}`,
    grouped(v.cycles),
    engineering(v.ouActivations, ''),
    grouped(v.compared),
    v.difference === null ? '0' : 'DIFFERS',
    event.toFixed(1),
    fast.toFixed(1),
    twoThreads.toFixed(1),
    codes.toFixed(1),
    `${(event / fast).toFixed(0)}×`,
  ]
  return `| ${cells.join(' | ')} |`
}

function writePage(): void {
  const page = join(packageRoot(), 'docs', 'validation.md')
  const [head, rest] = readFileSync(page, 'utf8').split('<!-- engines -->')
  const tail = rest?.split('<!-- end of engines -->')[1]
  if (tail === undefined) throw new Error('docs/validation.md has lost its markers of engines')
  const titles = [
    'network',
    'layers',
    'vectors',
    'number of them',
    'cycles',
    'OU activations',
    'leaves compared',
    'differences',
    'event, s',
    'fast, s',
    'fast, 2 threads, s',
    'fast, ADC codes, s',
    'event ÷ fast',
  ]
  const lines = [`| ${titles.join(' | ')} |`, `|${titles.map(() => ' --- ').join('|')}|`, ...rows]
  writeFileSync(page, `${head}<!-- engines -->\n${lines.join('\n')}\n<!-- end of engines -->${tail}`)
}
