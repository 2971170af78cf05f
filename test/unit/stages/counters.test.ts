// Action counts worked out by hand (docs/timing.md, section 5), on the small layer of the stage tests.
import { describe, expect, it } from 'vitest'
import { type ActionName, actionId } from '../../../models/cost/actions.js'
import { plainEvent, runEvent } from '../../../sim/engines/event.js'
import { pieceAdds } from '../../../sim/stages/tally.js'
import { build, type Case, machine, matrix } from '../../helpers/work.js'

// OU 0 = rows 0, 1 of outputs 0, 1; OU 1 = row 2 of output 2; OU 2 = row 3 of outputs 0, 1. Two slices of one bit; OU 2 visits slice 1 alone.
const weights = [1, 0, 0, 0, -2, 0, 0, 0, 3, 2, 0, 0, 0, 0, 0]

function small(change: Record<string, unknown> = {}, codes = [1, 4, 0, 8, 255, 0, 0, 2, 0, 255]): Case {
  return {
    machine: machine({
      ou: { rows: 2, cols: 2 },
      block: 2,
      strip: { ous: 2 },
      array: { rows: 8, cols: 8 },
      cell: { bits: 1 },
      mapping: { planarise: false },
      skipZeroSlices: true,
      ...change,
    }),
    matrices: [matrix(5, 3, weights)],
    form: 'unsigned',
    zeroPoint: 0,
    vectors: codes.length / 5,
    codes: [Uint8Array.from(codes)],
  }
}

function counted(input: Case, variant: 'machine' | 'dense-bare' = 'machine') {
  const { ctx, macros } = build(input, variant)
  const result = runEvent(ctx, macros, plainEvent)
  const count = (name: ActionName) => result.actions.counts[actionId[name]]!
  return { ...result, count, all: Object.fromEntries(Object.keys(actionId).map((n) => [n, count(n as ActionName)])) }
}

describe('action counts by hand', () => {
  it('two vectors in ou-bit order', () => {
    // Vector 0: OU 0 in planes 0 and 2, two slices each; OU 2 in plane 3, one slice. Vector 1: OU 1 in plane 1, two slices.
    const result = counted(small())
    expect(result.all).toEqual({
      bufferBitsRead: 2 * (3 + 1) * 8,
      rowGathers: 2 * (2 + 1 + 1),
      flagOrs: 2 * (2 + 1 + 1),
      inputSumAdds: 0,
      // Five rows: three bits an index.
      rowListBitsRead: 8 * 3,
      // One switch, four window visits.
      permutationBitsRead: 4,
      benesSettingLoads: 4,
      // Every activation drives one row; both polarities.
      wordLinePulses: 7 * 2,
      adcConversions: (4 * 2 + 1 * 2 + 2 * 1) * 2,
      polaritySubtractions: 12,
      // One switch × 2 outputs a port × (5 + 1) bits.
      benesSwitchBits: 7 * 2 * 6,
      shiftAdds: 12,
      psumReads: 12,
      psumWrites: 12,
      pieceAdds: 0,
      outputWrites: 2 * 3,
    })
    expect([result.planesFired, result.planesTotal, result.ouActivations]).toEqual([4, 48, 7])
    // Cells of the driven rows: OU 0 four cells a slice, one of the eight of either row at level 1; OU 2 one of four; OU 1 one of two a slice.
    expect(Array.from(result.actions.cellReads)).toEqual([19, 5])
  })

  it.each([
    ['a tile of two rows: one bit an index', { tile: { rows: 2 } }, 8],
    ['a tile of four rows: two bits', { tile: { rows: 4 } }, 16],
    ['a tile higher than the matrix: its five rows count', { tile: { rows: 64 } }, 24],
    ['no compression: no row lists', { mapping: { planarise: false, compress: false } }, 0],
  ])('row-list bits, %s', (_, change, bits) => {
    expect(counted(small(change)).count('rowListBitsRead')).toBe(bits)
  })

  it('a tile of one row still needs one bit', () => {
    const change = { ou: { rows: 1, cols: 2 }, tile: { rows: 1 }, array: { rows: 4, cols: 8 } }
    expect(counted(small(change)).count('rowListBitsRead')).toBe(8)
  })

  it('partial sums of an output in two pieces are added', () => {
    // Groups of one OU row: outputs 0 and 1 lie in two pieces, output 2 in one. One addition reads two words and writes one.
    const input = small({ array: { rows: 2, cols: 8 } })
    const result = counted(input)
    expect(result.count('pieceAdds')).toBe(2 * 2)
    expect(result.count('psumReads')).toBe(12 + 2 * 4)
    expect(result.count('psumWrites')).toBe(12 + 4)
    expect(pieceAdds(build(input).ctx.work.mapping, 3)).toBe(6)
  })

  it('the matrices of a group share no partial sums', () => {
    const one = small({ array: { rows: 2, cols: 8 } })
    const input = { ...one, matrices: [one.matrices[0]!, one.matrices[0]!], codes: [one.codes[0]!, one.codes[0]!] }
    expect(counted(input).count('pieceAdds')).toBe(2 * 4)
    expect(counted(input).count('outputWrites')).toBe(2 * 6)
  })

  it('offset weights: the activations are summed, one polarity, no subtraction, words one bit shorter', () => {
    // e + 2 is 3 bits: slices 0 … 2; everything that is stored as 2 or more has slice 1 or 2.
    const result = counted(small({ weights: { encoding: 'offset' }, skipZeroSlices: false }))
    expect(result.count('inputSumAdds')).toBe(8)
    expect(result.count('polaritySubtractions')).toBe(0)
    // Two planes of OU 0, one of OU 2, one of OU 1, three slices each.
    expect(result.count('adcConversions')).toBe((2 * 2 + 1 * 2 + 1 * 1) * 3)
    expect(result.count('wordLinePulses')).toBe(4 * 3)
    expect(result.count('benesSwitchBits')).toBe(4 * 3 * 2 * 5)
  })

  it('without zero flags nothing is ORed and every plane fires', () => {
    const result = counted(small({ skipZeroPlanes: false }))
    expect(result.count('flagOrs')).toBe(0)
    expect([result.planesFired, result.planesTotal]).toEqual([48, 48])
    expect(result.count('wordLinePulses')).toBe(14)
  })

  it('a window with two OUs of one OU column sets the network twice', () => {
    // Six rows for outputs 0 and 1, two for 2 and 3, none for 4 and 5: planarised, window 0 needs two settings, window 1 one.
    const e = Array.from({ length: 36 }, (_, i) => (i % 6 < 2 || (i < 12 && i % 6 < 4) ? 1 : 0))
    const input: Case = {
      ...small({ strip: { ous: 3 }, mapping: { planarise: true } }),
      matrices: [matrix(6, 6, e)],
      codes: [new Uint8Array(12).fill(1)],
    }
    const result = counted(input)
    // Three ports, padded to four: six switches. Two vectors.
    expect(result.count('benesSettingLoads')).toBe(2 * 3 * 6)
    expect(result.count('permutationBitsRead')).toBe(2 * 3 * 6)
  })

  it('dense-bare has no Benes network and reads no permutation', () => {
    const result = counted(small(), 'dense-bare')
    expect(result.all).toMatchObject({ benesSwitchBits: 0, benesSettingLoads: 0, permutationBitsRead: 0, flagOrs: 0 })
    // Three runs of rows in two OU columns.
    expect(result.count('rowGathers')).toBe(2 * 10)
    expect(result.count('bufferBitsRead')).toBe(2 * 5 * 8)
  })

  it('merged items with parallel slices cross the network once for every different slice', () => {
    const result = counted(small({ order: 'window-bit', slices: 'parallel' }, [1, 0, 1, 1, 0]))
    // Window 0: OUs 0 and 1 merged, slices 0 and 1. Window 1: OU 2, slice 1.
    expect(result.count('benesSwitchBits')).toBe(3 * 2 * 6)
    expect(result.count('shiftAdds')).toBe(2 * 2 + 1 * 2 + 2 * 1)
    expect(result.count('psumReads')).toBe(2 + 1 + 2)
    expect(result.ouActivations).toBe(5)
  })
})
