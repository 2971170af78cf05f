// cimulator compare: two run directories, side by side.
import { CheckFailure, SpecError } from '../../models/base/errors.js'
import { engineering } from '../../models/base/units.js'
import { type Comparison, compareRuns, type Difference, type Figure, largest } from '../../traces/results/compare.js'
import { openRun } from '../../traces/results/open.js'
import type { CliCommand, CliContext } from './context.js'
import { plainTable } from './plain-table.js'

interface Flags {
  readonly failAbove?: number
}

export const compare: CliCommand = {
  name: 'compare',
  doc: 'compare two runs of one network: configuration, totals, layers, components',
  examples: [
    'cimulator compare runs/base runs/small',
    'cimulator compare runs/base runs/small --json',
    'cimulator compare runs/base runs/today --fail-above 0',
  ],
  configure(command, execute) {
    command
      .argument('<a>', 'run directory: what is compared with')
      .argument('<b>', 'run directory')
      .option('--fail-above <percent>', 'exit 1 when any number differs by more', percentOf)
      .action((a: string, b: string, flags: Flags) => execute((context) => act(context, a, b, flags)))
  },
}

function percentOf(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value) || value < 0)
    throw new SpecError(`--fail-above ${text}: expected a percentage of at least 0`)
  return value
}

async function act(context: CliContext, a: string, b: string, flags: Flags): Promise<void> {
  const comparison = await compareRuns(openRun(a), openRun(b))
  const top = largest(comparison)
  if (context.json) context.out(JSON.stringify({ ...comparison, largest: finite(top) }, null, 2))
  else context.out(textOf(comparison, top))
  if (flags.failAbove !== undefined && top !== null && top.percent > flags.failAbove)
    throw new CheckFailure(`${top.where} differs by ${percentText(top.percent)}; allowed ${flags.failAbove} %`)
}

/** JSON has no infinity. */
function finite(top: ReturnType<typeof largest>) {
  return top === null ? null : { where: top.where, percent: Number.isFinite(top.percent) ? top.percent : null }
}

function textOf(comparison: Comparison, top: ReturnType<typeof largest>): string {
  const { a, b } = comparison
  const blocks = [`A ${a.folder}: ${a.machine}, engine ${a.engine}\nB ${b.folder}: ${b.machine}, engine ${b.engine}`]
  blocks.push(differenceText('configuration', comparison.configuration))
  if (comparison.request.length > 0) blocks.push(differenceText('request', comparison.request))
  if (a.traceSha256 !== b.traceSha256) blocks.push('the recorded traces differ')
  for (const [name, list] of [
    ['A', comparison.onlyA],
    ['B', comparison.onlyB],
  ] as const)
    if (list.length > 0) blocks.push(`layers of ${name} alone: ${list.join(', ')}`)
  if (top === null) return [...blocks, 'all numbers are equal'].join('\n\n')
  if (comparison.totals.length > 0) blocks.push(figureText('total', comparison.totals))
  if (comparison.components.length > 0) blocks.push(figureText('energy by component', comparison.components))
  blocks.push(layerText(comparison))
  blocks.push(`largest difference: ${top.where}, ${percentText(top.percent)}`)
  return blocks.join('\n\n')
}

function differenceText(name: string, list: readonly Difference[]): string {
  if (list.length === 0) return `${name}: the same`
  const value = (part: unknown) => (part === undefined ? 'absent' : JSON.stringify(part))
  return plainTable(
    [name, 'A', 'B'],
    list.map((d) => [d.name, value(d.a), value(d.b)]),
  )
}

function figureText(name: string, figures: readonly Figure[]): string {
  return plainTable(
    [name, 'A', 'B', 'B − A', 'of A'],
    figures.map((f) => [
      // the text scales the units, so they are no part of the name here
      f.name.replace(/_(?:pj|ns|um2)$/, ''),
      valueText(f.a, f.unit),
      valueText(f.b, f.unit),
      valueText(f.difference, f.unit),
      share(f),
    ]),
    [1, 2, 3, 4],
  )
}

/** Cycles and energy of every layer, and the component that differs most. */
function layerText({ layers }: Comparison): string {
  return plainTable(
    ['layer', 'cycles A', 'cycles B', 'of A', 'energy A', 'energy B', 'of A', 'component that differs most'],
    layers.map((layer) => {
      const [cycles, energy] = ['cycles', 'energy_pj'].map((name) => layer.figures.find((f) => f.name === name)!)
      const part = layer.components.reduce<Figure | null>(
        (most, f) => (Math.abs(f.difference ?? 0) > Math.abs(most?.difference ?? 0) ? f : most),
        null,
      )
      return [
        layer.name,
        ...[cycles!, energy!].flatMap((f) => [valueText(f.a, f.unit), valueText(f.b, f.unit), share(f)]),
        part === null ? '–' : `${part.name} ${valueText(part.difference, part.unit)}`,
      ]
    }),
    [1, 2, 3, 4, 5, 6],
  )
}

function valueText(value: number | null, unit: string): string {
  if (value === null) return '–'
  if (unit === 'cycle') return signed(value, String)
  if (unit === 'pJ') return signed(value, (v) => engineering(v * 1e-12, 'J'))
  if (unit === 'ns') return signed(value, (v) => engineering(v * 1e-9, 's'))
  if (unit === 'µm²') return signed(value, (v) => `${Number((v * 1e-6).toPrecision(4))} mm²`)
  return signed(value, (v) => `${Number(v.toPrecision(4))} ${unit}`)
}

const signed = (value: number, text: (v: number) => string) => (value < 0 ? `−${text(-value)}` : text(value))

function share(f: Figure): string {
  if (f.a === f.b) return '='
  return f.percent === null ? 'new' : percentText(f.percent, true)
}

function percentText(percent: number, sign = false): string {
  if (!Number.isFinite(percent)) return 'more than any percentage (one of the two is 0 or absent)'
  return `${sign && percent > 0 ? '+' : ''}${signed(percent, (v) => v.toPrecision(3))} %`
}
