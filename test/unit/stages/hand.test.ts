// Every stage on its own, on a layer small enough to work out by hand (docs/timing.md, sections 2 and 3).
import { describe, expect, it } from 'vitest'
import { bench, label } from '../../helpers/stages.js'
import { type Case, machine, matrix } from '../../helpers/work.js'

// 5 × 3 weights on OUs of 2 × 2, one strip of two OU columns:
//        outputs 0 1 | 2        OU 0 = rows 0, 1 of outputs 0, 1     OU 1 = row 2 of output 2     (window 0)
//   row 0        1 0 | 0        OU 2 = row 3 of outputs 0, 1                                      (window 1)
//   row 1        0-2 | 0        largest weight 3: two slices of one bit, differential; OU 2 holds nothing in slice 0
//   row 2        0 0 | 3        row 4 is deleted everywhere
//   row 3        2 0 | 0
//   row 4        0 0 | 0
const weights = [1, 0, 0, 0, -2, 0, 0, 0, 3, 2, 0, 0, 0, 0, 0]
/** Two vectors; the deleted row is driven with every bit. */
const codes = [1, 4, 0, 8, 255, 0, 0, 2, 0, 255]

function small(change: Record<string, unknown> = {}): Case {
  return {
    machine: machine({
      ou: { rows: 2, cols: 2 },
      block: 2,
      strip: { ous: 2 },
      array: { rows: 8, cols: 8 },
      cell: { bits: 1 },
      adcs: 1,
      load: { rowsPerCycle: 1 },
      cache: { portBits: 8 },
      skip: { interval: 2 },
      cim: { interval: 3 },
      adc: { bits: 5, mode: 'clip', cyclesPerConversion: 5 },
      benes: { interval: 6 },
      shiftAdd: { interval: 7 },
      mapping: { planarise: false },
      skipZeroSlices: true,
      ...change,
    }),
    matrices: [matrix(5, 3, weights)],
    form: 'unsigned',
    zeroPoint: 0,
    vectors: 2,
    codes: [Uint8Array.from(codes)],
  }
}

const windowBit = { order: 'window-bit' }
const parallel = { slices: 'parallel' }
const text = (items: readonly number[]) => items.map((item) => label(item, 1))

describe('Cache', () => {
  it('reads the union of the row lists of the window, once a window', () => {
    const b = bench(small())
    const [first, second] = [b.window(), b.window()]
    // Rows 0, 1, 2 and row 3, a byte a cycle.
    expect(b.fire('cache', first)).toEqual([{ credit: true, interval: 3, out: first }])
    expect(b.fire('cache', second)).toEqual([{ credit: true, interval: 1, out: second }])
    expect(b.fire('cache', b.window())).toMatchObject([{ interval: 3 }])
    expect(Array.from(b.tally.windowVisits)).toEqual([2, 1])
  })

  it('takes one cycle at least, and rounds up', () => {
    const wide = bench(small({ cache: { portBits: 1024 } }))
    expect(wide.fire('cache', wide.window())).toMatchObject([{ interval: 1 }])
    const uneven = bench(small({ cache: { portBits: 16 } }))
    expect(uneven.fire('cache', uneven.window())).toMatchObject([{ interval: 2 }])
  })
})

describe('Load', () => {
  it('hands on every OU, flags the planes of its kept rows and no others', () => {
    const b = bench(small())
    const [first, second] = [b.window(), b.window()]
    const fired = b.fire('load', first)
    expect(fired.map(({ credit, interval }) => [credit, interval])).toEqual([
      [true, 2],
      [true, 1],
    ])
    expect(text(fired.map(({ out }) => out))).toEqual(['0.0.0', '1.0.0'])
    b.fire('load', second)
    // OU 0 sees 1 and 4, OU 1 sees 0, OU 2 sees 8; nobody sees the 255 of row 4.
    expect(Array.from(b.macro.visits.flags.slice(0, 3))).toEqual([0b101, 0, 0b1000])
    expect([b.tally.planesFired, b.tally.planesTotal]).toEqual([3, 24])
    expect(Array.from(b.tally.rowPulses)).toEqual([1, 1, 0, 1])
  })

  it('without skipZeroPlanes flags every plane of an OU that has a slice to visit', () => {
    const b = bench(small({ skipZeroPlanes: false }))
    b.fire('load', b.window())
    expect(Array.from(b.macro.visits.flags.slice(0, 2))).toEqual([255, 255])
    expect(b.tally.planesFired).toBe(16)
    expect(Array.from(b.tally.rowPulses)).toEqual([1, 1, 0, 0])
  })

  it('in window-bit order takes one credit, at the first OU, and emits the window at the last', () => {
    const b = bench(small(windowBit))
    const window = b.window()
    expect(b.fire('load', window)).toEqual([
      { credit: true, interval: 2, out: -1 },
      { credit: false, interval: 1, out: window },
    ])
    const next = b.window()
    expect(b.fire('load', next)).toEqual([{ credit: true, interval: 1, out: next }])
  })

  it('counts digits of several bits as pulses', () => {
    const b = bench(small({ input: { bitsPerStep: 2 } }))
    b.source.next(0)
    b.source.next(0)
    // The second vector drives row 2 with code 2: digit 2 in plane 0.
    b.fire('load', b.window())
    expect(Array.from(b.macro.visits.flags.slice(4, 6))).toEqual([0, 1])
    expect(Array.from(b.tally.rowPulses)).toEqual([0, 0, 2, 0])
    expect(b.tally.planesTotal).toBe(8)
  })
})

describe('Skip', () => {
  it('emits one item per flagged plane, the least significant first', () => {
    const b = bench(small())
    const [ou0] = b.emitted('load', [b.window()])
    const fired = b.fire('skip', ou0!)
    expect(text(fired.map(({ out }) => out))).toEqual(['0.0.0', '0.2.0'])
    expect(fired.map(({ credit, interval }) => [credit, interval])).toEqual([
      [true, 2],
      [true, 2],
    ])
  })

  it('absorbs an all-zero OU: one firing, no credit, nothing emitted', () => {
    const b = bench(small())
    const ous = b.emitted('load', [b.window()])
    expect(b.fire('skip', ous[1]!)).toEqual([{ credit: false, interval: 2, out: -1 }])
  })

  it('in window-bit order emits one item per plane that any OU of the window needs, and absorbs the window of zeros', () => {
    const b = bench(small(windowBit))
    const [first, second, third, fourth] = [b.window(), b.window(), b.window(), b.window()]
    const windows = b.emitted('load', [first, second, third, fourth])
    expect(text(b.emitted('skip', [windows[0]!]))).toEqual(['0.0.0', '0.2.0'])
    expect(text(b.emitted('skip', [windows[1]!]))).toEqual(['0.3.0'])
    // The second vector: only OU 1 has something to drive, and window 1 nothing.
    expect(text(b.emitted('skip', [windows[2]!]))).toEqual(['0.1.0'])
    expect(b.fire('skip', windows[3]!)).toEqual([{ credit: false, interval: 2, out: -1 }])
  })

  it('keeps what is behind it apart from the visits in front of it', () => {
    const b = bench(small(windowBit))
    const { visits, layout } = b.macro
    b.emitted('skip', b.emitted('load', [b.window(), b.window()]))
    // Both windows went on: their visits stand at 0 and 1 of either ring, with their flags.
    expect([visits.windows[layout.ring], visits.windows[layout.ring + 1]]).toEqual([0, 1])
    expect(Array.from(visits.flags.slice(2 * layout.ring, 2 * layout.ring + 3))).toEqual([0b101, 0, 0b1000])
    const third = b.emitted('skip', b.emitted('load', [b.window()]))
    expect(third[0]! >>> layout.visitShift).toBe(layout.ring + 2)
    expect([visits.windows[layout.ring + 2], visits.passes[layout.ring + 2]]).toEqual([0, 1])
  })
})

describe('CIM', () => {
  it('fires once per visited slice of the plane', () => {
    const b = bench(small())
    const items = b.emitted('skip', b.emitted('load', [b.window(), b.window()]))
    const fired = items.map((item) => b.fire('cim', item))
    expect(fired.map((list) => text(list.map(({ out }) => out)))).toEqual([
      ['0.0.0', '0.0.1'],
      ['0.2.0', '0.2.1'],
      ['0.3.1'],
    ])
    for (const { credit, interval } of fired.flat()) expect([credit, interval]).toEqual([true, 3])
  })

  it('drives all slices at once when they are parallel', () => {
    const b = bench(small(parallel))
    const items = b.emitted('skip', b.emitted('load', [b.window()]))
    expect(text(b.emitted('cim', items))).toEqual(['0.0.0', '0.2.0'])
  })

  it('in window-bit order goes through the OUs of the window slice by slice and marks the ends of every group', () => {
    const input = small(windowBit)
    input.codes[0]!.set([1, 0, 1, 0, 0])
    const b = bench(input)
    const items = b.emitted('skip', b.emitted('load', [b.window()]))
    expect(text(b.emitted('cim', items))).toEqual(['<0.0.0', '1.0.0>', '<0.0.1', '1.0.1>'])
    for (const { credit, interval } of b.fire('cim', items[0]!)) expect([credit, interval]).toEqual([true, 3])
  })

  it('leaves out the OUs whose flag is not set or that do not visit the slice', () => {
    const b = bench(small(windowBit))
    const items = b.emitted('skip', b.emitted('load', [b.window(), b.window()]))
    expect(text(b.emitted('cim', items))).toEqual(['<0.0.0>', '<0.0.1>', '<0.2.0>', '<0.2.1>', '<0.3.1>'])
  })

  it('in window-bit order with parallel slices fires once per OU', () => {
    const input = small({ ...windowBit, ...parallel })
    input.codes[0]!.set([1, 0, 3, 0, 0])
    const b = bench(input)
    expect(text(b.emitted('cim', b.emitted('skip', b.emitted('load', [b.window()]))))).toEqual([
      '<0.0.0',
      '1.0.0>',
      '<1.1.0>',
    ])
  })

  it.each(['ou-bit', 'window-bit'])('without a Skip stage steps through all planes itself (%s)', (order) => {
    const b = bench(small({ order, input: { bitsPerStep: 4 } }), 'dense-bare')
    expect(b.names).toEqual(['cache', 'load', 'cim', 'adc', 'shiftAdd'])
    const items = b.emitted('load', [b.window()])
    const ouBit = ['0.0.0', '0.0.1', '0.1.0', '0.1.1', '1.0.0', '1.0.1', '1.1.0', '1.1.1']
    const merged = ['<0.0.0', '1.0.0>', '<0.0.1', '1.0.1>', '<0.1.0', '1.1.0>', '<0.1.1', '1.1.1>']
    expect(text(b.emitted('cim', items))).toEqual(order === 'ou-bit' ? ouBit : merged)
    for (const item of items) for (const { credit } of b.fire('cim', item)) expect(credit).toBe(true)
  })
})

describe('CIM without a Skip stage, on what no plane drives', () => {
  it.each(['ou-bit', 'window-bit'])('fires once, takes no credit and emits nothing (%s)', (order) => {
    const b = bench(small({ order }), 'dense-bare')
    const [item] = b.emitted('load', [b.window()])
    // No dense machine comes to this: there all planes fire.
    b.macro.visits.flags.fill(0)
    expect(b.fire('cim', item!)).toEqual([{ credit: false, interval: 3, out: -1 }])
  })
})

describe('ADC', () => {
  it('converts outputs × polarities, rounded up to the ADCs, and counts them', () => {
    const seen: number[][] = []
    const b = bench(small(), 'machine', { activate: (...args) => seen.push(args) })
    const items = b.emitted('cim', b.emitted('skip', b.emitted('load', [b.window(), b.window()])))
    // 2 outputs × 2 polarities on one ADC of 5 cycles.
    expect(items.map((item) => b.fire('adc', item))).toEqual(
      items.map((item) => [{ credit: true, interval: 20, out: item }]),
    )
    expect(b.tally).toMatchObject({ activations: 5, outputs: 10, outputSlices: 10, benesItemSlices: 5 })
    expect(seen).toEqual([
      [0, 0, 0, 1],
      [0, 0, 0, 2],
      [0, 0, 2, 1],
      [0, 0, 2, 2],
      [0, 2, 3, 2],
    ])
  })

  it.each([
    [1, 1, 20],
    [3, 1, 10],
    [4, 1, 5],
    [16, 1, 5],
    [3, 2, 15],
  ])('%i ADCs, %i slices at once: OU 0 takes %i cycles', (adcs, slices, cycles) => {
    const b = bench(small({ adcs, ...(slices === 2 ? parallel : {}) }))
    const [item] = b.emitted('cim', b.emitted('skip', b.emitted('load', [b.window()])))
    expect(b.fire('adc', item!)).toMatchObject([{ interval: cycles }])
  })

  it('takes the credit of a merged item at its first activation and emits it at its last', () => {
    const input = small(windowBit)
    input.codes[0]!.set([1, 0, 1, 0, 0])
    const b = bench(input)
    const items = b.emitted('cim', b.emitted('skip', b.emitted('load', [b.window()])))
    expect(items.map((item) => b.fire('adc', item)[0])).toEqual([
      { credit: true, interval: 20, out: -1 },
      { credit: false, interval: 10, out: items[1] },
      { credit: true, interval: 20, out: -1 },
      { credit: false, interval: 10, out: items[3] },
    ])
    expect(b.tally).toMatchObject({ activations: 4, outputs: 6, outputSlices: 6, benesItemSlices: 2 })
  })

  it('counts the different slices of a merged item once when they are parallel', () => {
    const input = small({ ...windowBit, ...parallel })
    input.codes[0]!.set([1, 0, 1, 1, 0])
    const b = bench(input)
    const items = b.emitted('cim', b.emitted('skip', b.emitted('load', [b.window(), b.window()])))
    b.emitted('adc', items)
    // Window 0: OUs 0 and 1 share slices 0 and 1; window 1: OU 2 has slice 1 alone.
    expect(b.tally).toMatchObject({ activations: 5, outputs: 5, outputSlices: 8, benesItemSlices: 3 })
  })
})

describe('Benes and Shift&Add', () => {
  it('fire once an item; Benes hands it on, Shift&Add ends it', () => {
    const b = bench(small({ block: 1 }))
    expect(b.fire('benes', 77)).toEqual([{ credit: true, interval: 6, out: 77 }])
    expect(b.fire('shiftAdd', 77)).toEqual([{ credit: false, interval: 7, out: -1 }])
    expect(b.stage('benes').constants).toEqual({ interval: 6, forwards: true, credit: true })
    expect(b.stage('shiftAdd').constants).toEqual({ interval: 7, forwards: true })
  })

  it('a strip of one block has no Benes stage, a machine of several has all seven', () => {
    expect(bench(small({ strip: { ous: 1 } })).names).not.toContain('benes')
    expect(bench(small()).names).toEqual(['cache', 'load', 'skip', 'cim', 'adc', 'benes', 'shiftAdd'])
  })
})
