// Two runs of one network side by side: what differs in the question, and what differs in the answer, per total, layer and component.
import { SpecError } from '../../models/base/errors.js'
import type { StoredRun } from './open.js'

export interface Difference {
  /** path of a field, or name of a request */
  readonly name: string
  readonly a: unknown
  readonly b: unknown
}

export interface Figure {
  readonly name: string
  readonly unit: string
  readonly a: number | null
  readonly b: number | null
  /** b − a; null where one of them does not exist */
  readonly difference: number | null
  /** 100 · (b − a) / |a|; null where a is 0 and b is not, or one of them does not exist */
  readonly percent: number | null
}

export interface LayerComparison {
  readonly index: number
  readonly name: string
  readonly figures: readonly Figure[]
  /** energy of every component, dynamic and leakage */
  readonly components: readonly Figure[]
}

export interface Comparison {
  readonly a: RunName
  readonly b: RunName
  readonly configuration: readonly Difference[]
  readonly request: readonly Difference[]
  readonly totals: readonly Figure[]
  /** energy over all layers */
  readonly components: readonly Figure[]
  readonly layers: readonly LayerComparison[]
  /** layers that only one of the runs simulated */
  readonly onlyA: readonly string[]
  readonly onlyB: readonly string[]
}

export interface RunName {
  readonly folder: string
  readonly cimulator: string
  readonly machine: string
  readonly engine: string
  readonly traceSha256: string
}

type Row = Record<string, number | string | null>

/** Columns of layers.parquet that are compared. */
const layerFigures = [
  ['cycles', 'cycle'],
  ['bound_cycles', 'cycle'],
  ['dense_bare_cycles', 'cycle'],
  ['dense_same_hardware_cycles', 'cycle'],
  ['ou_activations', '(OU, plane, slice)'],
  ['planes_fired', '(OU, plane)'],
  ['energy_pj', 'pJ'],
  ['adc_clipped', 'conversion'],
  ['clip_rms_error', 'product'],
] as const

const totalFigures = [
  ['cycles', 'cycle'],
  ['time_ns', 'ns'],
  ['energy_pj', 'pJ'],
  ['area_um2', 'µm²'],
  ['programming_pj', 'pJ'],
  ['tops', 'TOPS'],
  ['tops_per_watt', 'TOPS/W'],
] as const

/** What must be the same for two layers to have done the same work. */
const workOfLayer = ['op', 'rows', 'outputs', 'matrices', 'vectors', 'macs'] as const

/**
 * Every file that a manifest lists is held against its hash first.
 * @throws SpecError for runs with a changed or missing file, of different networks, or of different work: then a difference says nothing
 * about the machines
 */
export async function compareRuns(a: StoredRun, b: StoredRun): Promise<Comparison> {
  refuseOther(a, b)
  for (const run of [a, b]) run.verify()
  const [layersA, layersB] = [await a.table('layers'), await b.table('layers')]
  const [energyA, energyB] = [await a.table('energy'), await b.table('energy')]
  const names = (rows: readonly Row[]) => rows.map((row) => String(row['layer_name']))
  const [namesA, namesB] = [names(layersA), names(layersB)]
  const layers = layersA.flatMap((rowA) => {
    const rowB = layersB.find((row) => row['layer_index'] === rowA['layer_index'])
    if (rowB === undefined) return []
    sameWork(a, b, rowA, rowB)
    const own = (rows: readonly Row[]) => rows.filter((row) => row['layer_index'] === rowA['layer_index'])
    return [
      {
        index: Number(rowA['layer_index']),
        name: String(rowA['layer_name']),
        figures: layerFigures.map(([name, unit]) => figure(name, unit, rowA[name], rowB[name])),
        components: energyFigures(own(energyA), own(energyB)),
      },
    ]
  })
  if (layers.length === 0) throw new SpecError(`${a.folder} and ${b.folder} simulated no layer in common`)
  const same = namesA.length === layers.length && namesB.length === layers.length
  return {
    a: nameOf(a),
    b: nameOf(b),
    configuration: differences(valuesOf(a), valuesOf(b), []),
    request: differences(a.manifest.request, b.manifest.request, []),
    // Totals of different layers are no totals of the same thing.
    totals: same ? totals(a, b) : [],
    components: same ? energyFigures(energyA, energyB) : [],
    layers,
    onlyA: namesA.filter((name) => !namesB.includes(name)),
    onlyB: namesB.filter((name) => !namesA.includes(name)),
  }
}

function refuseOther(a: StoredRun, b: StoredRun): void {
  const [modelA, modelB] = [a.manifest.model_sha256, b.manifest.model_sha256]
  if (modelA !== modelB)
    throw new SpecError(
      `${a.folder} and ${b.folder} are runs of different networks (sha256 ${modelA} and ${modelB}); only runs of one network can be compared`,
    )
}

function sameWork(a: StoredRun, b: StoredRun, rowA: Row, rowB: Row): void {
  const other = workOfLayer.find((name) => rowA[name] !== rowB[name])
  if (other !== undefined)
    throw new SpecError(
      `layer ${rowA['layer_name']}: ${other} is ${rowA[other]} in ${a.folder} and ${rowB[other]} in ${b.folder}; runs of different items, vectors or shapes cannot be compared: give both the same --limit and --vectors`,
    )
}

function nameOf({ folder, manifest }: StoredRun): RunName {
  const { cimulator, engine } = manifest
  return {
    folder,
    cimulator,
    machine: String(manifest.configuration['name']),
    engine,
    traceSha256: manifest.trace_sha256,
  }
}

function totals(a: StoredRun, b: StoredRun): Figure[] {
  const of = (run: StoredRun) => (run.json('summary.json') as { totals?: Record<string, unknown> }).totals ?? {}
  const [ofA, ofB] = [of(a), of(b)]
  return totalFigures.map(([name, unit]) => figure(name, unit, ofA[name], ofB[name]))
}

function energyFigures(a: readonly Row[], b: readonly Row[]): Figure[] {
  const sums = (rows: readonly Row[]) => {
    const found = new Map<string, number>()
    for (const row of rows) {
      const name = String(row['component'])
      found.set(name, (found.get(name) ?? 0) + Number(row['dynamic_pj']) + Number(row['leakage_pj']))
    }
    return found
  }
  const [ofA, ofB] = [sums(a), sums(b)]
  return [...new Set([...ofA.keys(), ...ofB.keys()])].map((name) => figure(name, 'pJ', ofA.get(name), ofB.get(name)))
}

export function figure(name: string, unit: string, a: unknown, b: unknown): Figure {
  const [x, y] = [a, b].map((value) => (typeof value === 'number' && Number.isFinite(value) ? value : null)) as [
    number | null,
    number | null,
  ]
  if (x === null || y === null) return { name, unit, a: x, b: y, difference: null, percent: null }
  const percent = x === y ? 0 : x === 0 ? null : (100 * (y - x)) / Math.abs(x)
  return { name, unit, a: x, b: y, difference: y - x, percent }
}

/** The machine without what is said about it. */
function valuesOf({ manifest }: StoredRun): Record<string, unknown> {
  const { sources: _, ...values } = manifest.configuration
  return values
}

/** Leaves that differ, by their path; what only one side has is undefined on the other. */
export function differences(a: unknown, b: unknown, path: readonly string[]): Difference[] {
  if (isMap(a) && isMap(b)) {
    const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])]
    return keys.flatMap((key) => differences(a[key], b[key], [...path, key]))
  }
  if (JSON.stringify(a) === JSON.stringify(b)) return []
  return [{ name: path.join('.'), a, b }]
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Where the runs differ most, over totals, layers and components. A number that came out of nothing, or went, is infinitely far. */
export function largest(comparison: Comparison): { readonly where: string; readonly percent: number } | null {
  const all = [
    ...comparison.totals.map((f) => ['total', f] as const),
    ...comparison.components.map((f) => ['component', f] as const),
    ...comparison.layers.flatMap((layer) => [
      ...layer.figures.map((f) => [`layer ${layer.name}`, f] as const),
      ...layer.components.map((f) => [`layer ${layer.name}, component`, f] as const),
    ]),
  ]
  let top: { where: string; percent: number } | null = null
  for (const [where, f] of all) {
    const percent = distance(f)
    if (percent > (top?.percent ?? 0)) top = { where: `${where} ${f.name}`, percent }
  }
  return top
}

function distance(f: Figure): number {
  if (f.a === f.b) return 0
  return f.percent === null ? Number.POSITIVE_INFINITY : Math.abs(f.percent)
}
