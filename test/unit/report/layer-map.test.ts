// The picture of a layer: every weight is drawn once with what became of it, in the matrix and in the arrays.
import { decode } from 'fast-png'
import { describe, expect, it } from 'vitest'
import { mapLayer } from '../../../models/mapping/build.js'
import { mapSpec } from '../../../sim/chip/parts.js'
import { layerMap } from '../../../traces/report/layer-map.js'
import { pngOf, type Shape, svgOf } from '../../../traces/report/picture.js'
import { machine, matrix } from '../../helpers/work.js'

const m = machine({
  ...{ ou: { rows: 2, cols: 2 }, block: 1, strip: { ous: 2 }, array: { rows: 4, cols: 8 } },
  mapping: { planarise: false },
})
const spec = mapSpec(m, 'machine')
// outputs 0 and 2 are alike, 1 and 3 are: side by side they leave two rows each
const w = matrix(4, 4, [1, 0, 1, 0, 0, 1, 0, 1, 1, 0, 1, 0, 0, 1, 0, 0])
const before = mapLayer([w], spec, [Int32Array.of(0, 1, 2, 3)])
const after = mapLayer([w], spec, [Int32Array.of(0, 2, 1, 3)])
const picture = layerMap({ title: 'a <layer> & more', before, after, spec })
type Cells = Shape & { readonly kind: 'cells' }
const images = picture.shapes.filter((shape): shape is Cells => shape.kind === 'cells')

function counts({ cells }: Cells): number[] {
  const found = new Array<number>(6).fill(0)
  for (const cell of cells) found[cell]!++
  return found
}

describe('picture of a layer', () => {
  it('matrix: 7 weights, 7 zeros won, one stored again, one deleted in both; physical order after', () => {
    // empty, deleted twice, stored, stored again, won, weight
    expect(images.length).toBe(4)
    expect(counts(images[0]!)).toEqual([0, 1, 0, 1, 7, 7])
    expect(counts(images[1]!)).toEqual([0, 1, 0, 1, 7, 7])
    const column = (image: Cells, line: number) => Array.from(image.cells.subarray(line * 4, line * 4 + 4))
    expect(column(images[1]!, 1)).toEqual(column(images[0]!, 2))
  })

  it('arrays: before, weights and the zeros that will be won; after, weights and the zero that came back', () => {
    expect(counts(images[2]!)).toEqual([32 - 14, 0, 0, 0, 7, 7])
    expect(counts(images[3]!)).toEqual([32 - 8, 0, 0, 1, 0, 7])
  })

  it('SVG: escaped, with one image for every field of cells', () => {
    const svg = svgOf(picture)
    expect(svg).toContain('<title>a &lt;layer&gt; &amp; more</title>')
    expect(svg.match(/<image /g)?.length).toBe(4)
    const inside = /href="data:image\/png;base64,([^"]+)"/.exec(svg)![1]!
    expect(decode(Buffer.from(inside, 'base64'))).toMatchObject({ width: 4, height: 4 })
  })

  it('PNG: the size of the picture, and the colour of a weight where it lies', () => {
    const { width, height, data, channels } = decode(pngOf(picture))
    expect([width, height, channels]).toEqual([picture.width, picture.height, 3])
    const { x, y, scale, palette } = images[0]!
    const at = ((y + 1) * width + x + 1) * 3
    expect(scale).toBe(3)
    expect(Array.from(data.subarray(at, at + 3))).toEqual(palette[5])
  })
})
