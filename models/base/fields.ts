// Typed fields for machine descriptions: zod schemas that carry a text and a unit, so that `describe`, error messages and the
// exported JSON Schema all read the same declaration. A part declares its own fields and sees nothing else.
import { z } from 'zod'

export interface FieldMeta {
  readonly description: string
  readonly unit: string
}

/** A whole number in [min, max]. */
export function int(description: string, unit: string, min: number, max: number) {
  return z.int().min(min).max(max).meta({ description, unit })
}

/** A finite number in [min, max]. */
export function real(description: string, unit: string, min: number, max: number) {
  return z.number().min(min).max(max).meta({ description, unit })
}

export function choice<const T extends readonly [string, ...string[]]>(description: string, values: T) {
  return z.enum(values).meta({ description, unit: '' })
}

export function flag(description: string) {
  return z.boolean().meta({ description, unit: '' })
}

/** A whole number in [min, max], or one literal word. */
export function intOr<const W extends string>(description: string, unit: string, min: number, max: number, word: W) {
  return z.union([z.int().min(min).max(max), z.literal(word)]).meta({ description, unit })
}

/** The latency, depth and queue that every stage has; docs/timing.md, section 3. */
export const stageTiming = {
  latency: int(
    'cycles from the start of a firing to its output, when longer than the interval',
    'cycle',
    1,
    1_000_000,
  ).default(1),
  depth: intOr(
    'outputs under way inside the stage; auto = max(1, ceil(latency / smallest interval))',
    'item',
    1,
    1_000_000,
    'auto',
  ).default('auto'),
  queue: int('entries of the queue behind the stage', 'item', 1, 1_000_000).default(1),
  streaming: flag('hands its output over after the latency, even when the interval is longer').default(false),
}

export const interval = int('cycles that one firing holds the stage', 'cycle', 1, 1_000_000)
