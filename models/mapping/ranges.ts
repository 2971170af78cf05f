// The strips of a layer in their order: matrix, row tile, strip (docs/timing.md, section 1, steps 1 and 2).
import type { WeightMatrix } from '../nn/types.js'
import type { MapSpec } from './spec.js'

export interface StripRange {
  readonly matrix: number
  readonly tile: number
  /** number of the strip inside its row tile */
  readonly strip: number
  readonly firstRow: number
  readonly rows: number
  readonly firstCol: number
  /** outputs of the strip */
  readonly width: number
}

type Size = Pick<WeightMatrix, 'rows' | 'cols'>
type Cut = Pick<MapSpec, 'ou' | 'tileRows' | 'stripOus'>

export function stripRanges(matrices: readonly Size[], spec: Cut): StripRange[] {
  return matrices.flatMap((matrix, m) => matrixRanges(matrix, m, spec))
}

function matrixRanges({ rows, cols }: Size, matrix: number, spec: Cut): StripRange[] {
  const height = spec.tileRows === 'all' ? rows : spec.tileRows
  const span = spec.stripOus * spec.ou.cols
  const across = Math.ceil(cols / span)
  return Array.from({ length: Math.ceil(rows / height) * across }, (_, i) => {
    const tile = Math.floor(i / across)
    const strip = i % across
    return {
      matrix,
      tile,
      strip,
      firstRow: tile * height,
      rows: Math.min(height, rows - tile * height),
      firstCol: strip * span,
      width: Math.min(span, cols - strip * span),
    }
  })
}

/** Blocks of a strip: the length of its permutation. */
export function blocksOf(range: Pick<StripRange, 'width'>, block: number): number {
  return Math.ceil(range.width / block)
}
