// One image through whole networks: timing and energy counters, and the same with every result behind the ADC, as a multiple of the onnxruntime
// run that records the activations; and how the time for an OU activation changes from a small network to a large one.
import { openSession } from '../traces/record/session.js'
import { type Benchmark, type Report, timed } from './harness.js'
import { dataFolder, modelBytes, networkNames } from './networks/data.js'
import { itemsOf } from './networks/items.js'
import { fastTiming, fastWithValues, placeScene, recordScene, type Scene, topologyScene } from './scene.js'
import { lenet, resnet18, resnet50, vgg16 } from './topologies/networks.js'

const pruned = 0.7
const repetitions = 5
/** Runs longer than this are repeated twice only. */
const longS = 10
/** Demands on ResNet-18: multiples of the onnxruntime run; and on larger networks: time per activation ÷ that of ResNet-18. */
const mostTiming = 12
const mostValues = 30
const mostGrowth = 1.3

export const imagesBenchmark: Benchmark = { name: 'images', run: topologies }
export const trainedBenchmark: Benchmark = { name: 'trained', run: trained }

interface Measured {
  readonly name: string
  readonly macs: number
  readonly activations: number
  readonly clipped: number
  /** seconds: the recording run of onnxruntime, timing alone, timing and values */
  readonly reference: number
  readonly timing: number
  readonly values: number
}

async function topologies(): Promise<Report> {
  const measured: Measured[] = []
  for (const topology of [lenet, resnet18, resnet50, vgg16])
    measured.push(await measure(await topologyScene(topology, pruned)))
  const [, middle] = measured
  const failures = [
    ...over('timing', middle!.timing / middle!.reference, mostTiming),
    ...over('values', middle!.values / middle!.reference, mostValues),
    ...measured
      .slice(2)
      .flatMap((m) => over(`growth to ${m.name}`, perActivation(m) / perActivation(middle!), mostGrowth)),
  ]
  return reportOf('Whole networks', `${pruned * 100} % of the rows of every OU column pruned`, measured, failures)
}

async function trained(): Promise<Report> {
  const text = 'Trained networks of CIMULATOR_DATA, first item'
  if (dataFolder === null) return reportOf('Trained networks', `${text}. Skipped: CIMULATOR_DATA is not set`, [], [])
  const measured: Measured[] = []
  for (const name of networkNames())
    measured.push(await measure(await recordScene(name, modelBytes(name), itemsOf(name, 1))))
  return reportOf('Trained networks', text, measured, [])
}

function over(what: string, ratio: number, most: number): string[] {
  return ratio > most ? [`${what}: ${ratio.toFixed(1)}×, wanted ≤ ${most}×`] : []
}

async function measure(scene: Scene): Promise<Measured> {
  const layers = placeScene(scene, [])
  const reference = await recordingRun(scene)
  let activations = 0
  let clipped = 0
  const timing = least(() => {
    activations = layers.reduce((sum, layer) => sum + fastTiming(layer).ouActivations, 0)
  })
  const values = least(() => {
    clipped = layers.reduce((sum, layer) => sum + fastWithValues(layer).clipped, 0)
  })
  const macs = layers.reduce((sum, layer) => sum + layer.placed.resolved.macs, 0)
  return { name: scene.name, macs, activations, clipped, reference, timing, values }
}

/** Least seconds of some runs behind one that warms up. */
function least(work: () => void): number {
  const first = timed(work)
  const runs = first > longS ? 1 : repetitions
  return Math.min(first, ...Array.from({ length: runs }, () => timed(work)))
}

/** The run that records: one thread, nothing fused, the inputs of all layers handed out. */
async function recordingRun({ network, bytes, items }: Scene): Promise<number> {
  const names = [...new Set([...network.layers.map((layer) => layer.inputTensor), network.outputs[0]!])]
  const session = await openSession(network, bytes, names)
  let best = Number.POSITIVE_INFINITY
  for (let i = 0; i <= 2 * repetitions; i++) {
    const from = process.hrtime.bigint()
    await session.run(items[0]!, names)
    best = Math.min(best, Number(process.hrtime.bigint() - from) * 1e-9)
  }
  await session.release()
  return best
}

function perActivation({ timing, activations }: Measured): number {
  return (timing / activations) * 1e9
}

function reportOf(title: string, what: string, measured: readonly Measured[], failures: readonly string[]): Report {
  const text = [
    `${what}; one image, machine wu2024, one thread each; least of ${repetitions} runs. "onnxruntime" is the run that records the activations of all layers, fp32 where the network is. ` +
      'Timing = from the recorded tensors to every cycle and energy counter; values = the same with every result behind the 5-bit ADC.',
  ]
  const head = [
    'network',
    'GMAC',
    'OU activations',
    'onnxruntime ms',
    'timing ms',
    '÷ onnxruntime',
    'ns/activation',
    'values ms',
    '÷ onnxruntime',
    'clipped',
  ]
  const rows = measured.map((m) => [
    m.name,
    (m.macs / 1e9).toFixed(3),
    `${m.activations}`,
    (m.reference * 1e3).toFixed(1),
    (m.timing * 1e3).toFixed(1),
    `${(m.timing / m.reference).toFixed(2)}×`,
    perActivation(m).toFixed(2),
    (m.values * 1e3).toFixed(1),
    `${(m.values / m.reference).toFixed(1)}×`,
    `${m.clipped}`,
  ])
  return { title, text, head, rows, failures }
}
