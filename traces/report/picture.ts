// A picture as a list of boxes, cell images and labels, and its two forms: SVG and PNG. Units are pixels.
import { encode } from 'fast-png'
import { dot, glyph } from './font.js'

export type Color = readonly [number, number, number]

export type Shape =
  | {
      readonly kind: 'box'
      readonly x: number
      readonly y: number
      readonly width: number
      readonly height: number
      readonly fill: Color | null
      readonly stroke: Color | null
    }
  | { readonly kind: 'label'; readonly x: number; readonly y: number; readonly text: string; readonly size: 1 | 2 }
  | {
      readonly kind: 'cells'
      readonly x: number
      readonly y: number
      /** cells, and pixels of a cell */
      readonly columns: number
      readonly rows: number
      readonly scale: number
      /** columns × rows palette entries, row-major */
      readonly cells: Uint8Array
      readonly palette: readonly Color[]
    }

export interface Picture {
  readonly width: number
  readonly height: number
  readonly title: string
  readonly shapes: readonly Shape[]
}

const ink: Color = [34, 34, 34]
const paper: Color = [255, 255, 255]

/** Width of a label, in pixels, as the PNG draws it. */
export function labelWidth(text: string, size: 1 | 2): number {
  return text.length * glyph.advance * size
}

export function svgOf(picture: Picture): string {
  const { width, height, shapes, title } = picture
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${width}" height="${height}" fill="${css(paper)}"/>`,
    ...shapes.map(svgShape),
    '</svg>',
    '',
  ].join('\n')
}

function svgShape(shape: Shape): string {
  if (shape.kind === 'label') {
    const size = shape.size === 1 ? 10 : 17
    return `<text x="${shape.x}" y="${shape.y + 8 * shape.size}" font-family="sans-serif" font-size="${size}" fill="${css(ink)}">${escaped(shape.text)}</text>`
  }
  if (shape.kind === 'box') {
    const stroke = shape.stroke === null ? '' : ` stroke="${css(shape.stroke)}"`
    const fill = shape.fill === null ? 'none' : css(shape.fill)
    return `<rect x="${shape.x + 0.5}" y="${shape.y + 0.5}" width="${shape.width - 1}" height="${shape.height - 1}" fill="${fill}"${stroke}/>`
  }
  const image = `data:image/png;base64,${Buffer.from(cellsPng(shape)).toString('base64')}`
  const [width, height] = [shape.columns * shape.scale, shape.rows * shape.scale]
  return `<image x="${shape.x}" y="${shape.y}" width="${width}" height="${height}" style="image-rendering:pixelated" href="${image}"/>`
}

function cellsPng({ columns, rows, cells, palette }: Shape & { readonly kind: 'cells' }): Uint8Array {
  const canvas = createCanvas(columns, rows)
  for (let y = 0; y < rows; y++) for (let x = 0; x < columns; x++) canvas.set(x, y, palette[cells[y * columns + x]!]!)
  return canvas.png()
}

export function pngOf({ width, height, shapes }: Picture): Uint8Array {
  const canvas = createCanvas(width, height)
  for (const shape of shapes) {
    if (shape.kind === 'label') drawLabel(canvas, shape.x, shape.y, shape.text, shape.size)
    else if (shape.kind === 'box') drawBox(canvas, shape)
    else drawCells(canvas, shape)
  }
  return canvas.png()
}

interface Canvas {
  set(x: number, y: number, color: Color): void
  png(): Uint8Array
}

function createCanvas(width: number, height: number): Canvas {
  const data = new Uint8Array(width * height * 3).fill(255)
  return {
    set(x, y, color) {
      if (x >= 0 && y >= 0 && x < width && y < height) data.set(color, (y * width + x) * 3)
    },
    png: () => encode({ width, height, data, channels: 3 }),
  }
}

function drawLabel(canvas: Canvas, left: number, top: number, text: string, size: number): void {
  for (const [i, sign] of [...text].entries()) {
    for (let y = 0; y < glyph.height * size; y++) {
      for (let x = 0; x < glyph.width * size; x++) {
        if (dot(sign, Math.floor(x / size), Math.floor(y / size)))
          canvas.set(left + i * glyph.advance * size + x, top + y, ink)
      }
    }
  }
}

function drawBox(canvas: Canvas, { x, y, width, height, fill, stroke }: Shape & { readonly kind: 'box' }): void {
  for (let dy = 0; dy < height; dy++) {
    for (let dx = 0; dx < width; dx++) {
      const edge = dy === 0 || dx === 0 || dy === height - 1 || dx === width - 1
      const color = edge && stroke !== null ? stroke : fill
      if (color !== null) canvas.set(x + dx, y + dy, color)
    }
  }
}

function drawCells(canvas: Canvas, shape: Shape & { readonly kind: 'cells' }): void {
  const { columns, rows, scale, cells, palette } = shape
  for (let y = 0; y < rows * scale; y++) {
    for (let x = 0; x < columns * scale; x++) {
      const cell = cells[Math.floor(y / scale) * columns + Math.floor(x / scale)]!
      canvas.set(shape.x + x, shape.y + y, palette[cell]!)
    }
  }
}

const css = (color: Color) => `rgb(${color.join(',')})`

function escaped(text: string): string {
  return text
    .replace(/\p{Cc}/gu, '?')
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
}
