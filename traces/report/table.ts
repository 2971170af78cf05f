// The result for a person: a table of layers, then the totals. Pure text; a narrow terminal gets the columns that matter most.
import { styleText } from 'node:util'
import CliTable from 'cli-table3'
import { areaMm2, energy, engineering, grouped, percent, threeDigits, time } from '../../models/base/units.js'
import type { LayerResult, RunResult } from '../results/result.js'
import { type Statistics, statisticsOf } from '../results/statistics.js'
import { sparsityOf, totalsOf } from '../results/summary.js'
import { energyByComponent, layerEnergyPj, utilisation } from '../results/tables.js'

export interface TableStyle {
  /** columns of the terminal */
  readonly width: number
  readonly color: boolean
}

interface Col {
  readonly head: string
  readonly left: boolean
  /** 0 is always shown; of the others the highest goes first where the terminal is narrow */
  readonly rank: number
  cell(layer: LayerResult): string
}

const right = (head: string, rank: number, cell: Col['cell']): Col => ({ head, rank, cell, left: false })
const left = (head: string, rank: number, cell: Col['cell']): Col => ({ head, rank, cell, left: true })

const columns: readonly Col[] = [
  left('layer', 0, (l) => short(plain(l.name), 18)),
  right(
    'rows×cols',
    4,
    (l) => `${l.mapping.rows}×${l.mapping.cols}${l.mapping.matrices > 1 ? `·${l.mapping.matrices}` : ''}`,
  ),
  right('zeros', 9, (l) => percent(share(l.mapping.zeroWeights, l.mapping.weights), 0)),
  right('MACs', 5, (l) => engineering(l.macs, '').trim()),
  right('cycles', 0, (l) => grouped(l.timing.cycles)),
  right('bound', 6, (l) => grouped(l.boundCycles)),
  right('speed-up', 1, (l) => ratio(l.dense.bare.cycles, l.timing.cycles)),
  right('same hw', 10, (l) => ratio(l.dense.sameHardware.cycles, l.timing.cycles)),
  right('planes', 7, (l) => percent(share(l.timing.planesFired, l.timing.planesTotal), 0)),
  left('limit', 2, (l) => l.limitingStage),
  right('busy', 3, (l) => percent(utilisation(l, l.limitingStage), 0)),
  right('CIM', 9, (l) => percent(utilisation(l, 'cim'), 0)),
  right('energy', 1, (l) => energy(layerEnergyPj(l))),
  left('largest', 8, largest),
  right('clips', 6, (l) =>
    l.values === null ? '–' : percent(share(l.values.clips.clipped, l.values.clips.conversions), 3),
  ),
  right('SQNR', 11, (l) => (l.values?.clips.sqnrDb == null ? '–' : `${l.values.clips.sqnrDb.toFixed(1)} dB`)),
]

const share = (part: number, whole: number) => (whole === 0 ? 0 : part / whole)
const ratio = (dense: number, own: number) => (own === 0 ? '–' : `${(dense / own).toFixed(2)}×`)
const short = (text: string, width: number) => (text.length <= width ? text : `…${text.slice(1 - width)}`)

/** Names come from files: no control characters of theirs reach the terminal. */
const plain = (text: string) => text.replace(/\p{Cc}/gu, '?')

function largest(layer: LayerResult): string {
  const top = energyByComponent([layer])[0]
  return top === undefined ? '–' : `${top.component} ${percent(share(top.energyPj, layerEnergyPj(layer)), 0)}`
}

/** @returns lines of at most `style.width` characters where that is possible (60 or more), without a final newline */
export function renderTable(result: RunResult, style: TableStyle): string {
  const bold = (text: string) => (style.color ? styleText('bold', text, { validateStream: false }) : text)
  const banner =
    result.partial === null
      ? []
      : wrap(
          '',
          `PARTIAL: ${plain(result.partial)}; totals are of what was simulated, nothing is extrapolated`,
          style.width,
          0,
        ).map(bold)
  return [...banner, layerTable(result, style.width, bold), '', ...totals(result, style.width), ...banner].join('\n')
}

/** Parts of a border that cli-table3 draws; all empty here. */
const noBorder = Object.fromEntries(
  [
    ...['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left', 'bottom-right'],
    ...['left', 'left-mid', 'right', 'right-mid', 'mid', 'mid-mid'],
  ].map((part) => [part, '']),
)

function layerTable(result: RunResult, width: number, bold: (text: string) => string): string {
  const cells = columns.map((column) => [column.head, ...result.layers.map((layer) => column.cell(layer))])
  const widths = cells.map((texts) => Math.max(...texts.map((text) => text.length)))
  const shown = fitting(widths, width)
  const table = new CliTable({
    head: shown.map((c) => bold(columns[c]!.head)),
    colAligns: shown.map((c) => (columns[c]!.left ? 'left' : 'right')),
    style: { head: [], border: [], compact: true, 'padding-left': 0, 'padding-right': 1 },
    chars: { ...noBorder, middle: ' ' },
  })
  for (let row = 1; row <= result.layers.length; row++) table.push(shown.map((c) => cells[c]![row]!))
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
}

/** Indices of the columns that fit: a column costs its width, and two characters between columns. */
function fitting(widths: readonly number[], width: number): number[] {
  let shown = columns.map((_, c) => c)
  const total = () => shown.reduce((sum, c) => sum + widths[c]! + 2, 0)
  while (total() > width) {
    const last = shown.reduce((a, b) => (columns[b]!.rank >= columns[a]!.rank ? b : a))
    if (columns[last]!.rank === 0) break
    shown = shown.filter((c) => c !== last)
  }
  return shown
}

function totals(result: RunResult, width: number): string[] {
  const t = totalsOf(result)
  const items = `${result.trace.items} input${result.trace.items === 1 ? '' : 's'}`
  const parts = energyByComponent(result.layers).slice(0, 4)
  const lines: [string, string][] = [
    ['machine', `${plain(result.machine)}, engine ${result.engine}, ${items}, ${engineering(t.macs, 'MAC')}`],
    [
      'cycles',
      `${grouped(t.cycles)} = ${time(t.time_ns)} at ${result.cyclePeriodNs} ns; closed-form bound ${grouped(t.bound_cycles)}`,
    ],
    [
      'speed-up',
      `${ratio(t.dense_bare.cycles, t.cycles)} against dense-bare, ${ratio(t.dense_same_hardware.cycles, t.cycles)} against dense-same-hardware`,
    ],
    [
      'energy',
      `${energy(t.energy_pj)}; dense-bare ${energy(t.dense_bare.energy_pj)}: ${lessOrMore(t.energy_pj, t.dense_bare.energy_pj)}; prices ${result.prices.table}, ADC model ${result.prices.adcModel}`,
    ],
    ['', leakageText(t)],
    ['', parts.map((p) => `${p.component} ${percent(share(p.energyPj, t.energy_pj), 0)}`).join(', ')],
    [
      'ADC models',
      result.prices.alternatives
        .map((a) => `${a.adcModel}: ${a.energyPj === null ? `not applicable (${a.reason})` : energy(a.energyPj)}`)
        .join('; '),
    ],
    [
      'throughput',
      t.tops === null || t.tops_per_watt === null
        ? 'nothing ran'
        : `${engineering(t.tops * 1e12, 'OP/s')} = ${threeDigits(t.tops)} TOPS, ${threeDigits(t.tops_per_watt)} TOPS/W (2 operations a MAC of the unpruned network, zeros counted)`,
    ],
    ['area', `${areaMm2(t.area_um2)}; programming all cells once: ${energy(t.programming_pj)}`],
    ['per item', itemsLine(result)],
    ['sparsity', sparsityLine(result)],
    ['values', valueLine(result)],
  ]
  if (result.accuracy !== null)
    lines.push([
      'top-1',
      `${result.accuracy.correct} of ${result.accuracy.items} (as recorded: clipped conversions do not reach it)`,
    ])
  for (const product of result.notOnArrays)
    lines.push([
      'not on arrays',
      `${plain(product.name)} (${product.op}, two activations): ${engineering(product.macs, 'MAC')}`,
    ])
  lines.push(['simplified', 'digital work between layers is free, weights stay resident, …: docs/deviations.md'])
  return lines.filter(([, text]) => text !== '').flatMap(([name, text]) => wrap(name, text, width))
}

function lessOrMore(own: number, other: number): string {
  return own <= other ? `${ratio(other, own)} less` : `${ratio(own, other)} more`
}

/** A named line; what does not fit goes on below, indented. */
function wrap(name: string, text: string, width: number, indent = 14): string[] {
  const room = Math.max(20, width - indent)
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > room) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line].map((part, i) => (i === 0 ? name : '').padEnd(indent) + part)
}

/** Mean ± half the 95 % confidence interval; nothing for one item. */
function itemsLine(result: RunResult): string {
  const found = statisticsOf(result)
  if (found === null || found.items < 2) return ''
  const both = ({ mean, halfWidth95 }: Statistics, show: (value: number) => string) =>
    `${show(mean)} ± ${show(halfWidth95 ?? 0)}`
  const { cycles, energyPj, speedUpVsDenseBare: speedUp, planesFiredShare: planes, clipped } = found
  const parts = [
    `${both(cycles, (c) => grouped(Math.round(c)))} cycles (${grouped(cycles.min)} … ${grouped(cycles.max)})`,
    both(energyPj, energy),
    ...(speedUp === null ? [] : [`speed-up ${both(speedUp, (s) => s.toFixed(3))}`]),
    ...(planes === null ? [] : [`planes fired ${both(planes, (s) => percent(s, 1))}`]),
    ...(clipped === null ? [] : [`clips ${both(clipped, threeDigits)}`]),
  ]
  return `${parts.join(', ')}: mean of ${found.items} items ± 95 % confidence`
}

function sparsityLine(result: RunResult): string {
  const { weights, zero_weights, deleted_weights, pattern } = sparsityOf(result)
  const found =
    pattern === null
      ? ''
      : `; pattern "${pattern.name}" accounts for ${percent(pattern.share, 0)}: ${pattern.verdict} here`
  return `${percent(share(zero_weights, weights))} of ${grouped(weights)} weights are zero, ${percent(share(deleted_weights, zero_weights))} of these deleted${found}`
}

function valueLine(result: RunResult): string {
  const checked = result.layers.flatMap((l) => (l.values === null ? [] : [l.values]))
  if (checked.length === 0) return 'off'
  const sum = (f: (v: (typeof checked)[number]) => number) => checked.reduce((total, v) => total + f(v), 0)
  const wrong = sum((v) => v.losslessMismatches)
  const steps = checked.map((v) => v.reference?.maxSteps ?? null).filter((s) => s !== null)
  const reference = steps.length === 0 ? '' : `; at most ${Math.max(...steps).toFixed(3)} output steps from onnxruntime`
  const equal =
    wrong === 0
      ? `lossless = integer product in all ${checked.length} layers`
      : `lossless DIFFERS from the integer product in ${grouped(wrong)} results`
  return `${equal}; ${grouped(sum((v) => v.clips.clipped))} of ${grouped(sum((v) => v.clips.conversions))} conversions clipped${reference}`
}

/** Arrays of all layers are resident and leak while any layer runs: on large networks that is most of the energy. */
function leakageText({ energy_pj, leakage_pj }: ReturnType<typeof totalsOf>): string {
  return `of this ${energy(leakage_pj)} (${percent(share(leakage_pj, energy_pj), 0)}) is leakage of the whole chip, ${energy(energy_pj - leakage_pj)} is switching`
}
