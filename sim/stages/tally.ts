// Event counters → action counts: multiplication by the static sizes of windows and OUs (docs/timing.md, section 5).
import { type ActionCounts, actionId, actions } from '../../models/cost/actions.js'
import { type BenesShape, firstOutput, type Mapping } from '../../models/mapping/mapping.js'
import type { MapSpec } from '../../models/mapping/spec.js'
import type { WeightCoding } from '../../models/values/encode.js'
import { cellReads } from '../../models/values/ou-cells.js'
import type { LayerWork, MacroSpec, Tally } from './context.js'
import { popcount } from './context.js'

export interface TallyContext {
  readonly work: LayerWork
  readonly spec: MacroSpec
  readonly map: MapSpec
  readonly benes: BenesShape
  /** bits of an ADC code (lossless: as many as it needs) */
  readonly codeBits: number
  readonly vectors: number
  readonly adcCodes: Float64Array
}

/** What driving the word lines costs; follows from the pulses of every row. */
export interface DriveCounts {
  /** Σ over OU rows of pulses × visited slices */
  readonly pulses: number
  /** cell reads by stored level */
  readonly cellReads: Float64Array
}

/** From the pulses that were counted row by row of every OU. */
export function driveCounts(tally: Pick<Tally, 'rowPulses'>, { mapping, coding, sliceMasks }: LayerWork): DriveCounts {
  return {
    pulses: pulses(tally.rowPulses, mapping, sliceMasks),
    cellReads: cellReads(mapping, coding, sliceMasks, tally.rowPulses),
  }
}

export function countActions(tally: Omit<Tally, 'rowPulses'>, ctx: TallyContext, drive: DriveCounts): ActionCounts {
  const counts = new Float64Array(actions.length)
  const { mapping, coding } = ctx.work
  const visits = visitTotals(tally, ctx)
  const settingSwitches = ctx.spec.hasBenes ? visits.settings * ctx.benes.switches : 0
  counts[actionId.bufferBitsRead] = visits.unionRows * 8
  counts[actionId.permutationBitsRead] = settingSwitches
  counts[actionId.benesSettingLoads] = settingSwitches
  counts[actionId.rowGathers] = visits.rows
  counts[actionId.flagOrs] = ctx.spec.skipZeroPlanes ? visits.rows : 0
  counts[actionId.inputSumAdds] = coding.encoding === 'offset' ? visits.rows : 0
  counts[actionId.rowListBitsRead] = visits.rowListBits
  counts[actionId.wordLinePulses] = drive.pulses * coding.polarities
  counts[actionId.adcConversions] = tally.outputSlices * coding.polarities
  counts[actionId.polaritySubtractions] = coding.polarities === 2 ? tally.outputSlices : 0
  counts[actionId.benesSwitchBits] = ctx.spec.hasBenes ? tally.benesItemSlices * benesBits(ctx) : 0
  counts[actionId.shiftAdds] = tally.outputSlices
  const adds = pieceAdds(mapping, ctx.vectors)
  counts[actionId.psumReads] = tally.outputs + 2 * adds
  counts[actionId.psumWrites] = tally.outputs + adds
  counts[actionId.pieceAdds] = adds
  counts[actionId.outputWrites] = ctx.vectors * firstOutput(mapping.matrices, mapping.matrices.length)
  return { counts, cellReads: drive.cellReads, adcCodes: ctx.adcCodes }
}

/** The same actions, but word lines that were driven so often. */
export function withDrive(
  actions: ActionCounts,
  drive: DriveCounts,
  { polarities }: Pick<WeightCoding, 'polarities'>,
): ActionCounts {
  const counts = actions.counts.slice()
  counts[actionId.wordLinePulses] = drive.pulses * polarities
  return { ...actions, counts, cellReads: drive.cellReads }
}

/** Data bits that one Benes item of one slice moves through switches. */
function benesBits(ctx: TallyContext): number {
  const wordBits = ctx.codeBits + (ctx.work.coding.polarities === 2 ? 1 : 0)
  return ctx.benes.switches * ctx.benes.portOutputs * wordBits
}

/** Sizes of windows and their OUs, summed over all window visits. */
function visitTotals(tally: Pick<Tally, 'windowVisits'>, ctx: TallyContext) {
  const { mapping } = ctx.work
  const totals = { unionRows: 0, settings: 0, rows: 0, rowListBits: 0 }
  for (let w = 0; w < mapping.windows; w++) {
    const visits = tally.windowVisits[w]!
    if (visits === 0) continue
    const rows = mapping.rowStart[mapping.windowStart[w + 1]!]! - mapping.rowStart[mapping.windowStart[w]!]!
    totals.unionRows += visits * mapping.unionRows[w]!
    totals.settings += visits * mapping.settings[w]!
    totals.rows += visits * rows
    for (let ou = mapping.windowStart[w]!; ou < mapping.windowStart[w + 1]!; ou++)
      totals.rowListBits += visits * mapping.rowLists.bitsOf[ou]!
  }
  return totals
}

/** Σ over OU rows of pulses × visited slices. */
function pulses(rowPulses: Float64Array, mapping: Mapping, sliceMasks: Int32Array): number {
  let total = 0
  for (let ou = 0; ou < mapping.ous; ou++) {
    const slices = popcount(sliceMasks[ou]!)
    for (let i = mapping.rowStart[ou]!; i < mapping.rowStart[ou + 1]!; i++) total += slices * rowPulses[i]!
  }
  return total
}

/** Σ over vectors and outputs of pieces − 1, where at least one piece holds the output. */
export function pieceAdds(mapping: Mapping, vectors: number): number {
  const adds = knownAdds.get(mapping) ?? addsOfVector(mapping)
  knownAdds.set(mapping, adds)
  return adds * vectors
}

/** A mapping is counted once, not for every item. */
const knownAdds = new WeakMap<Mapping, number>()

function addsOfVector(mapping: Mapping): number {
  const { windows, windowStart, pieceOf, strips, stripOf, colStart, colOf } = mapping
  let adds = 0
  const lastPiece = mapping.matrices.map((matrix) => new Int32Array(matrix.cols).fill(-1))
  for (let w = 0; w < windows; w++) {
    const piece = pieceOf[w]!
    const endOu = windowStart[w + 1]!
    for (let ou = windowStart[w]!; ou < endOu; ou++) {
      const last = lastPiece[strips[stripOf[ou]!]!.matrix]!
      const end = colStart[ou + 1]!
      for (let c = colStart[ou]!; c < end; c++) {
        const col = colOf[c]!
        const before = last[col]!
        if (before === piece) continue
        if (before !== -1) adds++
        last[col] = piece
      }
    }
  }
  return adds
}
