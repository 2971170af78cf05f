// The stages of one macro without a pipeline: items are handed over by hand, and read bit by bit as sim/stages/item.ts describes them.
import type { Stage } from '../../sim/pipeline/stage.js'
import type { MacroContext, Tally, ValueSink } from '../../sim/stages/context.js'
import { buildStages } from '../../sim/stages/index.js'
import type { TallyContext } from '../../sim/stages/tally.js'
import { createSource, createTally, type MacroSource } from '../../sim/stages/visits.js'
import { build, type Case } from './work.js'

/** One firing: whether it takes a credit, its interval, the item that it emits (−1: none). */
export interface Fired {
  readonly credit: boolean
  readonly interval: number
  readonly out: number
}

export interface Bench {
  readonly ctx: TallyContext
  readonly macro: MacroContext
  readonly source: MacroSource
  readonly tally: Tally
  readonly names: readonly string[]
  stage(name: string): Stage
  /** All firings of a stage on an item. */
  fire(name: string, item: number): Fired[]
  /** Items that a stage emits on items, in order. */
  emitted(name: string, items: readonly number[]): number[]
  /** A window's item as the source gives it. */
  window(): number
}

export function bench(
  input: Case,
  variant: 'machine' | 'dense-bare' = 'machine',
  values: ValueSink | null = null,
): Bench {
  const { ctx } = build(input, variant)
  const { work, spec } = ctx
  const source = createSource(work, spec, work.mapping.groups, null)
  const tally = createTally(work)
  const macro: MacroContext = { spec, work, layout: source.layout, visits: source.visits, tally, values }
  const stages = buildStages(macro)
  const stage = (name: string) => stages.find((candidate) => candidate.name === name)!
  const fire = (name: string, item: number): Fired[] => {
    const { behaviour } = stage(name)
    return Array.from({ length: behaviour.begin(item) }, (_, k) => ({
      credit: behaviour.credit(k),
      interval: behaviour.interval(k),
      out: behaviour.fire(k),
    }))
  }
  const emitted = (name: string, items: readonly number[]) =>
    items.flatMap((item) => fire(name, item).flatMap(({ out }) => (out < 0 ? [] : [out])))
  const names = stages.map(({ name }) => name)
  return { ctx, macro, source, tally, names, stage, fire, emitted, window: () => source.next(0) }
}

/** last (1 bit), first (1), slice (5), plane (3), then the OU of the window. */
export function fields(item: number, ouBits: number) {
  const digits = item.toString(2).padStart(32, '0')
  const bits = (from: number, count: number) => Number.parseInt(digits.slice(32 - from - count, 32 - from) || '0', 2)
  return {
    ou: bits(10, ouBits),
    plane: bits(7, 3),
    slice: bits(2, 5),
    first: bits(1, 1) === 1,
    last: bits(0, 1) === 1,
  }
}

/** `OU.plane.slice` with the marks of a merged group: < first, > last. */
export function label(item: number, ouBits: number): string {
  const { ou, plane, slice, first, last } = fields(item, ouBits)
  return `${first ? '<' : ''}${ou}.${plane}.${slice}${last ? '>' : ''}`
}
