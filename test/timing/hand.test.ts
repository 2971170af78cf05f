// The hand-checkable cases of docs/timing.md, drawn: one row a stage, one column a cycle.
import { describe, expect, it } from 'vitest'
import { benesShape } from '../../models/mapping/mapping.js'
import { losslessBits } from '../../models/values/adc.js'
import { plainEvent, runEvent } from '../../sim/engines/event.js'
import { build, type Case, machine, matrix } from '../helpers/work.js'

/** Two rows of OUs of 1 × 1 … : every OU has one row and one output, so a code is an OU's flags. */
function flagsCase(codes: readonly number[], e: number, change: Record<string, unknown>): Case {
  // One row a vector would share activations between OUs; a row tile per OU column does not. Diagonal weights give each OU its own row.
  const n = codes.length
  const weights = Array.from({ length: n * n }, (_, i) => (Math.floor(i / n) === i % n ? e : 0))
  const m = machine({
    ou: { rows: 1, cols: 1 },
    block: 1,
    strip: { ous: n },
    array: { rows: 4, cols: 16 },
    cell: { bits: 1 },
    adcs: 2,
    mapping: { planarise: false },
    ...change,
  })
  return {
    machine: m,
    matrices: [matrix(n, n, weights)],
    form: 'unsigned',
    zeroPoint: 0,
    vectors: 1,
    codes: [Uint8Array.from(codes)],
  }
}

function starts(input: Case): Record<string, string[]> {
  const { ctx, macros } = build(input)
  const rows: Record<string, string[]> = {}
  const result = runEvent(ctx, macros, {
    ...plainEvent,
    onFiring: (f) => {
      const label = f.plane < 0 ? '' : ` A${f.plane}${f.slice < 0 ? '' : `W${f.slice}`}`
      const row = rows[f.stage] ?? []
      rows[f.stage] = [...row, `${f.start}${label}`]
    },
  })
  for (const macro of result.macros) {
    for (const stage of macro.stages) expect(stage.busy + stage.blocked + stage.starved).toBe(macro.span)
  }
  return rows
}

const cycles = (list: readonly string[] | undefined) => (list ?? []).map((text) => Number.parseInt(text, 10))
const from = (first: number, count: number) => Array.from({ length: count }, (_, i) => first + i)

describe('the timing diagram of the slides', () => {
  // Flags 1010 and 0101 as the slide writes them, plane 1 at the left: planes 0 and 2 of the first OU, 1 and 3 of the next. Three slices: e = 7 in 1-bit cells.
  const rows = starts(flagsCase([0b0101, 0b1010], 7, {}))

  it('starts every stage where the slide says', () => {
    //            0  1  2  3  4  5  6  7  8
    // Cache      w
    // Load          o0 o1
    // Skip             A0 A2    A1       A3      (waits for room behind it)
    // CIM                 A0W0 A0W1 A0W2 A2W0 …
    expect(cycles(rows['cache'])).toEqual([0])
    expect(cycles(rows['load'])).toEqual([1, 2])
    expect(cycles(rows['skip'])).toEqual([2, 3, 5, 8])
    expect(cycles(rows['cim'])).toEqual(from(3, 12))
    expect(cycles(rows['adc'])).toEqual(from(4, 12))
    expect(cycles(rows['benes'])).toEqual(from(5, 12))
    expect(cycles(rows['shiftAdd'])).toEqual(from(6, 12))
  })

  it('visits every slice of a plane before the next plane, and every plane of an OU before the next OU', () => {
    const order = ['A0W0', 'A0W1', 'A0W2', 'A2W0', 'A2W1', 'A2W2', 'A1W0', 'A1W1', 'A1W2', 'A3W0', 'A3W1', 'A3W2']
    expect((rows['cim'] ?? []).map((text) => text.split(' ')[1])).toEqual(order)
  })
})

describe('an all-zero OU between two others', () => {
  it('leaves no bubble in CIM with three slices', () => {
    expect(cycles(starts(flagsCase([1, 0, 1], 7, {}))['cim'])).toEqual(from(3, 6))
  })

  it('leaves exactly one bubble with one slice', () => {
    expect(cycles(starts(flagsCase([1, 0, 1], 1, {}))['cim'])).toEqual([3, 5])
  })
})

describe('back-pressure', () => {
  it('an ADC interval of 4 sets the rhythm of everything in front of it', () => {
    const input = flagsCase([255, 255], 1, { adc: { bits: 5, mode: 'clip', cyclesPerConversion: 4 } })
    const rows = starts(input)
    expect(cycles(rows['adc'])).toEqual(Array.from({ length: 16 }, (_, i) => 4 + 4 * i))
    // CIM runs ahead by its queue and depth (2 places), then follows the ADC: start(n) = max(start(n−1) + 1, start of ADC's item n − 2).
    expect(cycles(rows['cim'])).toEqual([3, 4, 5, ...Array.from({ length: 13 }, (_, i) => 8 + 4 * i)])
    const { ctx, macros } = build(input)
    const [macro] = runEvent(ctx, macros, plainEvent).macros
    const stage = (name: string) => macro!.stages.find((s) => s.name === name)!
    // The fourth firing waits from 6 to 8, each of the twelve behind it 3 cycles.
    expect(stage('cim')).toMatchObject({ busy: 16, blocked: 2 + 12 * 3 })
    expect(stage('adc')).toMatchObject({ busy: 64, blocked: 0 })
    // Benes fires as often as the ADC and waits in between.
    expect(stage('benes')).toMatchObject({ busy: 16, blocked: 0 })
  })

  it('a Benes latency of 7 in front of a queue of 1 costs no throughput', () => {
    const rows = starts(flagsCase([255, 255], 1, { benes: { interval: 1, latency: 7 } }))
    expect(cycles(rows['benes'])).toEqual(from(5, 16))
    expect(cycles(rows['shiftAdd'])).toEqual(from(12, 16))
  })
})

describe('numbers', () => {
  it('lossless bits: 16 rows × 2-bit cells × 1-bit inputs need 6, 128 rows 9', () => {
    expect(losslessBits(16, 1, 2)).toBe(6)
    expect(losslessBits(128, 1, 2)).toBe(9)
  })

  it('Benes network of 16 ports: 56 switches in 7 stages; one block: no network', () => {
    expect(benesShape(8, 8, 4)).toMatchObject({ ports: 16, padded: 16, switches: 56, stages: 7 })
    expect(benesShape(1, 4, 4)).toMatchObject({ ports: 1, stages: 0, switches: 0 })
    expect(benesShape(3, 8, 4)).toMatchObject({ ports: 6, padded: 8, switches: 20, stages: 5 })
  })
})

describe('edges', () => {
  const run = (input: Case) => {
    const { ctx, macros } = build(input)
    return { ...runEvent(ctx, macros, plainEvent), mapping: ctx.work.mapping }
  }

  it('an all-zero weight matrix takes no cycle and has no OU', () => {
    const result = run({ ...flagsCase([1, 1], 0, {}) })
    expect(result.cycles).toBe(0)
    expect(result.mapping.ous).toBe(0)
    expect(result.actions.counts.at(-1)).toBe(2)
  })

  it('all-zero activations: Cache, Load and Skip run, nothing is converted', () => {
    const result = run(flagsCase([0, 0], 1, {}))
    // Cache 0, Load 1 and 2, Skip 2 and 3: the last ends at 4.
    expect(result.cycles).toBe(4)
    expect(result.ouActivations).toBe(0)
  })

  it('ragged edges: 5 × 3 weights on OUs of 2 × 2 keep every weight', () => {
    const m = machine({ ou: { rows: 2, cols: 2 }, block: 2, strip: { ous: 2 }, array: { rows: 4, cols: 8 } })
    const result = run({
      machine: m,
      matrices: [
        matrix(
          5,
          3,
          Array.from({ length: 15 }, () => 1),
        ),
      ],
      form: 'unsigned',
      zeroPoint: 0,
      vectors: 1,
      codes: [Uint8Array.of(1, 1, 1, 1, 1)],
    })
    // 3 runs of rows (2, 2, 1) × 2 OU columns (2 outputs, 1 output).
    expect(result.mapping.ous).toBe(6)
    expect(result.mapping.rowOf.length).toBe(10)
    expect(result.mapping.pieces.map((p) => p.heights)).toEqual([2, 1])
  })

  it('a depth-wise layer: every channel is a matrix of its own', () => {
    const m = machine({})
    const matrices = from(0, 3).map(() =>
      matrix(
        9,
        1,
        Array.from({ length: 9 }, () => 1),
      ),
    )
    const result = run({
      machine: m,
      matrices,
      form: 'unsigned',
      zeroPoint: 0,
      vectors: 1,
      codes: matrices.map(() => new Uint8Array(9).fill(1)),
    })
    expect(result.mapping.ous).toBe(3)
    // One plane, one slice each (e = 1 needs one 2-bit slice).
    expect(result.ouActivations).toBe(3)
  })
})
