// The stages of a macro, in pipeline order. Adding one = a file, its parameters in params.ts, and a line here.
import { registry } from '../../models/base/registry.js'
import type { Stage } from '../pipeline/stage.js'
import { adc } from './adc.js'
import { benes } from './benes.js'
import { cache } from './cache.js'
import { cim } from './cim.js'
import type { MacroContext, StageName } from './context.js'
import { load } from './load.js'
import { shiftAdd } from './shift-add.js'
import { skip } from './skip.js'

export interface StageModel {
  readonly name: string
  readonly doc: string
  build(ctx: MacroContext): Stage
}

export const stages = registry<StageModel>('stage', [cache, load, skip, cim, adc, benes, shiftAdd])

/** The stages that a machine has, in order. */
export function buildStages(ctx: MacroContext): Stage[] {
  const absent: StageName[] = []
  if (!ctx.spec.hasSkip) absent.push('skip')
  if (!ctx.spec.hasBenes) absent.push('benes')
  return stages.all.filter((stage) => !absent.includes(stage.name as StageName)).map((stage) => stage.build(ctx))
}
