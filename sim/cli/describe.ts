// cimulator describe: what there is to choose from, read from registries and schema metadata.
import type { z } from 'zod'
import { SpecError } from '../../models/base/errors.js'
import { nearest, unknownName } from '../../models/base/registry.js'
import { fieldAt, metaOf, rangeOf, shapeOf, valueAt } from '../../models/config/check.js'
import { presetNames } from '../../models/config/layered.js'
import { actions } from '../../models/cost/actions.js'
import { adcModels } from '../../models/cost/adc/index.js'
import { priceTables } from '../../models/cost/prices/index.js'
import { remappers } from '../../models/mapping/remappers/index.js'
import { criteria, namedPatterns, patternKinds } from '../../models/sparsity/index.js'
import { resolveMachine } from '../chip/resolve.js'
import { machineSchema } from '../chip/spec.js'
import { stages } from '../stages/index.js'
import type { CliCommand } from './context.js'

const topics: Readonly<Record<string, (name: string | undefined) => string[]>> = {
  presets: () => presetNames().map((name) => entry(name, resolveMachine(name, []).machine.description)),
  machine: (name) => {
    const { machine, origin } = resolveMachine(name ?? 'wu2024', [])
    const values = fields(machineSchema, []).filter(
      ([top]) => top !== 'sources' && top !== 'name' && top !== 'description',
    )
    return values.map((path) => {
      const source = machine.sources[path.join('.')] ?? given(origin(path))
      return entry(
        path.join('.'),
        `${JSON.stringify(valueAt(machine, path)) ?? '–'} ${metaOf(fieldAt(machineSchema, path)!).unit}  ${source}`,
      )
    })
  },
  parameters: (prefix) => {
    const all = fields(machineSchema, [])
    const found = all.filter((path) => prefix === undefined || path.join('.').startsWith(prefix))
    if (found.length === 0) throw new SpecError(unknownParameter(prefix ?? '', all))
    return found.map(parameter)
  },
  stages: () => stages.all.map((stage) => entry(stage.name, stage.doc)),
  components: () =>
    [...new Set(actions.map((action) => action.component))].map((component) =>
      entry(
        component,
        actions
          .filter((a) => a.component === component)
          .map((a) => a.name)
          .join(', '),
      ),
    ),
  actions: () => actions.map((action) => entry(action.name, `${action.component}, ${action.unit}: ${action.doc}`)),
  prices: () => [...priceTables.all, ...adcModels.all].map((table) => entry(table.name, table.doc)),
  patterns: () => [
    ...[...namedPatterns].map(([name, { description }]) => entry(name, description)),
    entry('N:M', 'in every M consecutive rows of an output N weights survive; 2:4, 1:4 …'),
    ...patternKinds.all.map((kind) => entry(`kind ${kind.name}`, kind.doc)),
    ...criteria.all.map((criterion) => entry(`criterion ${criterion.name}`, criterion.doc)),
  ],
  remappers: () => remappers.all.map((remapper) => entry(remapper.name, remapper.doc)),
}

export const describeCommand: CliCommand = {
  name: 'describe',
  doc: 'list presets, parameters, stages, components, actions, prices, patterns, remappers',
  examples: ['cimulator describe presets', 'cimulator describe machine wu2024', 'cimulator describe parameters adc'],
  configure(command, execute) {
    command
      .argument('<topic>', Object.keys(topics).join(', '))
      .argument('[name]', 'machine, or the beginning of a parameter path')
      .action((topic: string, name: string | undefined) =>
        execute(async (context) => {
          const describe = topics[topic]
          if (describe === undefined) throw new SpecError(unknownName('topic', topic, Object.keys(topics)))
          context.out(describe(name).join('\n'))
        }),
      )
  },
}

/** Near names only: all of them are more than anybody reads in an error. */
function unknownParameter(name: string, all: readonly (readonly string[])[]): string {
  const paths = all.map((path) => path.join('.'))
  const within = paths.filter((path) => path.toLowerCase().includes(name.toLowerCase()))
  const close = nearest(name, [...new Set([...paths, ...all.map(([top]) => top!)])])
  const near = within.length > 0 ? within.slice(0, 5) : close === null ? [] : [close]
  const hint = near.length === 0 ? '' : ` Did you mean ${near.map((path) => `"${path}"`).join(', ')}?`
  return `unknown parameter "${name}".${hint} \`cimulator describe parameters\` lists all ${paths.length}.`
}

/** What is said of a value without a source. */
function given(origin: string): string {
  return origin === 'default' ? 'default' : `no source; given at ${origin}`
}

function entry(name: string, text: string): string {
  return `${name.padEnd(24)} ${text.trim()}`
}

/** Paths of all leaves of a schema. */
function fields(schema: z.ZodType, path: readonly string[]): string[][] {
  const shape = shapeOf(schema)
  if (shape === null) return [[...path]]
  return Object.entries(shape).flatMap(([key, field]) => fields(field, [...path, key]))
}

function parameter(path: readonly string[]): string {
  const field = fieldAt(machineSchema, path)!
  const { description, unit } = metaOf(field)
  const fallback = field.safeParse(undefined)
  const byDefault = fallback.success && fallback.data !== undefined ? `, default ${JSON.stringify(fallback.data)}` : ''
  return entry(path.join('.'), `${rangeOf(field)}${unit === '' ? '' : ` ${unit}`}${byDefault}: ${description}`)
}
