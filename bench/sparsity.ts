// `npm run sparsity`: prunes the embedded network and, where CIMULATOR_DATA is set, two trained ones, and puts accuracy by pattern and the
// sensitivity of every layer into docs/sparsity.md. Nothing is trained afterwards: these are the figures of pruning alone.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { packageRoot } from '../models/base/paths.js'
import { percent } from '../models/base/units.js'
import { patternOf } from '../models/sparsity/index.js'
import { worst } from '../models/sparsity/legality.js'
import { resolveMachine } from '../sim/chip/resolve.js'
import { silent } from '../sim/progress.js'
import type { PruneReport } from '../sim/prune/options.js'
import { runPrune } from '../sim/prune/prune.js'
import { dataFolder } from './networks/data.js'

interface Subject {
  readonly title: string
  readonly model: string | null
  readonly inputs: string | null
}

/** Trained network, description of its inputs. */
const trained = [
  ['resnet20_cifar10_fp32', 'cifar10-normalised.yaml', 'ResNet-20 (float, CIFAR-10)'],
  ['dscnn_kws_int8', 'speech-dscnn.yaml', 'DS-CNN (int8, Speech Commands)'],
] as const

type Scope = 'layer' | 'global'

/** Rows of the first table: pattern, scope, and sparsity (null: fixed by the pattern). */
const cells: readonly (readonly [string, number | null, Scope?])[] = [
  ...[0.25, 0.5, 0.75].map((sparsity) => ['block', sparsity, 'global'] as const),
  ...['block', 'row-block', 'ou-block', 'row-wise', 'channel-wise', 'column-wise'].flatMap((name) =>
    [0.25, 0.5, 0.75].map((sparsity) => [name, sparsity] as const),
  ),
  ['2:4', null],
  ['1:4', null],
  ['hybrid', 0.75],
]

const { machine } = resolveMachine('wu2024', [])
const folder = mkdtempSync(join(tmpdir(), 'cimulator-sparsity-'))
try {
  const subjects: Subject[] = [{ title: 'embedded network', model: null, inputs: null }, ...trainedSubjects()]
  const sections: string[] = []
  for (const subject of subjects) sections.push(await sectionOf(subject))
  const text = sections.join('\n\n')
  process.stdout.write(`${text}\n`)
  if (process.argv.includes('--write')) {
    if (dataFolder === null) throw new Error('--write needs the trained networks: set CIMULATOR_DATA')
    const file = join(packageRoot(), 'docs', 'sparsity.md')
    const page = readFileSync(file, 'utf8').replace(
      /<!-- recipe -->[\s\S]*<!-- end of recipe -->/,
      () => `<!-- recipe -->\n${recipe()}\n<!-- end of recipe -->`,
    )
    writeFileSync(
      file,
      page.replace(/<!-- figures -->[\s\S]*<!-- end -->/, () => `<!-- figures -->\n${text}\n<!-- end -->`),
    )
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}

/** Commands as a user types them, with what they print. */
function recipe(): string {
  const program = join(packageRoot(), 'dist', 'sim', 'cli', 'main.js')
  const inputs = join(packageRoot(), 'models', 'embedded', 'inputs.npz')
  const commands = [
    'prune --pattern row-block --sparsity 0.5 --out pruned.onnx',
    'run --limit 4',
    'run pruned.onnx --inputs inputs.npz --limit 4',
  ]
  writeFileSync(join(folder, 'inputs.npz'), readFileSync(inputs))
  return commands
    .map((command) => {
      const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...command.split(' '), '--quiet'], {
        cwd: folder,
        encoding: 'utf8',
      })
      if (status !== 0) throw new Error(stderr)
      const lines = stdout.trimEnd().split('\n')
      return `\`\`\`\n$ cimulator ${command}\n${lines.map((line) => line.trimEnd()).join('\n')}\n\`\`\``
    })
    .join('\n\n')
}

function trainedSubjects(): Subject[] {
  if (dataFolder === null) return []
  const inputs = join(packageRoot(), 'examples', 'inputs')
  return trained.map(([name, description, title]) => ({
    title,
    model: join(dataFolder!, 'models', `${name}.onnx`),
    inputs: join(inputs, description),
  }))
}

function prune(subject: Subject, pattern: string, sparsity: number | null, scope: Scope, alone: number[] | null) {
  const { model, inputs } = subject
  const files = {
    model,
    inputs,
    labels: null,
    data: model === null ? null : dataFolder,
    out: null,
    force: false,
    limit: null,
  }
  const choice = { criterion: 'magnitude', norm: 'l2', scope, seed: 'cimulator', layers: null, skip: [] } as const
  const signal = new AbortController().signal
  const description = patternOf(pattern)
  return runPrune({ ...files, ...choice, description, machine, sparsity, sensitivity: alone, signal }, silent)
}

async function sectionOf(subject: Subject): Promise<string> {
  const rows: string[] = []
  let first: PruneReport | null = null
  for (const [pattern, sparsity, scope = 'layer'] of cells) {
    const report = await prune(subject, pattern, sparsity, scope, null)
    first ??= report
    const pruned = report.layers.filter((layer) => layer.spared === null)
    const sum = (f: (layer: PruneReport['layers'][number]) => number, among = report.layers) =>
      among.reduce((s, l) => s + f(l), 0)
    rows.push(
      `| ${pattern}${scope === 'global' ? ', global' : ''} | ${percent(sum((l) => l.zerosAfter, pruned) / sum((l) => l.weights, pruned))} | ${percent(sum((l) => l.zerosAfter) / sum((l) => l.weights))} | ${percent(report.after!.correct! / report.items)} | ${worst(report.findings)} | ${pruned.length} |`,
    )
  }
  const { items, before } = first!
  const levels = [0.25, 0.5, 0.75]
  const alone = await prune(subject, 'block', 0.5, 'layer', levels)
  const layers = alone.layers.filter((layer) => alone.sensitivity.some((row) => row.index === layer.index))
  const cell = (index: number, level: number) => {
    const row = alone.sensitivity.find((r) => r.index === index && r.target === level)!
    return ((row.score!.correct! - before!.correct!) / items) * 100
  }
  return [
    `### ${subject.title}`,
    '',
    `Top-1 before pruning: ${percent(before!.correct! / items)} of ${items} inputs.`,
    '',
    '| pattern | zeros in the pruned layers | in all layers | top-1 after | on wu2024 | layers pruned |',
    '| --- | ---: | ---: | ---: | --- | ---: |',
    ...rows,
    '',
    'Each layer pruned alone with `block`; points of top-1 against the network before pruning:',
    '',
    `| layer | weights | ${levels.map((level) => percent(level, 0)).join(' | ')} | |`,
    `| --- | ---: | ${levels.map(() => '---:').join(' | ')} | --- |`,
    ...layers.map(
      (layer) =>
        `| ${layer.name} | ${layer.weights} | ${levels.map((level) => cell(layer.index, level).toFixed(1)).join(' | ')} | ${layer.spared ?? ''} |`,
    ),
  ].join('\n')
}
