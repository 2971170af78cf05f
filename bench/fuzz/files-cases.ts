// Cases that start from a trace, a machine, inputs, a mapping or a run directory.

import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { strFromU8, strToU8, unzipSync, zipSync } from 'fflate'
import { contentSha256, type MappingFile } from '../../models/mapping/file.js'
import { compareRuns } from '../../traces/results/compare.js'
import { openRun } from '../../traces/results/open.js'
import { openTrace } from '../../traces/store/trace-file.js'
import { stamp } from '../../traces/store/zip.js'
import { check, type FuzzCase, type Maker } from './case.js'
import type { Corpus } from './corpus.js'
import { mutateBytes, mutateText, type Random } from './mutate.js'
import { mutateObject } from './structure.js'

/** Files and labels that inputs are read from. */
export const doors = ['x.npy', 'x.npz', 'images.yaml', 'raw.yaml', 'x.npy+classes.json']

export const trace: Maker = (corpus, random) => {
  const small = random.below(8) !== 0
  const [ending, bytes] = small ? random.pick([...corpus.traces]) : (['.npz', corpus.embedded.trace] as const)
  const structural = random.below(2) === 0
  const changed = structural ? changedTrace(ending, bytes, random) : mutateBytes(bytes, random, bytes)
  return traceCase(corpus, `trace ${ending}, ${structural ? 'text' : 'bytes'}`, ending, changed, small)
}

/** @param small a trace of the small model, not of the embedded one */
export function traceCase(corpus: Corpus, kind: string, ending: string, bytes: Uint8Array, small: boolean): FuzzCase {
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
    return zipSync(entries, { level: 0, mtime: stamp })
  }
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true))
  const header = strToU8(change(strFromU8(bytes.subarray(8, 8 + length))))
  const out = new Uint8Array(8 + header.length + bytes.length - 8 - length)
  new DataView(out.buffer).setBigUint64(0, BigInt(header.length), true)
  out.set(header, 8)
  out.set(bytes.subarray(8 + length), 8 + header.length)
  return out
}

export const preset: Maker = (corpus, random) => machineCase(corpus, mutateText(random.pick(corpus.presets), random))

export function machineCase(corpus: Corpus, text: string): FuzzCase {
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

export const inputs: Maker = (corpus, random) => {
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

export function inputCase(
  corpus: Corpus,
  kind: string,
  door: string,
  given: ReadonlyMap<string, Uint8Array>,
): FuzzCase {
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

export const mapping: Maker = (corpus, random) => {
  const text = random.below(4) === 0 ? mutateText(corpus.mapping, random) : changedMapping(corpus.mapping, random)
  return mappingCase(corpus, 'mapping, text', text)
}

/** Its content changed, and the hash of the content with it. */
function changedMapping(text: string, random: Random): string {
  const value = JSON.parse(text) as MappingFile
  mutateObject(value, random)
  try {
    return JSON.stringify({ ...value, sha256: contentSha256(value) })
  } catch {
    return JSON.stringify(value)
  }
}

export function mappingCase(corpus: Corpus, kind: string, text: string): FuzzCase {
  const files = new Map([
    ['mapping.json', strToU8(text)],
    ['model.onnx', corpus.models.get('conv')!],
    ['trace.npz', corpus.traces.get('.npz')!],
  ])
  return {
    kind,
    files,
    run: (folder) =>
      check({
        model: join(folder, 'model.onnx'),
        trace: join(folder, 'trace.npz'),
        mapping: join(folder, 'mapping.json'),
      }),
  }
}

export const runDirectory: Maker = (corpus, random) => {
  const files = new Map(corpus.run)
  const name = random.pick([...files.keys()])
  const bytes = files.get(name)!
  const text = /\.(json|csv)$/.test(name) && random.below(3) !== 0
  const changed = text ? strToU8(mutateText(strFromU8(bytes), random)) : mutateBytes(bytes, random, bytes)
  files.set(name, changed)
  const manifest = JSON.parse(strFromU8(corpus.run.get('manifest.json')!)) as { files: Record<string, string> }
  // Mostly with the hash of the changed file, so that its reader is reached.
  if (name in manifest.files && random.below(8) !== 0) {
    manifest.files[name] = createHash('sha256').update(changed).digest('hex')
    files.set('manifest.json', strToU8(JSON.stringify(manifest)))
  }
  return runCase(corpus, `run ${name}, ${text ? 'text' : 'bytes'}`, files)
}

export function runCase(corpus: Corpus, kind: string, files: ReadonlyMap<string, Uint8Array>): FuzzCase {
  const both = [...files].map(([name, bytes]): [string, Uint8Array] => [`b/${name}`, bytes])
  return {
    kind,
    files: new Map([...[...corpus.run].map(([name, bytes]): [string, Uint8Array] => [`a/${name}`, bytes]), ...both]),
    async run(folder) {
      const open = (side: string) => openRun(join(folder, side))
      await compareRuns(open('a'), open('b'))
      await compareRuns(open('b'), open('a'))
      return 'run'
    },
  }
}
