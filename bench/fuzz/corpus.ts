// Files that the fuzzer starts from: those of the package, and small ones of every kind that cimulator reads, made from a seed.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { encode } from 'fast-png'
import jpeg from 'jpeg-js'
import { presetFolder, presetNames } from '../../models/config/layered.js'
import { mappingText } from '../../models/mapping/file.js'
import { resolveMachine } from '../../sim/chip/resolve.js'
import { runDefaults } from '../../sim/options.js'
import { silent } from '../../sim/progress.js'
import { runRemap } from '../../sim/remap.js'
import { recordToFile, runSimulation } from '../../sim/run.js'
import { embeddedFile } from '../../sim/source.js'
import { runFiles } from '../../traces/results/directory.js'
import { writeNpy } from '../../traces/store/npy.js'
import { packZip } from '../../traces/store/zip.js'
import { smallModels } from './models.js'
import { type Random, randomOf } from './mutate.js'

export interface Corpus {
  readonly embedded: { readonly model: Uint8Array; readonly trace: Uint8Array; readonly inputs: Uint8Array }
  readonly presets: readonly string[]
  /** pruning patterns */
  readonly patterns: readonly string[]
  /** small ONNX files by name */
  readonly models: ReadonlyMap<string, Uint8Array>
  /** external data of the model that has them */
  readonly weights: Uint8Array
  /** traces of the small model `conv`, by ending */
  readonly traces: ReadonlyMap<string, Uint8Array>
  /** inputs of the same model: arrays, archives, images, labels, descriptions, by file name */
  readonly inputs: ReadonlyMap<string, Uint8Array>
  /** a mapping of the same model */
  readonly mapping: string
  /** a run directory of the same model, by file */
  readonly run: ReadonlyMap<string, Uint8Array>
}

/** @param folder for the files that must be on disk while the corpus is made */
export async function makeCorpus(folder: string): Promise<Corpus> {
  const random = randomOf('corpus')
  const models = smallModels(random)
  const inputs = inputFiles(random)
  const file = (name: string, bytes: Uint8Array) => {
    const path = join(folder, name)
    mkdirSync(folder, { recursive: true })
    writeFileSync(path, bytes)
    return path
  }
  const model = file('conv.onnx', models.get('conv')!)
  const array = file('x.npy', inputs.get('x.npy')!)
  const traces = new Map<string, Uint8Array>()
  for (const ending of ['.npz', '.safetensors']) {
    const out = join(folder, `trace${ending}`)
    const { machine } = resolveMachine('wu2024', [])
    const signal = new AbortController().signal
    await recordToFile({ ...runDefaults, model, inputs: array, machine, pack: false, out, force: true, signal }, silent)
    traces.set(ending, plain(readFileSync(out)))
  }
  return {
    embedded: {
      model: plain(readFileSync(embeddedFile('network.onnx'))),
      trace: plain(readFileSync(embeddedFile('trace.npz'))),
      inputs: plain(readFileSync(embeddedFile('inputs.npz'))),
    },
    presets: presetNames().map((name) => readFileSync(join(presetFolder(), `${name}.yaml`), 'utf8')),
    patterns: [hybrid, masked, rows],
    models: plainAll(models),
    weights: Uint8Array.from({ length: 64 }, (_, i) => (i * 37) & 63),
    traces,
    inputs: plainAll(inputs),
    mapping: await mappingOf(model),
    run: await runOf(model, join(folder, 'trace.npz')),
  }
}

async function mappingOf(model: string): Promise<string> {
  const { machine } = resolveMachine('wu2024', ['mapping.remapper=sort'])
  const signal = new AbortController().signal
  return mappingText((await runRemap({ model, machine, out: null, force: false, threads: 1, signal }, silent)).mapping)
}

async function runOf(model: string, trace: string): Promise<Map<string, Uint8Array>> {
  const { machine } = resolveMachine('wu2024', [])
  const signal = new AbortController().signal
  const { result } = await runSimulation({ ...runDefaults, model, trace, machine, threads: 1, signal }, silent)
  const info = { version: '0', configuration: machine, seeds: {}, request: {}, environment: { paths: {} } }
  const text = (content: Uint8Array | string) => (typeof content === 'string' ? Buffer.from(content) : content)
  return plainAll(new Map([...runFiles(result!, info, new Map())].map(([name, content]) => [name, text(content)])))
}

/** Mutations copy with `slice`, which of a Buffer is a view: whoever changes it would change the corpus. */
function plain(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from(bytes)
}

function plainAll(files: ReadonlyMap<string, Uint8Array>): Map<string, Uint8Array> {
  return new Map([...files].map(([name, bytes]) => [name, plain(bytes)]))
}

const hybrid = `name: hybrid
patterns:
  - { kind: intra-block, rows: 4, cols: 1, keep: 2 }
  - { kind: full-block, rows: ou-rows, cols: ou-cols }
`

const masked = `name: masked
description: two neighbours of four
patterns:
  - kind: intra-block
    rows: 4
    cols: 1
    keep: 2
    masks: ["1100", "0110", "0011"]
`

const rows = `name: rows
patterns:
  - { kind: full-block, rows: 1, cols: all-cols, sparsity: 0.5 }
`

const description = `description: two small images
inputs:
  x:
    files: [a.png, b.jpg]
    resize: { shorter: 6, method: antialias }
    crop: { height: 5, width: 5 }
    network: { layout: NCHW, channels: BGR }
    divide: 255
    mean: 0.5
    std: [0.25, 0.5, 1]
labels:
  file: labels.json
  path: items[].id
  offset: 0
`

const rawDescription = `inputs:
  x:
    file: x.u8
    dtype: uint8
    shape: [N, 3, 5, 5]
labels: { ids: [1, [2, 3]] }
first: 2
`

function inputFiles(random: Random): Map<string, Uint8Array> {
  const text = (value: string) => new TextEncoder().encode(value)
  const data = Float32Array.from({ length: 150 }, () => random.unit() * 4 - 2)
  const x = writeNpy({ shape: [2, 3, 5, 5], data })
  const pixels = (count: number) => Uint8Array.from({ length: count }, () => random.below(256))
  return new Map([
    ['x.npy', x],
    [
      'x.npz',
      packZip(
        new Map([
          ['x.npy', x],
          ['labels.npy', writeNpy({ shape: [2], data: Int32Array.of(1, 3) })],
        ]),
      ),
    ],
    ['x.u8', pixels(150)],
    ['a.png', encode({ width: 8, height: 7, channels: 3, data: pixels(168) })],
    ['b.jpg', jpeg.encode({ width: 9, height: 8, data: pixels(288) }, 60).data],
    ['labels.json', text(JSON.stringify({ items: [{ id: 1 }, { id: [2, 3] }] }))],
    ['classes.json', text('[0, 2]')],
    ['images.yaml', text(description)],
    ['raw.yaml', text(rawDescription)],
  ])
}
