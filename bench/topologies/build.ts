// A topology → an ONNX file in the cache below node_modules, written once: weights drawn, activations calibrated, normalisation folded.
import { closeSync, existsSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../../models/base/paths.js'
import { loadNetwork } from '../../models/nn/network.js'
import { openSession } from '../../traces/record/session.js'
import type { ConvStep, Topology } from './graph.js'
import { images } from './images.js'
import { type CalibrationNorms, statisticsOf, toOnnx } from './onnx.js'
import { drawNorms, drawWeights, type LayerNumbers } from './weights.js'

export const seed = 'topology'
/** Part of the file name: a change of anything that decides the bytes needs a new one. */
const version = 3

/** @param pruned share of rows pruned, per OU column; @returns path of the ONNX file */
export async function topologyFile(topology: Topology, pruned: number): Promise<string> {
  const folder = join(packageRoot(), 'node_modules', '.cache', 'cimulator', 'topologies')
  const file = join(folder, `${topology.name}-${Math.round(pruned * 100)}-v${version}.onnx`)
  if (existsSync(file)) return file
  mkdirSync(folder, { recursive: true })
  const unfinished = `${file}.${process.pid}`
  writeParts(unfinished, toOnnx(topology, await calibrated(topology, pruned), null))
  renameSync(unfinished, file)
  return file
}

function writeParts(file: string, parts: readonly Uint8Array[]): void {
  const handle = openSync(file, 'w')
  for (const part of parts) for (let at = 0; at < part.length; ) at += writeSync(handle, part, at)
  closeSync(handle)
}

/** Images whose statistics decide the normalisation: with one alone, layers would amplify what tells images apart. */
const calibrationImages = 8

/**
 * Weights and biases such that every channel of every convolution has a drawn mean and deviation over some calibration images: they run once
 * through the network with a batch normalisation behind every convolution, which is then folded into weights and bias. Gemm keeps its He gain.
 */
export async function calibrated(topology: Topology, pruned: number): Promise<Map<string, LayerNumbers>> {
  const numbers = drawWeights(topology, pruned, seed)
  const norms: CalibrationNorms = {
    images: calibrationImages,
    of: (step: ConvStep) => drawNorms(step, `${seed} ${topology.name}`),
  }
  const bytes = concatenated(toOnnx(topology, numbers, norms))
  const network = loadNetwork(bytes, `${topology.name} (calibration)`)
  const convs = topology.steps.filter((step) => step.kind === 'conv')
  const names = convs.flatMap((step) => statisticsOf(step.name))
  const session = await openSession(network, bytes, names)
  const fetched = await session.run(images(topology, `${seed} calibration`, 0, calibrationImages), names)
  await session.release()
  for (const step of convs) {
    const [mean, deviation] = statisticsOf(step.name).map((name) => fetched.get(name)!.data)
    fold(numbers.get(step.name)!, mean!, deviation!, norms.of(step))
  }
  return numbers
}

/** Per channel: gain · (x − mean) / deviation + shift, into the weights and bias that make x. */
function fold(
  { weights, bias }: LayerNumbers,
  mean: ArrayLike<number>,
  deviation: ArrayLike<number>,
  norm: { readonly gain: Float32Array; readonly shift: Float32Array },
): void {
  const rows = weights.length / bias.length
  for (let c = 0; c < bias.length; c++) {
    const factor = norm.gain[c]! / deviation[c]!
    for (let r = c * rows; r < (c + 1) * rows; r++) weights[r]! *= factor
    bias[c] = norm.shift[c]! - mean[c]! * factor
  }
}

function concatenated(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
