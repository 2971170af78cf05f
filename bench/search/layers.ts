// Networks for the search: their weights as matrices in which only zero or not counts, as they are or pruned in one shot.
import { stripRanges } from '../../models/mapping/ranges.js'
import type { StripJob } from '../../models/mapping/search.js'
import type { SearchOptions } from '../../models/mapping/spec.js'
import { canHelp, type StripProblem, stripProblem } from '../../models/mapping/strip.js'
import { loadNetwork } from '../../models/nn/network.js'
import type { WeightMatrix } from '../../models/nn/types.js'
import { defaultHardware, patternOf, pruneLayers } from '../../models/sparsity/index.js'
import { prunableLayer, sparedByDefault } from '../../models/sparsity/layers.js'
import { modelBytes } from '../networks/data.js'

export interface NamedMatrix {
  readonly layer: string
  readonly group: number
  readonly matrix: WeightMatrix
}

export interface Pruning {
  readonly sparsity: number
  readonly beta: number
  readonly scope: 'layer' | 'global'
}

/** Layers between the first and the last, e = 1 where a weight is not zero. @param pruning null: as they are */
export function zeroPatterns(network: string, pruning: Pruning | null): NamedMatrix[] {
  const { layers } = loadNetwork(modelBytes(network), network)
  const inner = layers
    .filter((layer) => sparedByDefault(layer, layers.length) === null)
    .map((layer) => prunableLayer(layer, 'channel-major'))
  const masks =
    pruning === null
      ? null
      : pruneLayers(inner, {
          description: patternOf('block'),
          criterion: 'magnitude',
          norm: 'l1',
          scope: pruning.scope,
          sparsity: pruning.sparsity,
          seed: '',
          hardware: { ...defaultHardware, beta: pruning.beta },
        })
  return inner.flatMap(({ name, matrices }, l) =>
    matrices.map(({ rows, cols, values }, group) => ({
      layer: name,
      group,
      matrix: {
        rows,
        cols,
        e: Int16Array.from(values, (v, i) => nonZero(v, masks?.[l]?.[group]?.[i])),
        diagonal: null,
      },
    })),
  )
}

function nonZero(value: number, kept: number | undefined): number {
  return value !== 0 && kept !== 0 ? 1 : 0
}

export interface Cut {
  readonly tileRows: number | 'all'
  readonly beta: number
}

/** OU 16 × 8, eight OU columns in a strip, as the preset has it. */
const shape = { ou: { rows: 16, cols: 8 }, stripOus: 8 }

export interface NamedStrip {
  readonly problem: StripProblem
  readonly stream: string
}

export function strips(matrices: readonly NamedMatrix[], { tileRows, beta }: Cut, seed: number): NamedStrip[] {
  return matrices.flatMap(({ layer, group, matrix }) =>
    stripRanges([matrix], { ...shape, tileRows }).map((range) => ({
      problem: stripProblem(matrix, range, { ...shape, block: beta }),
      stream: `${seed}/${layer}/${group}/${range.tile}/${range.strip}`,
    })),
  )
}

export function jobs(list: readonly NamedStrip[], remapper: string, search: SearchOptions): StripJob[] {
  return list.filter(({ problem }) => canHelp(problem)).map((strip) => ({ ...strip, remapper, search }))
}
