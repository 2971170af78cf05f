// One case of the fuzzer: files that were changed, and what is done with them through the doors that the command line uses.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { strFromU8, strToU8, unzipSync, zipSync } from 'fflate'
import { SimFault } from '../../models/base/errors.js'
import { openModel } from '../../models/nn/model-file.js'
import { loadNetwork } from '../../models/nn/network.js'
import { onnx } from '../../models/nn/proto/onnx.js'
import type { Network } from '../../models/nn/types.js'
import { fixedSparsity, loadPattern } from '../../models/sparsity/pattern.js'
import { resolveMachine } from '../../sim/chip/resolve.js'
import { type RunOptions, runDefaults } from '../../sim/options.js'
import { silent } from '../../sim/progress.js'
import { runPrune } from '../../sim/prune/prune.js'
import { runSimulation } from '../../sim/run.js'
import { renderTable } from '../../traces/report/table.js'
import { runFiles } from '../../traces/results/directory.js'
import { writeNpy } from '../../traces/store/npy.js'
import { openTrace } from '../../traces/store/trace-file.js'
import { packZip } from '../../traces/store/zip.js'
import type { Corpus } from './corpus.js'
import { mutateBytes, mutateText, type Random, randomOf } from './mutate.js'
import { mutateObject } from './structure.js'

export interface FuzzCase {
  readonly kind: string
  /** by name, below the folder of the case */
  readonly files: ReadonlyMap<string, Uint8Array>
  /**
   * @param folder with the files in it
   * @returns whether something was simulated, or the model only read
   */
  run(folder: string): Promise<'run' | 'read'>
}

/** The case with a number; the same for the same seed and the same program. */
export function caseOf(corpus: Corpus, seed: string, index: number): FuzzCase {
  const random = randomOf(`${seed}/${index}`)
  return random.pick(makers)(corpus, random)
}

/** Every file that cases start from, unchanged: all of them must be accepted. */
export function plainCases(corpus: Corpus): FuzzCase[] {
  const random = randomOf('plain')
  return [
    ...[...corpus.models].map(([name, bytes]) => modelCase(`model ${name}`, bytes, corpus.weights, random)),
    modelCase('embedded model', corpus.embedded.model, corpus.weights, random),
    ...[...corpus.traces].map(([ending, bytes]) => traceCase(corpus, `trace ${ending}`, ending, bytes, true)),
    traceCase(corpus, 'embedded trace', '.npz', corpus.embedded.trace, false),
    ...corpus.presets.map((text) => machineCase(corpus, text)),
    ...corpus.patterns.map((text) => pruneCase('pattern', corpus.models.get('conv')!, text, corpus.weights)),
    ...doors.map((door) => inputCase(corpus, `inputs ${door}`, door, corpus.inputs)),
  ]
}

type Maker = (corpus: Corpus, random: Random) => FuzzCase

/** Files and labels that inputs are read from. */
const doors = ['x.npy', 'x.npz', 'images.yaml', 'raw.yaml', 'x.npy+classes.json']

const modelBytes: Maker = (corpus, random) => {
  const [name, bytes] = random.pick([...corpus.models])
  const other = random.pick([...corpus.models.values()])
  return modelCase(`model ${name}, bytes`, mutateBytes(bytes, random, other), weightsFor(corpus, random), random)
}

const weightsFor: (corpus: Corpus, random: Random) => Uint8Array = ({ weights }, random) =>
  random.below(4) === 0 ? mutateBytes(weights, random, weights) : weights

const modelStructure: Maker = (corpus, random) => {
  const [name, bytes] = random.pick([...corpus.models])
  const message = onnx.ModelProto.decode(bytes)
  mutateObject(message, random)
  return modelCase(`model ${name}, message`, encoded(message) ?? bytes, weightsFor(corpus, random), random)
}

/** Null where the changed message cannot be written: a number in the place of a text. */
function encoded(message: onnx.ModelProto.$Properties): Uint8Array | null {
  try {
    return onnx.ModelProto.encode(message).finish()
  } catch {
    return null
  }
}

const embeddedModel: Maker = (corpus, random) => {
  const { model } = corpus.embedded
  return modelCase('embedded model, bytes', mutateBytes(model, random, model), corpus.weights, random)
}

function modelCase(kind: string, bytes: Uint8Array, weights: Uint8Array, random: Random): FuzzCase {
  const files = new Map([
    ['model.onnx', bytes],
    ['weights.bin', weights],
  ])
  const seed = String(random.unit())
  return {
    kind,
    files,
    async run(folder) {
      const model = join(folder, 'model.onnx')
      const { network } = openModel(model)
      const inputs = inputsFor(network, randomOf(seed))
      if (inputs === null) return 'read'
      const path = join(folder, 'inputs.npz')
      writeFileSync(path, inputs)
      return check({ model, inputs: path })
    },
  }
}

/** Elements of the inputs of a network that is run; larger ones are read only. */
const mostElements = 2 ** 14

/** Two items for any network; null when it is too large. */
function inputsFor(network: Network, random: Random): Uint8Array | null {
  const arrays = new Map<string, Uint8Array>()
  for (const { name, dtype, shape } of network.inputs) {
    const dims = shape.map((dim) => (typeof dim === 'number' ? dim : 1))
    const count = dims.reduce((a, b) => a * b, 1)
    const make = { float32: Float32Array, uint8: Uint8Array, int8: Int8Array, int32: Int32Array }[dtype]
    if (count > mostElements || make === undefined || dims[0] !== 1) return null
    const value = () => (dtype === 'float32' ? random.unit() * 4 - 2 : random.below(100))
    const data = make.from(Array.from({ length: 2 * count }, value))
    arrays.set(`${name}.npy`, writeNpy({ shape: [2, ...dims.slice(1)], data }))
  }
  return arrays.size === 0 ? null : packZip(arrays)
}

const trace: Maker = (corpus, random) => {
  const small = random.below(8) !== 0
  const [ending, bytes] = small ? random.pick([...corpus.traces]) : (['.npz', corpus.embedded.trace] as const)
  const structural = random.below(2) === 0
  const changed = structural ? changedTrace(ending, bytes, random) : mutateBytes(bytes, random, bytes)
  return traceCase(corpus, `trace ${ending}, ${structural ? 'text' : 'bytes'}`, ending, changed, small)
}

/** @param small a trace of the small model, not of the embedded one */
function traceCase(corpus: Corpus, kind: string, ending: string, bytes: Uint8Array, small: boolean): FuzzCase {
  const files = new Map([[`trace${ending}`, bytes]])
  if (small) files.set('model.onnx', corpus.models.get('conv')!)
  return {
    kind,
    files,
    async run(folder) {
      const path = join(folder, `trace${ending}`)
      const source = await openTrace(path)
      try {
        for (let item = 0; item < Math.min(3, source.head.items); item++) await source.readItem(item)
      } finally {
        await source.close()
      }
      return check({ model: small ? join(folder, 'model.onnx') : null, trace: path, limit: 2 })
    },
  }
}

/** Its JSON text changed, the container in order. */
function changedTrace(ending: string, bytes: Uint8Array, random: Random): Uint8Array {
  const change = (text: string): string => {
    if (random.below(3) === 0) return mutateText(text, random)
    const value: unknown = JSON.parse(text)
    mutateObject(value, random)
    return JSON.stringify(value)
  }
  if (ending === '.npz') {
    const entries = unzipSync(bytes)
    entries['trace.json'] = strToU8(change(strFromU8(entries['trace.json']!)))
    return zipSync(entries, { level: 0 })
  }
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true))
  const header = strToU8(change(strFromU8(bytes.subarray(8, 8 + length))))
  const out = new Uint8Array(8 + header.length + bytes.length - 8 - length)
  new DataView(out.buffer).setBigUint64(0, BigInt(header.length), true)
  out.set(header, 8)
  out.set(bytes.subarray(8 + length), 8 + header.length)
  return out
}

const preset: Maker = (corpus, random) => machineCase(corpus, mutateText(random.pick(corpus.presets), random))

const prunedModel: Maker = (corpus, random) => {
  const [name, bytes] = random.pick([...corpus.models])
  const message = onnx.ModelProto.decode(bytes)
  mutateObject(message, random)
  const text = random.pick(corpus.patterns)
  return pruneCase(`pruned ${name}, message`, encoded(message) ?? bytes, text, corpus.weights)
}

const pattern: Maker = (corpus, random) => {
  const text = mutateText(random.pick(corpus.patterns), random)
  return pruneCase('pattern, text', corpus.models.get('conv')!, text, corpus.weights)
}

function pruneCase(kind: string, model: Uint8Array, text: string, weights: Uint8Array): FuzzCase {
  const files = new Map([
    ['model.onnx', model],
    ['pattern.yaml', strToU8(text)],
    ['weights.bin', weights],
  ])
  return {
    kind,
    files,
    async run(folder) {
      const description = loadPattern(join(folder, 'pattern.yaml'))
      const { bytes } = await runPrune(
        {
          ...{ criterion: 'magnitude', norm: 'l1', scope: 'layer', seed: 'fuzz', limit: 2, force: false },
          ...{ skip: [], inputs: null, labels: null, data: null, sensitivity: null, out: null },
          model: join(folder, 'model.onnx'),
          description,
          machine: resolveMachine('wu2024', []).machine,
          sparsity: fixedSparsity(description) === null ? 0.75 : null,
          layers: ['0'],
          signal: new AbortController().signal,
        },
        silent,
      )
      loadNetwork(bytes, 'pruned.onnx', folder)
      return 'run'
    },
  }
}

function machineCase(corpus: Corpus, text: string): FuzzCase {
  const files = new Map([
    ['machine.yaml', strToU8(text)],
    ['model.onnx', corpus.models.get('conv')!],
    ['trace.npz', corpus.traces.get('.npz')!],
  ])
  return {
    kind: 'machine, text',
    files,
    run: (folder) =>
      check({ model: join(folder, 'model.onnx'), trace: join(folder, 'trace.npz') }, join(folder, 'machine.yaml')),
  }
}

const inputs: Maker = (corpus, random) => {
  const files = new Map(corpus.inputs)
  const door = random.pick(doors)
  const [file, labels = null] = door.split('+') as [string, string?]
  const related: Readonly<Record<string, readonly string[]>> = {
    'images.yaml': ['images.yaml', 'images.yaml', 'a.png', 'b.jpg', 'labels.json'],
    'raw.yaml': ['raw.yaml', 'raw.yaml', 'x.u8'],
  }
  const name = labels ?? random.pick(related[file] ?? [file])
  const bytes = files.get(name)!
  const text = /\.(yaml|json)$/.test(name) && random.below(4) !== 0
  files.set(name, text ? strToU8(mutateText(strFromU8(bytes), random)) : mutateBytes(bytes, random, bytes))
  return inputCase(corpus, `inputs ${name}, ${text ? 'text' : 'bytes'}`, door, files)
}

function inputCase(corpus: Corpus, kind: string, door: string, given: ReadonlyMap<string, Uint8Array>): FuzzCase {
  const files = new Map(given).set('model.onnx', corpus.models.get('conv')!)
  const [file, labels = null] = door.split('+') as [string, string?]
  return {
    kind,
    files,
    run: (folder) =>
      check({
        model: join(folder, 'model.onnx'),
        inputs: join(folder, file),
        labels: labels === null ? null : join(folder, labels),
        limit: 2,
      }),
  }
}

const makers: readonly Maker[] = [
  ...[modelBytes, modelBytes, modelStructure, modelStructure, modelStructure, embeddedModel, prunedModel],
  ...[trace, trace, trace, preset, preset, pattern, inputs, inputs, inputs],
]

/** A short run; every result is compared with the integer product there, and with onnxruntime's where the network runs. */
async function check(options: Partial<RunOptions>, arch = 'wu2024'): Promise<'run'> {
  const { machine } = resolveMachine(arch, [])
  const { result } = await runSimulation(
    {
      ...runDefaults,
      vectors: { kind: 'first', n: 2 },
      threads: 1,
      memoryBytes: 2 ** 26,
      check: 'all',
      ...options,
      machine,
      signal: new AbortController().signal,
    },
    silent,
  )
  if (result === null) throw new SimFault('a run without a result')
  for (const { name, timing, values } of result.layers) {
    const sound = Number.isInteger(timing.cycles) && timing.cycles > 0 && values?.losslessMismatches === 0
    if (!sound) throw new SimFault(`layer ${name}: ${timing.cycles} cycles, ${values?.losslessMismatches} mismatches`)
  }
  const odd = notFinite(result, 'result')
  if (odd !== null) throw new SimFault(`${odd} is not finite`)
  runFiles(result, { version: '0', configuration: machine, seeds: {}, request: {}, environment: {} }, new Map())
  renderTable(result, { width: 120, color: false })
  return 'run'
}

/** Path of the first number that is NaN or ∞, or null. A ratio in dB of nothing to something is −∞. */
function notFinite(value: unknown, path: string): string | null {
  if (typeof value === 'number') return value < Number.POSITIVE_INFINITY ? null : path
  if (typeof value !== 'object' || value === null) return null
  for (const [key, part] of Object.entries(value)) {
    const found = notFinite(part, `${path}.${key}`)
    if (found !== null) return found
  }
  return null
}

export function writeCase({ files }: FuzzCase, folder: string): void {
  mkdirSync(folder, { recursive: true })
  for (const [name, bytes] of files) writeFileSync(join(folder, name), bytes)
}
