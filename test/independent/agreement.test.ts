// Random machines, dumped and recomputed by reference.py (Python and numpy), a second program written from docs/timing.md and
// docs/values.md: mapping, every firing, every counter, every output.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { packageRoot } from '../../models/base/paths.js'
import type { CodedTensor, Layer } from '../../models/nn/types.js'
import { simulateLayer } from '../../sim/chip/layer.js'
import { placeLayer } from '../../sim/chip/prepare.js'
import { dumpLayer } from '../../sim/dump.js'
import { type Case, caseArbitrary } from '../helpers/work.js'

const machines = 60
const python = process.env['CIMULATOR_PYTHON'] ?? 'python3'
const available = spawnSync(python, ['-c', 'import numpy']).status === 0
if (!available) process.stdout.write(`skipped: ${python} with numpy is not here\n`)

/** A case as a batched product with constants, one matrix a group. */
function layerOf(input: Case): Layer {
  const [first] = input.matrices
  const codes = input.matrices.flatMap((m) =>
    Array.from({ length: m.rows * m.cols }, (_, i) => m.e[(i % m.rows) * m.cols + Math.floor(i / m.rows)]!),
  )
  const groups = input.matrices.length
  return {
    index: 0,
    name: 'random',
    op: 'MatMul',
    geometry: {
      kind: 'matmul',
      groups,
      groupIn: first!.rows,
      groupOut: first!.cols,
      contract: 'last',
      outputAxis: 'last',
      vectorConstant: false,
      batch: groups > 1 ? [groups] : [],
    },
    weightShape: [],
    weights: { kind: 'integer', codes: Int16Array.from(codes), scale: Float64Array.of(1), zeroPoint: Int32Array.of(0) },
    inputTensor: 'x',
    input: null,
    outputTensor: 'y',
    outputStep: null,
    bias: null,
  }
}

function tensorOf(input: Case): CodedTensor {
  const { rows } = input.matrices[0]!
  const shape = [input.matrices.length, input.vectors, rows]
  const list: number[] = []
  for (const codes of input.codes) {
    for (let v = 0; v < input.vectors; v++) {
      for (let r = 0; r < rows; r++) {
        if (input.form === 'split')
          list.push(codes[2 * v * rows + r]! > 0 ? codes[2 * v * rows + r]! : -codes[(2 * v + 1) * rows + r]!)
        else list.push(codes[v * rows + r]!)
      }
    }
  }
  const make =
    input.form === 'unsigned'
      ? Uint8Array.from(list)
      : input.form === 'split'
        ? Int16Array.from(list)
        : Int8Array.from(list)
  return { form: input.form, shape, codes: make, scale: 1, zeroPoint: input.zeroPoint }
}

async function dump(input: Case, folder: string): Promise<string> {
  const layer = layerOf(input)
  const tensor = tensorOf(input)
  const place = (variant: 'machine' | 'dense-bare' | 'dense-same-hardware') =>
    placeLayer(layer, tensor.shape, input.machine, variant)
  const placed = place('machine')
  const recorder = dumpLayer(placed, input.machine, tensor, { dumpMapping: true, dumpVectors: 1_000_000 })
  const outcome = await simulateLayer({
    machine: input.machine,
    placed,
    bare: place('dense-bare'),
    sameHardware: place('dense-same-hardware'),
    tensor,
    items: 1,
    vectors: null,
    values: true,
    kernel: 'wheel',
    signal: new AbortController().signal,
    onPass: () => {},
    onFiring: recorder.onFiring,
    reference: async () => null,
  })
  for (const [path, content] of recorder.files(outcome)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), content)
  }
  return join(folder, 'dump', 'layer-000')
}

it.skipIf(!available)(
  `the Python program agrees on ${machines} random machines: mapping, firings, counters, outputs`,
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'cimulator-dump-'))
    try {
      const cases = fc.sample(caseArbitrary, { numRuns: machines, seed: 20_240_122 })
      const dirs: string[] = []
      for (const [i, input] of cases.entries()) dirs.push(await dump(input, join(folder, String(i))))
      const script = process.env['CIMULATOR_WITNESS'] ?? join(packageRoot(), 'test', 'independent', 'reference.py')
      const run = spawnSync(python, [script, ...dirs], { encoding: 'utf8', maxBuffer: 1 << 26 })
      expect(run.stdout.split('\n').slice(-200).join('\n') + run.stderr).toBe(`${machines} layers agree\n`)
    } finally {
      rmSync(folder, { recursive: true })
    }
  },
  300_000,
)
