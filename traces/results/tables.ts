// RunResult → tidy tables: one row a fact, units in the column names. CSV and Parquet are made from these.

import { SimFault } from '../../models/base/errors.js'
import { actions } from '../../models/cost/actions.js'
import type { LayerResult, MacroResult, RunResult } from './result.js'

export type Cell = number | string | null

export interface Column {
  readonly name: string
  readonly kind: 'integer' | 'real' | 'text'
  readonly cells: readonly Cell[]
}

export interface Table {
  readonly name: string
  readonly columns: readonly Column[]
}

type Pick<Row> = readonly [name: string, kind: Column['kind'], cell: (row: Row) => Cell]

function table<Row>(name: string, rows: readonly Row[], columns: readonly Pick<Row>[]): Table {
  return {
    name,
    columns: columns.map(([column, kind, cell]) => ({
      name: column,
      kind,
      cells: rows.map((row) => checked(name, column, kind, cell(row))),
    })),
  }
}

/** Numbers that are not finite become null; a count that is no whole number is a bug. */
function checked(name: string, column: string, kind: Column['kind'], cell: Cell): Cell {
  if (kind === 'text' || cell === null) return cell
  if (kind === 'real') return Number.isFinite(cell) ? cell : null
  if (!Number.isSafeInteger(cell)) throw new SimFault(`table ${name}, column ${column}: ${cell} is no whole number`)
  return cell
}

export function layerEnergyPj(layer: LayerResult): number {
  return layer.energy.reduce((sum, row) => sum + row.dynamicPj + row.leakagePj, 0)
}

/** Energy of one component over the given layers, largest first (ties: the name that comes first). */
export function energyByComponent(layers: readonly LayerResult[]): { component: string; energyPj: number }[] {
  const sums = new Map<string, number>()
  for (const layer of layers)
    for (const row of layer.energy)
      sums.set(row.component, (sums.get(row.component) ?? 0) + row.dynamicPj + row.leakagePj)
  return [...sums]
    .map(([component, energyPj]) => ({ component, energyPj }))
    .sort((a, b) => b.energyPj - a.energyPj || (a.component < b.component ? -1 : 1))
}

/** Busy share of a stage in the slowest macro of a layer; 0 when nothing ran. */
export function utilisation(layer: LayerResult, stage: string): number {
  const slowest = layer.timing.macros.reduce<MacroResult | null>(
    (a, b) => (a === null || b.span > a.span ? b : a),
    null,
  )
  const busy = slowest?.stages.find((s) => s.name === stage)?.busy ?? 0
  return slowest === null || slowest.span === 0 ? 0 : busy / slowest.span
}

export function tablesOf(result: RunResult): Table[] {
  return [layersTable(result), stagesTable(result), actionsTable(result), energyTable(result), itemsTable(result)]
}

function layersTable(result: RunResult): Table {
  return table('layers', result.layers, [
    ['layer_index', 'integer', (l) => l.index],
    ['layer_name', 'text', (l) => l.name],
    ['op', 'text', (l) => l.op],
    ['partial', 'text', () => result.partial],
    ['rows', 'integer', (l) => l.mapping.rows],
    ['outputs', 'integer', (l) => l.mapping.cols],
    ['matrices', 'integer', (l) => l.mapping.matrices],
    ['vectors', 'integer', (l) => l.vectors],
    ['vectors_total', 'integer', (l) => l.vectorsTotal],
    ['macs', 'integer', (l) => l.macs],
    ['weights', 'integer', (l) => l.mapping.weights],
    ['zero_weights', 'integer', (l) => l.mapping.zeroWeights],
    ['deleted_weights', 'integer', (l) => l.mapping.deletedWeights],
    ['ous', 'integer', (l) => l.mapping.ous],
    ['dense_ous', 'integer', (l) => l.mapping.denseOus],
    ['array_groups', 'integer', (l) => l.mapping.arrayGroups],
    ['slices', 'integer', (l) => l.mapping.slices],
    ['polarities', 'integer', (l) => l.mapping.polarities],
    ['cycles', 'integer', (l) => l.timing.cycles],
    ['bound_cycles', 'integer', (l) => l.boundCycles],
    ['dense_bare_cycles', 'integer', (l) => l.dense.bare.cycles],
    ['dense_same_hardware_cycles', 'integer', (l) => l.dense.sameHardware.cycles],
    ['planes_fired', 'integer', (l) => l.timing.planesFired],
    ['planes_total', 'integer', (l) => l.timing.planesTotal],
    ['ou_activations', 'integer', (l) => l.timing.ouActivations],
    ['limiting_stage', 'text', (l) => l.limitingStage],
    ['limiting_stage_busy_share', 'real', (l) => utilisation(l, l.limitingStage)],
    ['cim_busy_share', 'real', (l) => utilisation(l, 'cim')],
    ['energy_pj', 'real', layerEnergyPj],
    ['largest_energy_component', 'text', (l) => energyByComponent([l])[0]?.component ?? null],
    ['dense_bare_energy_pj', 'real', (l) => l.dense.bare.energyPj],
    ['dense_same_hardware_energy_pj', 'real', (l) => l.dense.sameHardware.energyPj],
    ['adc_conversions_checked', 'integer', (l) => l.values?.clips.conversions ?? null],
    ['adc_clipped', 'integer', (l) => l.values?.clips.clipped ?? null],
    ['clip_max_error', 'real', (l) => l.values?.clips.maxError ?? null],
    ['clip_rms_error', 'real', (l) => l.values?.clips.rmsError ?? null],
    ['clip_sqnr_db', 'real', (l) => l.values?.clips.sqnrDb ?? null],
    ['reference_max_steps', 'real', (l) => l.values?.reference?.maxSteps ?? null],
    ['reference_sqnr_db', 'real', (l) => l.values?.reference?.sqnrDb ?? null],
  ])
}

function stagesTable(result: RunResult): Table {
  const rows = result.layers.flatMap((layer) =>
    layer.timing.macros.flatMap((macro) => macro.stages.map((stage) => ({ layer, macro, stage }))),
  )
  return table('stages', rows, [
    ['layer_index', 'integer', (r) => r.layer.index],
    ['layer_name', 'text', (r) => r.layer.name],
    ['macro', 'integer', (r) => r.macro.macro],
    ['stage', 'text', (r) => r.stage.name],
    ['firings', 'integer', (r) => r.stage.firings],
    ['busy_cycles', 'integer', (r) => r.stage.busy],
    ['blocked_cycles', 'integer', (r) => r.stage.blocked],
    ['starved_cycles', 'integer', (r) => r.stage.starved],
    ['span_cycles', 'integer', (r) => r.macro.span],
  ])
}

function actionsTable(result: RunResult): Table {
  const rows = result.layers.flatMap((layer) => [
    ...actions.map((action, i) => ({
      layer,
      component: action.component,
      action: action.name as string,
      unit: action.unit as string,
      count: layer.timing.actions.counts[i]!,
    })),
    ...Array.from(layer.timing.actions.cellReads, (count, level) => ({
      layer,
      component: 'array',
      action: `cellReads[${level}]`,
      unit: 'cell·pulse',
      count,
    })),
    ...Array.from(layer.timing.actions.adcCodes, (count, code) => ({
      layer,
      component: 'adc',
      action: `adcCodes[${code}]`,
      unit: 'conversion',
      count,
    })),
  ])
  return table('actions', rows, [
    ['layer_index', 'integer', (r) => r.layer.index],
    ['layer_name', 'text', (r) => r.layer.name],
    ['component', 'text', (r) => r.component],
    ['action', 'text', (r) => r.action],
    ['unit', 'text', (r) => r.unit],
    ['count', 'integer', (r) => r.count],
  ])
}

function energyTable(result: RunResult): Table {
  const rows = result.layers.flatMap((layer) => layer.energy.map((row) => ({ layer, row })))
  return table('energy', rows, [
    ['layer_index', 'integer', (r) => r.layer.index],
    ['layer_name', 'text', (r) => r.layer.name],
    ['component', 'text', (r) => r.row.component],
    ['dynamic_pj', 'real', (r) => r.row.dynamicPj],
    ['leakage_pj', 'real', (r) => r.row.leakagePj],
  ])
}

/** Item by item, the layers in their order. */
function itemsTable(result: RunResult): Table {
  const count = result.layers[0]?.items.length ?? 0
  const rows = Array.from({ length: count }, (_, i) =>
    result.layers.map((layer) => ({ layer, own: layer.items[i]! })),
  ).flat()
  return table('items', rows, [
    ['item', 'integer', (r) => r.own.item],
    ['layer_index', 'integer', (r) => r.layer.index],
    ['layer_name', 'text', (r) => r.layer.name],
    ['cycles', 'integer', (r) => r.own.cycles],
    ['energy_pj', 'real', (r) => r.own.energyPj],
    ['dense_bare_cycles', 'integer', (r) => r.own.denseBareCycles],
    ['dense_bare_energy_pj', 'real', (r) => r.own.denseBareEnergyPj],
    ['planes_fired', 'integer', (r) => r.own.planesFired],
    ['planes_total', 'integer', (r) => r.own.planesTotal],
    ['ou_activations', 'integer', (r) => r.own.ouActivations],
    ['adc_clipped', 'integer', (r) => r.own.clipped],
  ])
}
