// The fast engine on a random case, outside the composition of layers.

import { sumMatrix } from '../../models/values/sums.js'
import { driveWeights } from '../../sim/engines/fast/drive.js'
import { runFast } from '../../sim/engines/fast/fast.js'
import { chooseKernels } from '../../sim/engines/fast/kernels/index.js'
import type { Kernels } from '../../sim/engines/fast/kernels/kernels.js'
import { type Room, usualRoom } from '../../sim/engines/fast/layout.js'
import { createFastLayer } from '../../sim/engines/fast/macro.js'
import { planFast } from '../../sim/engines/fast/plan.js'
import { timingOf } from '../../sim/engines/fast/result.js'
import { streamsOf } from '../../sim/engines/fast/streams.js'
import { type FastValueResult, openFastValues } from '../../sim/engines/fast/values.js'
import { createWorkspace } from '../../sim/engines/fast/workspace.js'
import type { TallyContext } from '../../sim/stages/tally.js'
import type { Built, Case } from './work.js'

export interface FastChoice {
  readonly mostStates?: number
  readonly memoryBytes?: number
  readonly kernels?: Kernels
  readonly horizon?: number
  readonly room?: Room
  readonly keepsResults?: boolean
}

export function prepareFast(ctx: TallyContext, choice: FastChoice) {
  const { mostStates, memoryBytes = 1 << 28, kernels = chooseKernels('auto'), horizon, room = usualRoom } = choice
  const layer = createFastLayer(planFast(ctx.work, ctx.spec), mostStates, horizon)
  const space = { memoryBytes, values: true, items: 1, inputBytes: 0, room }
  return { layer, space: createWorkspace(layer.plan, ctx.work.passes, kernels, space) }
}

export type Prepared = ReturnType<typeof prepareFast>

export function fastTiming({ ctx, macros }: Pick<Built, 'ctx' | 'macros'>, choice: FastChoice = {}) {
  return preparedTiming({ ctx, macros }, prepareFast(ctx, choice))
}

/** Once more what is tabulated stays. */
export function preparedTiming({ ctx, macros }: Pick<Built, 'ctx' | 'macros'>, { layer, space }: Prepared) {
  const { work } = ctx
  const result = runFast(layer, space, ctx, macros, streamsOf(work), { onBlock: null, onPass: null })
  return timingOf(result, ctx, driveWeights(work.mapping, work.coding, work.sliceMasks))
}

export function fastValues(
  { form, zeroPoint }: Pick<Case, 'form' | 'zeroPoint'>,
  { ctx, macros, adc }: Pick<Built, 'ctx' | 'macros' | 'adc'>,
  adcCodes = false,
  choice: FastChoice = {},
): FastValueResult {
  const { layer, space } = prepareFast(ctx, choice)
  const { coding, sliceMasks } = ctx.work
  const { keepsResults = true } = choice
  const sums = ctx.work.mapping.matrices.map(sumMatrix)
  const values = openFastValues({ plan: layer.plan, sums, coding, adc, sliceMasks, adcCodes, keepsResults }, space)(
    form,
    zeroPoint,
  )
  runFast(layer, space, ctx, macros, streamsOf(ctx.work), { onBlock: values.block, onPass: null })
  return values.finish()
}
