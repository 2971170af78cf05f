// Seeded weights: He-normal, pruned in whole rows of OU columns (8 neighbouring outputs of one row of the lowered matrix are zero together).
import seedrandom from 'seedrandom'
import { type ConvStep, type GemmStep, isWeighted, rowsOf, type Topology } from './graph.js'

/** Outputs that are pruned together: the columns of an OU of the preset machine. */
export const columns = 8

/** Weights [output][row], rows in the order (cin, kh, kw), and a bias per output. */
export interface LayerNumbers {
  readonly weights: Float32Array
  readonly bias: Float32Array
}

/**
 * Standard deviation sqrt(2 / kept rows): He et al., ICCV 2015, equation 10, for the inputs that are left.
 * @param pruned probability with which the `columns` weights of a row are zero
 */
export function drawWeights(topology: Topology, pruned: number, seed: string): Map<string, LayerNumbers> {
  const layers = topology.steps.filter(isWeighted)
  return new Map(layers.map((step) => [step.name, drawLayer(step, pruned, `${seed} ${topology.name} ${step.name}`)]))
}

function drawLayer(step: ConvStep | GemmStep, pruned: number, stream: string): LayerNumbers {
  const rows = rowsOf(step)
  const mask = seedrandom.alea(`${stream} mask`)
  const normal = normals(seedrandom.alea(`${stream} weights`))
  const deviation = Math.sqrt(2 / (rows * (1 - pruned)))
  const weights = new Float32Array(step.outputs * rows)
  for (let first = 0; first < step.outputs; first += columns) {
    const end = Math.min(step.outputs, first + columns)
    for (let row = 0; row < rows; row++) {
      if (mask() < pruned) continue
      for (let output = first; output < end; output++) weights[output * rows + row] = deviation * normal()
    }
  }
  return { weights, bias: new Float32Array(step.outputs) }
}

/** Standard normal numbers by the method of Box and Muller (1958), two at a time. */
export function normals(random: () => number): () => number {
  let spare = 0
  let odd = false
  return () => {
    odd = !odd
    if (!odd) return spare
    const radius = Math.sqrt(-2 * Math.log(1 - random()))
    const angle = 2 * Math.PI * random()
    spare = radius * Math.sin(angle)
    return radius * Math.cos(angle)
  }
}

/** Deviation and mean that a batch normalisation behind a convolution would give its outputs, per channel. */
export function drawNorms(step: ConvStep, seed: string): { readonly gain: Float32Array; readonly shift: Float32Array } {
  const random = seedrandom.alea(`${seed} ${step.name} norm`)
  const normal = normals(random)
  const gain = Float32Array.from({ length: step.outputs }, () => 0.6 + 0.8 * random())
  const shift = Float32Array.from({ length: step.outputs }, () => step.shift + 0.4 * normal())
  return { gain, shift }
}
