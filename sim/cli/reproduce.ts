// cimulator reproduce: a run directory's question is asked again, and every byte of the answer is compared.
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { z } from 'zod'
import { CheckFailure, SpecError } from '../../models/base/errors.js'
import { canonicalJson } from '../../traces/results/canonical.js'
import { openRun, type StoredRun } from '../../traces/results/open.js'
import { violations } from '../chip/rules.js'
import { type Machine, machineSchema } from '../chip/spec.js'
import { manifestInfo, packageVersion } from '../manifest.js'
import { mostThreads, type RunOptions, runDefaults } from '../options.js'
import { runSimulation } from '../run.js'
import type { CliCommand, CliContext } from './context.js'
import { wholeNumber } from './flags.js'

interface Flags {
  readonly model?: string
  readonly inputs?: string
  readonly labels?: string
  readonly data?: string
  readonly trace?: string
  readonly mapping?: string
  readonly threads?: number
}

export const reproduce: CliCommand = {
  name: 'reproduce',
  doc: 'run a run directory again and compare every byte',
  examples: [
    'cimulator reproduce runs/first',
    'cimulator reproduce runs/first --model moved/model.onnx --trace trace.npz --threads 1',
  ],
  configure(command, execute) {
    command
      .argument('<run>', 'run directory')
      .option('--model <file>', 'where the model is now (default: where it was)')
      .option('--inputs <file>', 'where the inputs are now')
      .option('--labels <file>', 'where the labels are now')
      .option('--data <dir>', 'folder that the paths of a description start from')
      .option('--trace <file>', 'recorded trace to replay')
      .option('--mapping <file>', 'where the mapping file is now')
      .option('--threads <n>', 'threads; the result does not depend on them', wholeNumber('--threads', 1, mostThreads))
      .action((run: string, flags: Flags) => execute((context) => act(context, run, flags)))
  },
}

/** `request` of a manifest. */
const requestSchema = z.looseObject({
  layers: z.string().nullable(),
  limit: z.int().min(1).nullable(),
  vectors: z
    .union([
      z.strictObject({ kind: z.literal('first'), n: z.int().min(1) }),
      z.strictObject({ kind: z.literal('every'), k: z.int().min(1) }),
    ])
    .nullable(),
  values: z.boolean(),
  adcCodes: z.boolean(),
  engine: z.string(),
  kernel: z.enum(['wheel', 'sdsl']),
  check: z.enum(['off', 'first', 'all']),
  dumpMapping: z.boolean(),
  dumpVectors: z.int().min(0).nullable(),
})

async function act(context: CliContext, folder: string, flags: Flags): Promise<void> {
  const stored = openRun(folder)
  const { manifest } = stored
  const options = optionsOf(context, stored, flags)
  const version = packageVersion()
  if (manifest.cimulator !== version)
    context.say(
      `the run is from version ${manifest.cimulator}, this is ${version}; the numbers are compared all the same`,
    )
  const { result, dump, streams } = await runSimulation(options, context.progress())
  if (result === null) throw new CheckFailure('the run gave no result')
  if (result.network.sha256 !== manifest.model_sha256)
    throw new SpecError(
      `the model is another one: sha256 ${result.network.sha256}, the run was made with ${manifest.model_sha256}; say where it is with --model FILE`,
    )
  const info = { ...manifestInfo(options, streams, Date.now()), version: manifest.cimulator }
  const { runFiles } = await import('../../traces/results/directory.js')
  const files = [...runFiles(result, info, dump)].filter(([path]) => path !== 'environment.json')
  const wrong = files.flatMap(([path, content]) => difference(stored, path, content))
  const gone = Object.keys(manifest.files).filter((path) => !files.some(([name]) => name === path))
  const all = [...wrong, ...gone.map((path) => `${path}: not written this time`)]
  if (context.json) context.out(JSON.stringify({ run: folder, files: files.length, differences: all }, null, 2))
  if (all.length > 0) throw new CheckFailure(`${folder} is not reproduced:\n${all.join('\n')}`)
  if (!context.json) context.out(`${folder}: all ${files.length} files are the same, byte for byte`)
}

function optionsOf(context: CliContext, stored: StoredRun, flags: Flags): RunOptions {
  const request = requestSchema.safeParse(stored.manifest.request)
  if (!request.success) {
    const issue = request.error.issues[0]!
    throw new SpecError(
      `${stored.folder}: manifest.json: request.${issue.path.join('.')}: ${issue.message}; is the run from another version?`,
    )
  }
  const place = (name: keyof Flags & string) => {
    const given = flags[name]
    if (typeof given === 'string') return given
    // A trace that is given takes the place of inputs, and the other way round.
    if (name === 'trace' && flags.inputs !== undefined) return null
    if (['inputs', 'labels', 'data'].includes(name) && flags.trace !== undefined) return null
    return oldPlace(stored, name)
  }
  const { layers, limit, vectors, values, adcCodes, engine, kernel, check, dumpMapping, dumpVectors } = request.data
  return {
    ...runDefaults,
    layers,
    limit,
    vectors,
    values,
    adcCodes,
    engine,
    kernel,
    check,
    dumpMapping,
    dumpVectors,
    model: place('model'),
    inputs: place('inputs'),
    labels: place('labels'),
    data: place('data'),
    trace: place('trace'),
    mapping: place('mapping'),
    machine: machineOf(stored),
    threads: dumpMapping || dumpVectors !== null ? 1 : (flags.threads ?? null),
    signal: context.signal,
  }
}

/** Where a file was, seen from where the run was started. */
function oldPlace(stored: StoredRun, name: string): string | null {
  const { paths, folder } = stored
  const path = paths[name]
  if (path === undefined || path === null) return null
  const cwd = paths['cwd']
  const full = typeof path !== 'string' || typeof cwd !== 'string' || isAbsolute(path) ? String(path) : join(cwd, path)
  if (!existsSync(full))
    throw new SpecError(`${folder}: the ${name} was ${full}, and is gone; say where it is with --${name}`)
  return full
}

function machineOf(stored: StoredRun): Machine {
  const parsed = machineSchema.safeParse(stored.manifest.configuration)
  const where = `${stored.folder}: manifest.json: configuration`
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!
    throw new SpecError(`${where}.${issue.path.join('.')}: ${issue.message}; is the run from another version?`)
  }
  const broken = violations(parsed.data)
  if (broken.length > 0)
    throw new SpecError(broken.map(({ path, message }) => `${where}.${path.join('.')}: ${message}`).join('\n'))
  return parsed.data
}

function difference(stored: StoredRun, path: string, content: Uint8Array | string): string[] {
  const now = createHash('sha256').update(content).digest('hex')
  if (path === 'manifest.json') return manifestDifference(stored, String(content))
  const then = stored.manifest.files[path]
  if (then === undefined) return [`${path}: not written then`]
  // What the manifest says and what lies there may both differ: a file that was changed afterwards is no reproduction either.
  try {
    stored.read(path)
  } catch (cause) {
    return [cause instanceof Error ? cause.message : String(cause)]
  }
  return now === then ? [] : [`${path}: sha256 ${now}, was ${then}`]
}

function manifestDifference(stored: StoredRun, text: string): string[] {
  const now = JSON.parse(text) as Record<string, unknown>
  const keys = [...new Set([...Object.keys(now), ...Object.keys(stored.manifest)])].filter((key) => key !== 'files')
  return keys
    .filter((key) => canonicalJson(now[key] ?? null) !== canonicalJson(stored.manifest[key] ?? null))
    .map((key) => `manifest.json: ${key} is ${JSON.stringify(now[key])}, was ${JSON.stringify(stored.manifest[key])}`)
}
