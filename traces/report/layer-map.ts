// Where the weights of a layer lie, before and after remapping: the matrix with the zeros that were won, and the arrays.
import { firstOutput, type Mapping } from '../../models/mapping/mapping.js'
import { bitLines } from '../../models/mapping/reorder.js'
import type { MapSpec } from '../../models/mapping/spec.js'
import { type Color, labelWidth, type Picture, type Shape } from './picture.js'

export interface LayerMap {
  readonly title: string
  /** compressed, blocks as they are, not planarised */
  readonly before: Mapping
  /** remapped, as the machine holds it */
  readonly after: Mapping
  readonly spec: MapSpec
}

/** What a cell shows; also its place in the palette. Where several weights share a pixel the largest wins. */
const shows = { empty: 0, deleted: 1, zero: 2, lost: 3, won: 4, weight: 5 } as const

const palette: readonly Color[] = [
  [245, 245, 245],
  [226, 232, 226],
  [160, 190, 220],
  [196, 62, 48],
  [243, 156, 32],
  [24, 70, 120],
]
const grid: Color = [120, 120, 120]
const moved: Color = [128, 0, 160]

const margin = 16
const line = 12
const widest = 1536
const mostGroups = 40

export function layerMap(map: LayerMap): Picture {
  const { before, after } = map
  const kinds = weightKinds(before, after)
  const shapes: Shape[] = []
  let y = margin
  const say = (text: string, size: 1 | 2 = 1) => {
    shapes.push({ kind: 'label', x: margin, y, text, size })
    y += line * size
  }
  say(map.title, 2)
  say(
    `zeros deleted: ${before.deletedWeights} → ${after.deletedWeights}; OUs: ${before.ous} → ${after.ous}; array groups: ${before.groups.length} → ${after.groups.length}`,
  )
  y = legend(shapes, y, kinds)
  const views: readonly (readonly [string, Mapping])[] = [
    ['before: outputs in their order (down), weight rows (across)', before],
    ['after: outputs in physical order', after],
  ]
  for (const [text, mapping] of views) {
    y += line / 2
    say(text)
    y = matrixView(shapes, y, mapping, kinds)
  }
  for (const [text, mapping] of [
    ['arrays before: bit lines (across), word lines (down), one slice and polarity', before],
    ['arrays after; framed: OUs that planarisation moved to another slot', after],
  ] as const) {
    y += line / 2
    say(text)
    y = arraysView(shapes, y, mapping, kinds, map.spec)
  }
  const right = shapes.reduce((most, shape) => Math.max(most, rightEdge(shape)), 0)
  return { width: right + margin, height: y + margin, title: map.title, shapes }
}

function rightEdge(shape: Shape): number {
  if (shape.kind === 'label') return shape.x + labelWidth(shape.text, shape.size)
  return shape.x + (shape.kind === 'box' ? shape.width : shape.columns * shape.scale)
}

/** rows × cols per matrix: what became of every weight. */
function weightKinds(before: Mapping, after: Mapping): Uint8Array[] {
  const [first, then] = [storedWeights(before), storedWeights(after)]
  return before.matrices.map(({ e }, m) =>
    Uint8Array.from(e, (value, at) => {
      if (value !== 0) return shows.weight
      if (first[m]![at] === 1) return then[m]![at] === 1 ? shows.zero : shows.won
      return then[m]![at] === 1 ? shows.lost : shows.deleted
    }),
  )
}

function storedWeights(mapping: Mapping): Uint8Array[] {
  const stored = mapping.matrices.map(({ e }) => new Uint8Array(e.length))
  for (let ou = 0; ou < mapping.ous; ou++) {
    const { matrix } = mapping.strips[mapping.stripOf[ou]!]!
    for (let r = mapping.rowStart[ou]!; r < mapping.rowStart[ou + 1]!; r++) {
      for (let c = mapping.colStart[ou]!; c < mapping.colStart[ou + 1]!; c++)
        stored[matrix]![mapping.rowOf[r]! * mapping.matrices[matrix]!.cols + mapping.colOf[c]!] = 1
    }
  }
  return stored
}

function legend(shapes: Shape[], y: number, kinds: readonly Uint8Array[]): number {
  const counts = new Float64Array(palette.length)
  for (const list of kinds) for (const kind of list) counts[kind]!++
  const entries = [
    [shows.weight, `weight ${counts[shows.weight]}`],
    [shows.zero, `zero stored ${counts[shows.zero]}`],
    [shows.won, `zero won ${counts[shows.won]}`],
    [shows.lost, `zero stored again ${counts[shows.lost]}`],
    [shows.deleted, `zero deleted before and after ${counts[shows.deleted]}`],
  ] as const
  let x = margin
  for (const [kind, text] of entries) {
    shapes.push({ kind: 'box', x, y, width: 9, height: 9, fill: palette[kind]!, stroke: grid })
    shapes.push({ kind: 'label', x: x + 13, y: y + 1, text, size: 1 })
    x += 13 + labelWidth(text, 1) + 14
  }
  return y + line + 4
}

/** Rows of the matrices across, outputs down in physical order; matrices below one another. */
function matrixView(shapes: Shape[], y: number, mapping: Mapping, kinds: readonly Uint8Array[]): number {
  const rows = Math.max(...mapping.matrices.map((matrix) => matrix.rows))
  const outputs = firstOutput(mapping.matrices, mapping.matrices.length)
  const pool = Math.max(1, Math.ceil(rows / widest))
  const scale = Math.max(1, Math.min(3, Math.floor(widest / rows)))
  const columns = Math.ceil(rows / pool)
  const height = Math.min(1024, Math.ceil(outputs / pool))
  const cells = new Uint8Array(columns * height)
  for (const strip of mapping.strips) {
    const { cols } = mapping.matrices[strip.matrix]!
    const top = firstOutput(mapping.matrices, strip.matrix) + strip.firstCol
    for (const [place, output] of physicalOutputs(strip).entries()) {
      const line = Math.floor((top + place) / pool)
      if (line >= height) continue
      for (let row = strip.firstRow; row < strip.firstRow + strip.rows; row++) {
        const at = line * columns + Math.floor(row / pool)
        cells[at] = Math.max(cells[at]!, kinds[strip.matrix]![row * cols + strip.firstCol + output]!)
      }
    }
  }
  shapes.push({ kind: 'cells', x: margin, y, columns, rows: height, scale, cells, palette })
  for (const strip of mapping.strips) {
    const top = Math.floor((firstOutput(mapping.matrices, strip.matrix) + strip.firstCol) / pool)
    const bottom = Math.min(height, top + Math.ceil(strip.width / pool))
    if (bottom <= top) continue
    const left = Math.floor(strip.firstRow / pool)
    const width = Math.ceil(strip.rows / pool)
    const box = { x: margin + left * scale, y: y + top * scale, width: width * scale + 1 }
    shapes.push({ kind: 'box', ...box, height: (bottom - top) * scale + 1, fill: null, stroke: grid })
  }
  return y + height * scale + 4
}

/** Outputs of a strip in the order in which they stand, a short block closed up. */
function physicalOutputs({ perm, width }: Mapping['strips'][number]): number[] {
  const block = Math.ceil(width / perm.length)
  return Array.from(perm).flatMap((logical) =>
    Array.from({ length: block }, (_, i) => logical * block + i).filter((output) => output < width),
  )
}

function arraysView(shapes: Shape[], y: number, mapping: Mapping, kinds: readonly Uint8Array[], spec: MapSpec): number {
  const { rows, cols } = spec.array
  const scale = Math.max(1, Math.floor((mapping.groups.length > 5 ? 192 : 288) / Math.max(rows, cols)))
  const pool = Math.max(1, Math.ceil(Math.max(rows, cols) / 256))
  const [columns, lines] = [Math.ceil(cols / pool), Math.ceil(rows / pool)]
  const across = Math.max(1, Math.floor((widest + 8) / (columns * scale + 8)))
  const shown = Math.min(mostGroups, mapping.groups.length)
  const cells = Array.from({ length: shown }, () => new Uint8Array(columns * lines))
  const place = (group: number) => ({
    x: margin + (group % across) * (columns * scale + 8),
    y: y + Math.floor(group / across) * (lines * scale + 8),
  })
  const frames: Shape[] = []
  for (const piece of mapping.pieces) {
    if (piece.group >= shown) continue
    for (let h = 0; h < piece.heights; h++) {
      const w = piece.firstWindow + h
      for (let ou = mapping.windowStart[w]!; ou < mapping.windowStart[w + 1]!; ou++) {
        const top = (piece.row + h) * spec.ou.rows
        const left = (piece.col + mapping.slotOf[ou]!) * spec.ou.cols
        drawOu(cells[piece.group]!, columns, pool, top, left, mapping, ou, kinds, spec)
        if (mapping.slotOf[ou] === mapping.columnOf[ou]) continue
        const at = place(piece.group)
        frames.push({
          kind: 'box',
          x: at.x + Math.floor((left / pool) * scale),
          y: at.y + Math.floor((top / pool) * scale),
          width: Math.max(2, Math.floor((spec.ou.cols / pool) * scale)),
          height: Math.max(2, Math.floor((spec.ou.rows / pool) * scale)),
          fill: null,
          stroke: moved,
        })
      }
    }
  }
  for (const [group, list] of cells.entries()) {
    const at = place(group)
    shapes.push({ kind: 'cells', ...at, columns, rows: lines, scale, cells: list, palette })
    const outline = { x: at.x - 1, y: at.y - 1, width: columns * scale + 2, height: lines * scale + 2 }
    shapes.push({ kind: 'box', ...outline, fill: null, stroke: grid })
  }
  shapes.push(...frames)
  let bottom = y + Math.ceil(shown / across) * (lines * scale + 8)
  if (shown < mapping.groups.length) {
    shapes.push({
      kind: 'label',
      x: margin,
      y: bottom,
      text: `… ${mapping.groups.length - shown} more array groups`,
      size: 1,
    })
    bottom += line
  }
  return bottom
}

function drawOu(
  cells: Uint8Array,
  columns: number,
  pool: number,
  top: number,
  left: number,
  mapping: Mapping,
  ou: number,
  kinds: readonly Uint8Array[],
  spec: MapSpec,
): void {
  const strip = mapping.strips[mapping.stripOf[ou]!]!
  const { cols } = mapping.matrices[strip.matrix]!
  const lines = bitLines(strip, mapping.columnOf[ou]!, spec)
  for (let r = mapping.rowStart[ou]!; r < mapping.rowStart[ou + 1]!; r++) {
    const wordLine = Math.floor((top + r - mapping.rowStart[ou]!) / pool)
    for (const [i, bitLine] of lines.entries()) {
      const weight = mapping.rowOf[r]! * cols + mapping.colOf[mapping.colStart[ou]! + i]!
      const at = wordLine * columns + Math.floor((left + bitLine) / pool)
      cells[at] = Math.max(cells[at]!, kinds[strip.matrix]![weight]!)
    }
  }
}
