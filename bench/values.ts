// The value path (every OU, plane and slice behind the 5-bit ADC) against a vectorised bit-serial forward pass in NumPy, one thread each.
// Every result of every vector must be equal.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type NpyData, readNpy, writeNpy } from '../traces/store/npy.js'
import { type Benchmark, type Report, timed } from './harness.js'
import { linesOf, root } from './native.js'
import { eventContext, fastWithValues, placeScene, type SceneLayer, topologyScene, valuesAlone } from './scene.js'
import { resnet18 } from './topologies/networks.js'

const pruned = 0.7
/** One layer of every kind and size of map. */
const chosen = ['conv1', 'conv2', 'conv6', 'conv8', 'conv12', 'conv17', 'gemm1']
const repetitions = 5
/** Demand: MAC/s of the fast engine ÷ MAC/s of NumPy, over all the layers. */
const minRatio = 5

export const valuesBenchmark: Benchmark = { name: 'values', run: compare }

async function compare(): Promise<Report> {
  const title = 'Values against NumPy'
  const text = [
    `Layers of ResNet-18 at 224 × 224, ${pruned * 100} % of the rows of every OU column pruned, one image, machine wu2024: integer results behind the 5-bit ADC, one thread each, least of ${repetitions} runs (NumPy: 2). ` +
      'MACs are those of the layer without pruning. The results of both are equal.',
  ]
  const head = ['layer', 'MACs', 'clipped', 'fast ms', 'fast MAC/s', 'NumPy ms', 'NumPy MAC/s', 'fast ÷ NumPy']
  const python = spawnSync('python3', ['-c', 'import numpy'])
  if (python.error !== undefined || python.status !== 0)
    return { title, text: [...text, 'Skipped: no python3 with numpy on this machine.'], head, rows: [], failures: [] }
  const scene = await topologyScene(resnet18, pruned)
  const layers = placeScene(scene, []).filter((layer) => chosen.includes(layer.placed.layer.name))
  const failures: string[] = []
  const total = { macs: 0, own: 0, numpy: 0 }
  const rows = layers.map((layer) => {
    const { macs, own, numpy, clipped, equal } = race(layer)
    const { name } = layer.placed.layer
    if (!equal) failures.push(`${name}: the results differ`)
    total.macs += macs
    total.own += own
    total.numpy += numpy
    return row(name, macs, `${clipped}`, own, numpy)
  })
  rows.push(row('**all of these**', total.macs, '', total.own, total.numpy))
  if (total.numpy / total.own < minRatio)
    failures.push(`${(total.numpy / total.own).toFixed(1)}× NumPy, wanted ${minRatio}×`)
  return { title, text, head, rows, failures }
}

function race(layer: SceneLayer) {
  const folder = mkdtempSync(join(tmpdir(), 'cimulator-bench-'))
  try {
    writeLayer(folder, layer)
    let own = Number.POSITIVE_INFINITY
    const { acc, clipped } = fastWithValues(layer, true)
    for (let i = 0; i < repetitions; i++)
      own = Math.min(
        own,
        timed(() => valuesAlone(layer)),
      )
    const program = join(root, 'bench', 'native', 'bit_serial.py')
    const single = { OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1', MKL_NUM_THREADS: '1' }
    const seconds = linesOf('python3', [program, folder, 2], single).flat()
    const theirs = readNpy(readFileSync(join(folder, 'outputs.npy')), 'outputs.npy').data
    const equal = theirs.length === acc.length && acc.every((value, i) => value === theirs[i])
    return { macs: layer.placed.resolved.macs, own, numpy: Math.min(...seconds), clipped, equal }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** As bench/native/bit_serial.py reads it. */
function writeLayer(folder: string, layer: SceneLayer): void {
  const { placed, machine, tensor } = layer
  const { mapping, coding, spec } = placed
  const [matrix] = mapping.matrices
  if (coding.encoding !== 'differential' || tensor.form !== 'unsigned' || mapping.matrices.length !== 1)
    throw new Error(`${placed.layer.name}: bit_serial.py takes one matrix, differential weights and unsigned codes`)
  const { work, vectors } = eventContext(layer)
  const save = (name: string, shape: number[], data: NpyData) =>
    writeFileSync(join(folder, `${name}.npy`), writeNpy({ shape, data }))
  save('e', [matrix!.rows, matrix!.cols], matrix!.e)
  save('codes', [vectors, matrix!.rows], work.codes[0]!)
  for (const [name, list] of Object.entries({
    row_start: mapping.rowStart,
    rows: mapping.rowOf,
    col_start: mapping.colStart,
    cols: mapping.colOf,
  }))
    save(name, [list.length], list)
  const numbers = {
    planes: spec.planes,
    slices: coding.slices,
    cell_bits: coding.cellBits,
    adc_bits: machine.adc.bits,
    zero_point: tensor.zeroPoint,
  }
  writeFileSync(join(folder, 'layer.json'), JSON.stringify(numbers))
}

function row(name: string, macs: number, clipped: string, own: number, numpy: number): string[] {
  const rate = (seconds: number) => `${(macs / seconds / 1e9).toFixed(2)} G`
  const ms = (seconds: number) => (seconds * 1e3).toFixed(1)
  return [name, `${macs}`, clipped, ms(own), rate(own), ms(numpy), rate(numpy), `${(numpy / own).toFixed(1)}×`]
}
