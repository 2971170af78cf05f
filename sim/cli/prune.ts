// cimulator prune: set weights to zero by a pattern, and say what that does to sparsity and accuracy.
import { SpecError } from '../../models/base/errors.js'
import { type Norm, norms } from '../../models/sparsity/criterion.js'
import { loadPattern } from '../../models/sparsity/index.js'
import { resolveMachine } from '../chip/resolve.js'
import type { PruneOptions } from '../prune/options.js'
import { runPrune } from '../prune/prune.js'
import type { CliCommand, CliContext } from './context.js'
import { addMachineOptions, type MachineFlags, wholeNumber } from './flags.js'
import { pruneJson, pruneText } from './prune-text.js'

interface Flags extends MachineFlags {
  readonly pattern: string
  readonly sparsity?: number
  readonly criterion: string
  readonly norm: string
  readonly scope: string
  readonly seed: string
  readonly layers?: string
  readonly skip?: string
  readonly inputs?: string
  readonly labels?: string
  readonly data?: string
  readonly limit?: number
  readonly sensitivity?: string | true
  readonly out?: string
  readonly force?: boolean
}

export const prune: CliCommand = {
  name: 'prune',
  doc: 'set weights of a network to zero by a pattern; report sparsity, legality and accuracy',
  examples: [
    'cimulator prune --pattern block --sparsity 0.75 --out pruned.onnx',
    'cimulator prune model.onnx --pattern 2:4 --inputs inputs.npz --out pruned.onnx',
    'cimulator prune model.onnx --pattern my.yaml --sparsity 0.8 --scope global --inputs inputs.npz --sensitivity 0.5,0.8',
    'cimulator prune pruned.onnx --pattern block --criterion found',
  ],
  configure(command, execute) {
    addMachineOptions(command)
      .argument('[model]', 'ONNX file (default: the embedded network)')
      .requiredOption('--pattern <name|file>', 'pattern: a name from `describe patterns`, N:M, or a YAML file')
      .option('--sparsity <share>', 'share of the weights to set to zero, 0 to less than 1', share)
      .option('--criterion <name>', 'what goes first: magnitude, random, or found (what is zero already)', 'magnitude')
      .option('--norm <l1|l2>', 'norm of the magnitude', 'l2')
      .option('--scope <layer|global>', 'reach the sparsity in every layer, or over all of them together', 'layer')
      .option('--seed <text>', 'seed of the random criterion', 'cimulator')
      .option('--layers <list>', 'layers to prune, names or numbers (default: all but first, last and depth-wise)')
      .option('--skip <list>', 'layers to leave alone')
      .option('--inputs <file>', 'inputs to measure accuracy on: a description (.yaml), .npy or .npz')
      .option('--data <dir>', 'folder that the paths of a description start from')
      .option('--labels <file>', 'JSON list of class numbers, one an item')
      .option('--limit <n>', 'items to take, from the first', wholeNumber('--limit', 1))
      .option('--sensitivity [list]', 'prune every layer alone, at these sparsities (default: that of --sparsity)')
      .option('-o, --out <file>', 'pruned network to write (.onnx)')
      .option('--force', 'replace an existing file')
      .action((model: string | undefined, flags: Flags) => execute((context) => act(context, model, flags)))
  },
}

async function act(context: CliContext, model: string | undefined, flags: Flags): Promise<void> {
  const options = optionsOf(context, model, flags)
  const report = await runPrune(options, context.progress())
  context.out(context.json ? JSON.stringify(pruneJson(report), null, 2) : pruneText(report))
  if (options.out !== null) context.say(`written: ${options.out}`)
  else if (flags.criterion !== 'found') context.say('nothing was written: give --out FILE to keep the pruned network')
}

function optionsOf(context: CliContext, model: string | undefined, flags: Flags): PruneOptions {
  const { machine } = resolveMachine(flags.arch, flags.set)
  const sparsity = flags.sparsity ?? null
  return {
    model: model ?? null,
    description: loadPattern(flags.pattern),
    machine,
    sparsity,
    criterion: flags.criterion,
    norm: oneOf<Norm>('--norm', flags.norm, norms),
    scope: oneOf('--scope', flags.scope, ['layer', 'global'] as const),
    seed: flags.seed,
    layers: flags.layers === undefined ? null : listOf(flags.layers),
    skip: listOf(flags.skip ?? ''),
    inputs: flags.inputs ?? null,
    labels: flags.labels ?? null,
    data: flags.data ?? null,
    limit: flags.limit ?? null,
    sensitivity: sensitivities(flags.sensitivity, sparsity),
    out: flags.out ?? null,
    force: flags.force === true,
    signal: context.signal,
  }
}

function sensitivities(given: string | true | undefined, sparsity: number | null): (number | null)[] | null {
  if (given === undefined) return null
  return given === true ? [sparsity] : listOf(given).map(share)
}

const listOf = (text: string) =>
  text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')

function share(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !(value >= 0 && value < 1))
    throw new SpecError(`sparsity ${text}: expected a number from 0 to less than 1 (0.75 = three quarters zero)`)
  return value
}

function oneOf<T extends string>(option: string, value: string, known: readonly T[]): T {
  const found = known.find((name) => name === value)
  if (found === undefined) throw new SpecError(`${option} ${value}: expected ${known.join(' or ')}`)
  return found
}
