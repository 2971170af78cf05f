// npm run validate [-- NAME …]: every network of the data folder, one input, event engine with values. Every layer's lossless result is
// compared with the integer product and with onnxruntime; the table goes to docs/validation.md.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { packageRoot } from '../models/base/paths.js'
import { energy, engineering, grouped } from '../models/base/units.js'
import { resolveMachine } from '../sim/chip/resolve.js'
import { runDefaults } from '../sim/options.js'
import { silent } from '../sim/progress.js'
import { runSimulation } from '../sim/run.js'
import type { RunResult } from '../traces/results/result.js'
import { totalsOf } from '../traces/results/summary.js'
import { writeNpy } from '../traces/store/npy.js'
import { dataFolder, networkNames } from './networks/data.js'
import { itemsOf } from './networks/items.js'

if (dataFolder === null) {
  process.stdout.write('skipped: CIMULATOR_DATA not set\n')
  process.exit(0)
}

const wanted = process.argv.slice(2).filter((arg) => !arg.startsWith('-'))
const names = networkNames().filter((name) => wanted.length === 0 || wanted.includes(name))
const folder = mkdtempSync(join(tmpdir(), 'cimulator-'))
const rows: string[] = []
for (const name of names) rows.push(await validate(name))
rmSync(folder, { recursive: true })
if (wanted.length === 0) writePage(rows)

async function validate(name: string): Promise<string> {
  const array = [...itemsOf(name, 1)[0]!.values()][0]!
  const inputs = join(folder, `${name}.npy`)
  writeFileSync(inputs, writeNpy({ shape: array.shape, data: array.data as unknown as Float32Array }))
  const started = Date.now()
  const { machine } = resolveMachine('wu2024', [])
  const model = join(dataFolder!, 'models', `${name}.onnx`)
  const { result } = await runSimulation(
    {
      ...runDefaults,
      model,
      inputs,
      machine,
      engine: 'event',
      check: 'all',
      signal: new AbortController().signal,
    },
    silent,
  )
  const row = rowOf(name, result!, (Date.now() - started) / 1000)
  process.stdout.write(`${row}\n`)
  return row
}

function rowOf(name: string, result: RunResult, seconds: number): string {
  const t = totalsOf(result)
  const steps = result.layers.map((l) => l.values!.reference?.maxSteps ?? null).filter((s) => s !== null)
  const sqnr = result.layers.map((l) => l.values!.reference?.sqnrDb ?? null).filter((s) => s !== null)
  const reference =
    steps.length > 0 ? `≤ ${Math.max(...steps).toFixed(3)} steps` : `≥ ${Math.min(...sqnr).toFixed(1)} dB`
  const activations = result.layers.reduce((sum, l) => sum + l.timing.ouActivations, 0)
  const clips = result.layers.reduce((sum, l) => sum + l.values!.clips.clipped, 0)
  const products = result.notOnArrays.reduce((sum, p) => sum + p.macs, 0)
  const cells = [
    `\`${name}\``,
    `${result.layers.length}`,
    engineering(t.macs, ''),
    products === 0 ? '–' : engineering(products, ''),
    grouped(t.cycles),
    grouped(t.bound_cycles),
    `${(t.speed_up_vs_dense_bare ?? 0).toFixed(2)}×`,
    energy(t.energy_pj),
    engineering(activations, ''),
    grouped(clips),
    `${result.layers.filter((l) => l.values!.losslessMismatches === 0).length}/${result.layers.length}`,
    reference,
    seconds.toFixed(1),
    `\`${result.network.sha256.slice(0, 16)}…\``,
  ]
  return `| ${cells.join(' | ')} |`
}

function writePage(table: readonly string[]): void {
  const page = join(packageRoot(), 'docs', 'validation.md')
  const text = readFileSync(page, 'utf8')
  const [head, rest] = text.split('<!-- table -->')
  const tail = rest?.split('<!-- end -->')[1] ?? ''
  const titles = [
    'network',
    'layers',
    'MACs',
    'not on arrays',
    'cycles',
    'bound',
    'speed-up',
    'energy',
    'OU activations',
    'clipped',
    'lossless = product',
    'onnxruntime',
    'seconds',
    'sha256',
  ]
  const lines = [`| ${titles.join(' | ')} |`, `|${titles.map(() => ' --- ').join('|')}|`, ...table]
  writeFileSync(page, `${head}<!-- table -->\n${lines.join('\n')}\n<!-- end -->${tail}`)
}
