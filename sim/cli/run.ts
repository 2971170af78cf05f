// cimulator run: simulate a network and print the result.
import { Option } from 'commander'
import { SpecError } from '../../models/base/errors.js'
import { engineering, grouped } from '../../models/base/units.js'
import { renderTable } from '../../traces/report/table.js'
import { summaryOf } from '../../traces/results/summary.js'
import { engines } from '../chip/items/index.js'
import { resolveMachine } from '../chip/resolve.js'
import { kernelChoice } from '../engines/fast/kernels/index.js'
import { manifestInfo } from '../manifest.js'
import { mostThreads, type RunOptions, type VectorChoice } from '../options.js'
import type { Progress } from '../progress.js'
import { type RunOutcome, runSimulation } from '../run.js'
import type { CliCommand, CliContext } from './context.js'
import { addMachineOptions, type MachineFlags, wholeNumber } from './flags.js'

interface Flags extends MachineFlags {
  readonly inputs?: string
  readonly labels?: string
  readonly data?: string
  readonly trace?: string
  readonly mapping?: string
  readonly layers?: string
  readonly limit?: number
  readonly vectors?: VectorChoice
  readonly values: string
  readonly engine: string
  readonly kernel: 'wheel' | 'sdsl'
  readonly kernels: string
  readonly threads?: number
  readonly memory: number
  readonly adcCodes?: boolean
  readonly check: RunOptions['check'] | false
  readonly dryRun?: boolean
  readonly dumpMapping?: boolean
  readonly dumpVectors?: number
  readonly out?: string
  readonly force?: boolean
}

/** Items of the embedded trace that a plain `run` takes, so that it answers within a minute. */
const embeddedItems = 4

export const run: CliCommand = {
  name: 'run',
  doc: 'simulate a network, cycle by cycle, and print the result',
  examples: [
    'cimulator run',
    'cimulator run model.onnx --inputs inputs.npy --out runs/first',
    'cimulator run model.onnx --inputs inputs.npz --set adc.mode=lossless --set ou.rows=8',
    'cimulator run model.onnx --trace trace.npz --layers conv1,conv2 --vectors first:64',
  ],
  configure(command, execute) {
    addMachineOptions(command)
      .argument('[model]', 'ONNX file (default: the embedded network)')
      .option('--inputs <file>', 'inputs: a description (.yaml), .npy or .npz')
      .option('--data <dir>', 'folder that the paths of a description start from')
      .option('--labels <file>', 'JSON list of class numbers, one an item')
      .option('--trace <file>', 'replay a recorded trace instead of running the network')
      .option('--mapping <file>', 'block permutations found by remap, instead of a search')
      .option('--layers <list>', 'layers to simulate: names or numbers, comma-separated')
      .option('--limit <n>', 'items to take, from the first', wholeNumber('--limit', 1))
      .option('--vectors <choice>', 'vectors of every layer: first:N or every:K', vectorChoice)
      .option('--values <on|off>', 'compute values, or timing and energy only', 'on')
      .option('--engine <name>', `engine: ${engines.all.map((e) => `${e.name} (${e.doc})`).join('; ')}`, 'fast')
      .option(
        '--threads <n>',
        'threads (default: one a core, one for little work)',
        wholeNumber('--threads', 1, mostThreads),
      )
      .addOption(
        new Option('--memory <size>', 'working set of a simulation, for example 512MiB or 2GiB')
          .argParser(memorySize)
          .default(memorySize('1GiB'), '1GiB'),
      )
      .option('--kernel <name>', 'event kernel of engine event: wheel or sdsl', 'wheel')
      .option('--kernels <name>', 'inner loops of engine fast: auto, wasm (SIMD) or js', 'auto')
      .option('--adc-codes', 'count conversions by ADC code')
      .option('--check <items>', 'items to compare with onnxruntime when it runs: off, first or all', 'first')
      .option('--no-check', 'the same as --check off')
      .option('--dry-run', 'print MACs, OUs, expected time and memory, and stop')
      .option('--dump-mapping', 'write where the weights lie (needs --out)')
      .option(
        '--dump-vectors <n>',
        'write codes, results, counters and the first N firings of every stage (needs --out)',
        wholeNumber('--dump-vectors', 0),
      )
      .option('--out <dir>', 'write the run directory')
      .option('--force', 'replace an existing run directory')
      .action((model: string | undefined, flags: Flags) => execute((context) => act(context, model, flags)))
  },
}

function vectorChoice(text: string): VectorChoice {
  const match = /^(first|every):(\d+)$/.exec(text)
  const n = Number(match?.[2] ?? 0)
  if (match === null || n < 1 || !Number.isSafeInteger(n))
    throw new SpecError(`--vectors ${text}: expected first:N or every:K with a whole number of at least 1`)
  return match[1] === 'first' ? { kind: 'first', n } : { kind: 'every', k: n }
}

/** Bytes of a size with a unit. */
function memorySize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([KMGT]?)(i?)B?$/i.exec(text)
  const power = 'KMGT'.indexOf((match?.[2] ?? '').toUpperCase() || ' ') + 1
  const bytes = Number(match?.[1] ?? 0) * (match?.[3] === '' ? 1000 : 1024) ** power
  if (match === null || !(bytes >= smallestMemory) || bytes > Number.MAX_SAFE_INTEGER)
    throw new SpecError(`--memory ${text}: expected a size such as 512MiB or 2GiB, at least 64MiB`)
  return Math.floor(bytes)
}

const smallestMemory = 64 * 2 ** 20

async function act(context: CliContext, model: string | undefined, flags: Flags): Promise<void> {
  const options = runOptions(context, model, flags)
  // What writes run directories is loaded by those who want one: Parquet takes its time.
  const directory = options.out === null ? null : await import('../../traces/results/directory.js')
  if (options.out !== null) await directory?.checkTarget(options.out, options.force)
  const started = Date.now()
  const embedded = options.model === null && options.inputs === null && options.trace === null
  const banner =
    embedded && flags.limit === undefined
      ? `embedded network, first ${embeddedItems} of its 64 inputs (--limit N for more), machine ${options.machine.name}`
      : null
  const outcome = await runSimulation(options, afterChecks(context, banner))
  if (outcome.result === null) {
    context.out(dryRunText(outcome, options))
    return
  }
  if (options.out !== null) {
    await directory?.writeRunDirectory(
      options.out,
      outcome.result,
      manifestInfo(options, outcome.streams, started),
      outcome.dump,
      {
        force: options.force,
        signal: context.signal,
      },
    )
    context.say(`written: ${options.out}`)
  }
  const width = process.stdout.columns ?? 160
  const color = process.stdout.isTTY === true && process.env['NO_COLOR'] === undefined
  context.out(
    context.json ? JSON.stringify(summaryOf(outcome.result), null, 2) : renderTable(outcome.result, { width, color }),
  )
  context.say(`simulated in ${((Date.now() - started) / 1000).toFixed(1)} s`)
}

/** Progress whose first phase, which begins when everything was checked, is preceded by a line of text. */
function afterChecks(context: CliContext, banner: string | null): Progress {
  const progress = context.progress()
  let text = banner
  return {
    ...progress,
    phase(name, total) {
      if (text !== null) context.say(text)
      text = null
      progress.phase(name, total)
    },
  }
}

function runOptions(context: CliContext, model: string | undefined, flags: Flags): RunOptions {
  const engine = engines.get(flags.engine)
  if (flags.kernel !== 'wheel' && flags.kernel !== 'sdsl')
    throw new SpecError(`--kernel ${String(flags.kernel)}: unknown kernel. Known: wheel, sdsl.`)
  const check = flags.check === false ? 'off' : flags.check
  if (check !== 'off' && check !== 'first' && check !== 'all')
    throw new SpecError(`--check ${String(check)}: expected off, first or all`)
  if (flags.values !== 'on' && flags.values !== 'off')
    throw new SpecError(`--values ${flags.values}: expected on or off`)
  if (flags.inputs !== undefined && flags.trace !== undefined)
    throw new SpecError('--inputs and --trace: give one of them')
  const dumps = flags.dumpMapping === true || flags.dumpVectors !== undefined
  if (dumps && flags.out === undefined)
    throw new SpecError('--dump-mapping and --dump-vectors write into the run directory: give --out DIR')
  if (dumps && !engine.firings) context.say(`dumps need single firings: engine event instead of ${engine.name}`)
  const { machine } = resolveMachine(flags.arch, flags.set)
  const embedded = model === undefined && flags.inputs === undefined && flags.trace === undefined
  return {
    model: model ?? null,
    inputs: flags.inputs ?? null,
    labels: flags.labels ?? null,
    data: flags.data ?? null,
    trace: flags.trace ?? null,
    mapping: flags.mapping ?? null,
    machine,
    layers: flags.layers ?? null,
    limit: flags.limit ?? (embedded ? embeddedItems : null),
    vectors: flags.vectors ?? null,
    values: flags.values === 'on',
    adcCodes: flags.adcCodes === true || dumps,
    engine: dumps && !engine.firings ? 'event' : engine.name,
    kernel: flags.kernel,
    kernels: kernelChoice(flags.kernels),
    threads: dumps ? 1 : (flags.threads ?? null),
    memoryBytes: flags.memory,
    check,
    dryRun: flags.dryRun === true,
    dumpMapping: flags.dumpMapping === true,
    dumpVectors: flags.dumpVectors ?? null,
    out: flags.out ?? null,
    force: flags.force === true,
    signal: context.signal,
    commandLine: process.argv.slice(2),
  }
}

/** For the estimate only: nanoseconds of one thread, as docs/performance.md measures them, and the share of planes that usually fires. */
const guess = {
  nsPerActivation: { event: { off: 250, on: 450 }, fast: { off: 1, on: 2 } },
  nsPerPlacedOu: 1000,
  planeShare: 0.65,
}

function dryRunText(outcome: RunOutcome, { engine, values }: RunOptions): string {
  const { layers } = outcome.plan
  const rows = layers.map(
    (l) =>
      `${l.layer.name.padEnd(28)} ${`${l.summary.rows}×${l.summary.cols}`.padStart(12)} ${engineering(l.macs, 'MAC').padStart(12)} ${grouped(l.summary.ous).padStart(10)} OUs ${String(l.groups).padStart(6)} array groups`,
  )
  const sum = (f: (l: (typeof layers)[number]) => number) => layers.reduce((total, l) => total + f(l), 0)
  const activations = sum((l) => l.fullActivations) * guess.planeShare
  const { [values ? 'on' : 'off']: nsPerActivation } = guess.nsPerActivation[engine === 'event' ? 'event' : 'fast']
  const placing = sum((l) => l.summary.ous) * guess.nsPerPlacedOu
  const memory = Math.max(
    ...layers.map(
      (l) =>
        l.rows * l.vectors * l.summary.matrices * 2 +
        l.summary.ous * 600 +
        l.vectors * l.summary.cols * l.summary.matrices * 32,
    ),
  )
  return [
    ...rows,
    `per item: ${engineering(
      sum((l) => l.macs),
      'MAC',
    )}, ${grouped(sum((l) => l.summary.ous))} OUs, about ${engineering(activations, '')}OU activations`,
    `expected of engine ${engine}, values ${values ? 'on' : 'off'}, one thread: ${engineering(placing / 1e9, 's')} to place the layers, ${engineering((activations * nsPerActivation) / 1e9, 's')} per item, ${engineering(memory + 150e6, 'B')} of memory (estimates)`,
  ].join('\n')
}
