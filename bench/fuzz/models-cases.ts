// Cases that start from an ONNX file: its bytes or its message changed; loaded, run, pruned.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { strToU8 } from 'fflate'
import { openModel } from '../../models/nn/model-file.js'
import { loadNetwork } from '../../models/nn/network.js'
import { onnx } from '../../models/nn/proto/onnx.js'
import type { Network } from '../../models/nn/types.js'
import { fixedSparsity, loadPattern } from '../../models/sparsity/pattern.js'
import { resolveMachine } from '../../sim/chip/resolve.js'
import { silent } from '../../sim/progress.js'
import { runPrune } from '../../sim/prune/prune.js'
import { writeNpy } from '../../traces/store/npy.js'
import { packZip } from '../../traces/store/zip.js'
import { check, type FuzzCase, type Maker } from './case.js'
import type { Corpus } from './corpus.js'
import { mutateBytes, mutateText, type Random, randomOf } from './mutate.js'
import { mutateObject } from './structure.js'

export const modelBytes: Maker = (corpus, random) => {
  const [name, bytes] = random.pick([...corpus.models])
  const other = random.pick([...corpus.models.values()])
  return modelCase(`model ${name}, bytes`, mutateBytes(bytes, random, other), weightsFor(corpus, random), random)
}

const weightsFor: (corpus: Corpus, random: Random) => Uint8Array = ({ weights }, random) =>
  random.below(4) === 0 ? mutateBytes(weights, random, weights) : weights

export const modelStructure: Maker = (corpus, random) => {
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

export const embeddedModel: Maker = (corpus, random) => {
  const { model } = corpus.embedded
  return modelCase('embedded model, bytes', mutateBytes(model, random, model), corpus.weights, random)
}

export function modelCase(kind: string, bytes: Uint8Array, weights: Uint8Array, random: Random): FuzzCase {
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

export const prunedModel: Maker = (corpus, random) => {
  const [name, bytes] = random.pick([...corpus.models])
  const message = onnx.ModelProto.decode(bytes)
  mutateObject(message, random)
  const text = random.pick(corpus.patterns)
  return pruneCase(`pruned ${name}, message`, encoded(message) ?? bytes, text, corpus.weights)
}

export const pattern: Maker = (corpus, random) => {
  const text = mutateText(random.pick(corpus.patterns), random)
  return pruneCase('pattern, text', corpus.models.get('conv')!, text, corpus.weights)
}

export function pruneCase(kind: string, model: Uint8Array, text: string, weights: Uint8Array): FuzzCase {
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
