// The result for a person: a table of layers, then the totals. Pure text.
import { styleText } from 'node:util'
import CliTable from 'cli-table3'
import { areaMm2, energy, engineering, grouped, percent, time } from '../../models/base/units.js'
import type { LayerResult, RunResult } from '../results/result.js'
import { totalsOf } from '../results/summary.js'
import { layerEnergyPj } from '../results/tables.js'

export interface TableStyle {
  /** columns of the terminal; narrow ones get fewer table columns */
  readonly width: number
  readonly color: boolean
}

interface Col {
  readonly head: string
  /** shown from this width on */
  readonly from: number
  cell(layer: LayerResult): string
}

const columns: readonly Col[] = [
  { head: 'layer', from: 0, cell: (l) => short(l.name, 18) },
  {
    head: 'rows×cols',
    from: 0,
    cell: (l) => `${l.mapping.rows}×${l.mapping.cols}${l.mapping.matrices > 1 ? `·${l.mapping.matrices}` : ''}`,
  },
  { head: 'MACs', from: 90, cell: (l) => engineering(l.macs, '').trim() },
  { head: 'cycles', from: 0, cell: (l) => grouped(l.timing.cycles) },
  { head: 'bound', from: 110, cell: (l) => grouped(l.boundCycles) },
  { head: 'speed-up', from: 0, cell: (l) => ratio(l.dense.bare.cycles, l.timing.cycles) },
  { head: 'same hw', from: 130, cell: (l) => ratio(l.dense.sameHardware.cycles, l.timing.cycles) },
  { head: 'planes', from: 100, cell: (l) => percent(share(l.timing.planesFired, l.timing.planesTotal), 0) },
  { head: 'limit', from: 0, cell: (l) => l.limitingStage },
  { head: 'busy', from: 0, cell: (l) => percent(utilisation(l), 0) },
  { head: 'energy', from: 0, cell: (l) => energy(layerEnergyPj(l)) },
  { head: 'largest', from: 120, cell: largest },
  {
    head: 'clips',
    from: 80,
    cell: (l) => (l.values === null ? '–' : percent(share(l.values.clips.clipped, l.values.clips.conversions), 3)),
  },
  {
    head: 'SQNR',
    from: 140,
    cell: (l) => (l.values?.clips.sqnrDb == null ? '–' : `${l.values.clips.sqnrDb.toFixed(1)} dB`),
  },
]

const share = (part: number, whole: number) => (whole === 0 ? 0 : part / whole)
const ratio = (dense: number, own: number) => (own === 0 ? '–' : `${(dense / own).toFixed(2)}×`)
const short = (text: string, width: number) => (text.length <= width ? text : `…${text.slice(1 - width)}`)

/** Busy share of the limiting stage in the slowest macro. */
export function utilisation(layer: LayerResult): number {
  const slowest = layer.timing.macros.reduce((a, b) => (b.span > a.span ? b : a), {
    span: 0,
    stages: [] as LayerResult['timing']['macros'][number]['stages'],
  })
  const stage = slowest.stages.find((s) => s.name === layer.limitingStage)
  return share(stage?.busy ?? 0, slowest.span)
}

function largest(layer: LayerResult): string {
  const rows = layer.energy.map((row) => ({ name: row.component, pj: row.dynamicPj + row.leakagePj }))
  const top = rows.reduce((a, b) => (b.pj > a.pj ? b : a), { name: '–', pj: 0 })
  return `${top.name} ${percent(share(top.pj, layerEnergyPj(layer)), 0)}`
}

export function renderTable(result: RunResult, style: TableStyle): string {
  const shown = columns.filter((column) => column.from <= style.width)
  const bold = (text: string) => (style.color ? styleText('bold', text, { validateStream: false }) : text)
  const table = new CliTable({
    head: shown.map((column) => bold(column.head)),
    colAligns: shown.map((column) =>
      column.head === 'layer' || column.head === 'limit' || column.head === 'largest' ? 'left' : 'right',
    ),
    style: { head: [], border: [], compact: true },
    chars: {
      top: '',
      'top-mid': '',
      'top-left': '',
      'top-right': '',
      bottom: '',
      'bottom-mid': '',
      'bottom-left': '',
      'bottom-right': '',
      left: '',
      'left-mid': '',
      right: '',
      'right-mid': '',
      mid: '',
      'mid-mid': '',
      middle: ' ',
    },
  })
  for (const layer of result.layers) table.push(shown.map((column) => column.cell(layer)))
  const banner =
    result.partial === null
      ? []
      : [bold(`PARTIAL: ${result.partial}; totals are of what was simulated, nothing is extrapolated`)]
  return [...banner, table.toString(), '', ...totals(result), ...banner].join('\n')
}

function totals(result: RunResult): string[] {
  const t = totalsOf(result)
  const items = `${result.trace.items} input${result.trace.items === 1 ? '' : 's'}`
  const lines: [string, string][] = [
    ['machine', `${result.machine}, engine ${result.engine}, ${items}, ${engineering(t.macs, 'MAC')}`],
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
      `${energy(t.energy_pj)}; dense-bare ${energy(t.dense_bare.energy_pj)}: ${ratio(t.dense_bare.energy_pj, t.energy_pj)} less; prices ${result.prices.table}, ADC model ${result.prices.adcModel}`,
    ],
    [
      'ADC models',
      result.prices.alternatives
        .map((a) => `${a.adcModel}: ${a.energyPj === null ? `not applicable (${a.reason})` : energy(a.energyPj)}`)
        .join('; '),
    ],
    [
      'throughput',
      `${(t.tops ?? 0).toPrecision(3)} TOPS, ${(t.tops_per_watt ?? 0).toPrecision(3)} TOPS/W (2 operations a MAC of the unpruned network)`,
    ],
    ['area', `${areaMm2(t.area_um2)}; programming all cells once: ${energy(t.programming_pj)}`],
    ['values', valueLine(result)],
  ]
  if (result.accuracy !== null)
    lines.push(['top-1', `${result.accuracy.correct} of ${result.accuracy.items} (the recorded network)`])
  for (const product of result.notOnArrays)
    lines.push([
      'not on arrays',
      `${product.name} (${product.op}, two activations): ${engineering(product.macs, 'MAC')}`,
    ])
  return lines.map(([name, text]) => `${name.padEnd(14)}${text}`)
}

function valueLine(result: RunResult): string {
  const checked = result.layers.filter((l) => l.values !== null)
  if (checked.length === 0) return 'off'
  const clipped = checked.reduce((sum, l) => sum + l.values!.clips.clipped, 0)
  const conversions = checked.reduce((sum, l) => sum + l.values!.clips.conversions, 0)
  const steps = checked.map((l) => l.values!.reference?.maxSteps ?? null).filter((s) => s !== null)
  const reference = steps.length === 0 ? '' : `; at most ${Math.max(...steps).toFixed(3)} output steps from onnxruntime`
  return `lossless = integer product in all ${checked.length} layers; ${grouped(clipped)} of ${grouped(conversions)} conversions clipped${reference}`
}
