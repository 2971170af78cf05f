// Rebuilds the embedded network: npm run embedded [-- --out DIR] [-- --keep-network]. Trains, measures, writes network.onnx, the shipped
// inputs and their recorded trace.
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../models/base/paths.js'
import { classes, samples, side } from '../models/embedded/dataset.js'
import { toOnnx } from '../models/embedded/export.js'
import { ablations, linearAccuracy, reluZeros } from '../models/embedded/figures.js'
import { convs } from '../models/embedded/network.js'
import { accuracy, train } from '../models/embedded/train.js'
import { resolveMachine } from '../sim/chip/resolve.js'
import { silent } from '../sim/progress.js'
import { recordToFile } from '../sim/run.js'
import { writeNpy } from '../traces/store/npy.js'
import { packZip } from '../traces/store/zip.js'

const shipped = 64

const at = process.argv.indexOf('--out')
const out = at < 0 ? join(packageRoot(), 'models', 'embedded') : process.argv[at + 1]!
const say = (text: string) => void process.stderr.write(`${text}\n`)
const percent = (share: number) => `${(share * 100).toFixed(1)} %`
const network = join(out, 'network.onnx')

if (!process.argv.includes('--keep-network')) {
  const training = samples('train', 12_000)
  const test = samples('test', 1000)
  const weights = train(training, {
    epochs: 6,
    batch: 32,
    rate: 0.002,
    onEpoch: (epoch, loss) => say(`epoch ${epoch + 1}: loss ${loss.toFixed(4)}`),
  })
  writeFileSync(network, toOnnx(weights))
  const names = [...convs.map((shape) => shape.name), 'gemm']
  say(`weights ${weights.reduce((sum, part) => sum + part.weights.length, 0)}`)
  say(
    `accuracy on 1000 inputs of stream "test": ${percent(accuracy(weights, test))}; linear classifier: ${percent(linearAccuracy(training.slice(0, 4000), test, 200))}`,
  )
  say(
    `zeros after ReLU: ${reluZeros(weights, test.slice(0, 200))
      .map((share, i) => `${names[i]} ${percent(share)}`)
      .join(', ')}`,
  )
  say(
    `accuracy without a layer: ${ablations(weights, test.slice(0, 400))
      .map((share, i) => `${names[i]} ${percent(share)}`)
      .join(', ')}`,
  )
}

const list = samples('shipped', shipped)
const pixels = new Float32Array(shipped * side * side)
for (const [i, sample] of list.entries()) pixels.set(sample.pixels, i * side * side)
const labels = Int32Array.from(list, (sample) => sample.label)
const inputs = join(out, 'inputs.npz')
const arrays = new Map([
  ['image.npy', writeNpy({ shape: [shipped, 1, side, side], data: pixels })],
  ['labels.npy', writeNpy({ shape: [shipped], data: labels })],
])
writeFileSync(inputs, packZip(arrays))
const { machine } = resolveMachine('wu2024', [])
const trace = join(out, 'trace.npz')
await recordToFile(
  {
    model: network,
    inputs,
    labels: null,
    machine,
    limit: null,
    out: trace,
    force: true,
    pack: true,
    signal: new AbortController().signal,
  },
  silent,
)
for (const file of [network, inputs, trace]) {
  const bytes = readFileSync(file)
  say(`${file}: ${bytes.length} bytes, sha256 ${createHash('sha256').update(bytes).digest('hex')}`)
}
say(`classes: ${classes.join(', ')}`)
