// The examples as they are committed; .ci/run runs them.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { packageRoot } from '../../models/base/paths.js'

interface Cell {
  readonly cell_type: string
  readonly outputs?: unknown[]
  readonly execution_count?: number | null
}

describe('examples/analyse.ipynb', () => {
  it('holds code and text, and no outputs', () => {
    const notebook = JSON.parse(readFileSync(join(packageRoot(), 'examples', 'analyse.ipynb'), 'utf8')) as {
      nbformat: number
      cells: Cell[]
    }
    expect(notebook.nbformat).toBe(4)
    const code = notebook.cells.filter((cell) => cell.cell_type === 'code')
    expect(code.length).toBeGreaterThan(3)
    for (const cell of code) expect([cell.outputs, cell.execution_count]).toEqual([[], null])
  })
})
