// Sums of the fast engine → the result that every engine gives.
import type { TimingResult } from '../../../traces/results/result.js'
import { countActions, type TallyContext } from '../../stages/tally.js'
import { type DriveWeights, linearDrive } from './drive.js'
import type { FastResult } from './fast.js'

export function timingOf(fast: FastResult, ctx: TallyContext, weights: DriveWeights): TimingResult {
  const { mapping, passes } = ctx.work
  const sums = { planesFired: 0, outputs: 0, outputSlices: 0, activations: 0, benesItemSlices: 0 }
  for (const totals of fast.totals) {
    sums.planesFired += totals.planesFired
    sums.outputs += totals.outputs
    sums.outputSlices += totals.outputSlices
    sums.activations += totals.activations
    sums.benesItemSlices += totals.benesItemSlices
  }
  const planesTotal = mapping.ous * passes * ctx.spec.planes
  const tally = { ...sums, planesTotal, windowVisits: new Float64Array(mapping.windows).fill(passes) }
  return {
    cycles: fast.macros.reduce((most, { span }) => Math.max(most, span), 0),
    macros: fast.macros,
    actions: countActions(tally, ctx, linearDrive(weights, fast.digitSums)),
    planesFired: sums.planesFired,
    planesTotal,
    ouActivations: sums.activations,
  }
}
