// Cutting finished strips into pieces and placing them in array groups (docs/timing.md, section 1, steps 9 and 10).
import type { ArrayGroup, Piece, Strip } from './mapping.js'
import type { MapSpec } from './spec.js'

export interface Placement {
  readonly pieces: Piece[]
  readonly groups: ArrayGroup[]
}

/** OU rows and OU columns of an array group. */
export function groupSize(spec: Pick<MapSpec, 'array' | 'ou'>): { readonly rows: number; readonly cols: number } {
  return { rows: Math.floor(spec.array.rows / spec.ou.rows), cols: Math.floor(spec.array.cols / spec.ou.cols) }
}

export function place(strips: readonly Strip[], spec: MapSpec): Placement {
  const size = groupSize(spec)
  const pieces: Piece[] = []
  let group = 0
  let left = 0
  let stackWidth = 0
  let bottom = 0
  for (const [index, strip] of strips.entries()) {
    const heights = strip.endWindow - strip.firstWindow
    for (let first = 0; first < heights; first += size.rows) {
      const rows = Math.min(size.rows, heights - first)
      const below = bottom + rows <= size.rows && left + strip.slots <= size.cols
      if (!below) {
        const right = left + stackWidth + strip.slots <= size.cols
        left = right ? left + stackWidth : 0
        if (!right) group++
        stackWidth = 0
        bottom = 0
      }
      pieces.push({
        strip: index,
        firstHeight: first,
        heights: rows,
        width: strip.slots,
        group,
        row: bottom,
        col: left,
        firstWindow: strip.firstWindow + first,
      })
      stackWidth = Math.max(stackWidth, strip.slots)
      bottom += rows
    }
  }
  return { pieces, groups: groupRanges(pieces) }
}

function groupRanges(pieces: readonly Piece[]): ArrayGroup[] {
  const groups: ArrayGroup[] = []
  for (let first = 0; first < pieces.length; ) {
    let end = first
    while (end < pieces.length && pieces[end]!.group === pieces[first]!.group) end++
    const last = pieces[end - 1]!
    groups.push({
      firstPiece: first,
      endPiece: end,
      firstWindow: pieces[first]!.firstWindow,
      endWindow: last.firstWindow + last.heights,
    })
    first = end
  }
  return groups
}
