// What `cimulator remap` prints: text for a person, or JSON.
import { areaMm2, energy, engineering, grouped, percent } from '../../models/base/units.js'
import { listEncodings } from '../../models/mapping/row-lists.js'
import { addStorage, type Storage } from '../../models/mapping/storage.js'
import type { LayerReport, RemapReport } from '../remap.js'

type Cells = readonly (readonly string[])[]

/** Names come from files: no control characters of theirs reach the terminal. */
const plain = (text: string) => text.replace(/\p{Cc}/gu, '?')

function columns(rows: Cells): string[] {
  const widths = rows[0]!.map((_, c) => Math.max(...rows.map((row) => row[c]!.length)))
  return rows.map((row) =>
    row
      .map((text, c) => (c === 0 ? text.padEnd(widths[c]!) : text.padStart(widths[c]!)))
      .join('  ')
      .trimEnd(),
  )
}

const share = (part: number, whole: number) => (whole === 0 ? '–' : percent(part / whole))

function totals(layers: readonly LayerReport[]): LayerReport {
  return layers.reduce((a, b) => ({
    name: a.name,
    rows: a.rows,
    cols: a.cols,
    weights: a.weights + b.weights,
    zeros: a.zeros + b.zeros,
    strips: a.strips + b.strips,
    denseOus: a.denseOus + b.denseOus,
    plain: addStorage(a.plain, b.plain),
    shuffled: addStorage(a.shuffled, b.shuffled),
    final: addStorage(a.final, b.final),
    lists: {
      encoding: a.lists.encoding,
      deltaBits: a.lists.deltaBits,
      plain: a.lists.plain + b.lists.plain,
      delta: a.lists.delta + b.lists.delta,
      bitmap: a.lists.bitmap + b.lists.bitmap,
    },
    approaches: {
      crossbars: sum(a, b, 'crossbars'),
      clustered: sum(a, b, 'clustered'),
      distributed: sum(a, b, 'distributed'),
    },
  }))
}

function sum(a: LayerReport, b: LayerReport, name: keyof LayerReport['approaches']) {
  const [x, y] = [a.approaches[name], b.approaches[name]]
  return { ous: x.ous + y.ous, indexBits: x.indexBits + y.indexBits }
}

export function remapText(report: RemapReport): string {
  const all = totals(report.layers)
  return [
    `${plain(report.network)} on ${plain(report.machine)}, remapper ${report.remapper}`,
    '',
    ...columns([
      ['layer', 'rows×cols', 'zeros', 'strips', 'OUs dense', 'compressed', 'remapped', 'utilisation', 'remapped'],
      ...report.layers.map((layer) => layerRow(plain(layer.name), `${layer.rows}×${layer.cols}`, layer)),
      layerRow('all', '', all),
    ]),
    '',
    'planarisation    OUs, places for them, array groups, index and traffic of one pass',
    ...columns([
      ['', 'OUs', 'OU rows', 'places', 'padding', 'groups', 'row lists', 'settings', 'Cache', 'toggles'],
      storageRow('before', all.shuffled),
      storageRow('after', all.final),
    ]),
    '',
    'row lists    bits of the network, area, energy of one pass',
    ...columns([
      ['encoding', 'bits', 'area', 'read energy', 'best in layers'],
      ...listEncodings.map((encoding) => listRow(report, all, encoding)),
    ]),
    '',
    'other ways to store the zeros    OUs and index bits',
    ...columns([
      ['approach', 'OUs', 'index'],
      ['dense', grouped(all.denseOus), '0 bit'],
      ...approachRows(all),
      ['rows compressed', grouped(all.plain.ous), engineering(all.plain.listBits, 'bit')],
      [
        'rows compressed, blocks remapped',
        grouped(all.final.ous),
        engineering(all.final.listBits + all.final.settingBits, 'bit'),
      ],
    ]),
  ].join('\n')
}

function layerRow(name: string, size: string, layer: LayerReport): string[] {
  return [
    name,
    size,
    share(layer.zeros, layer.weights),
    grouped(layer.strips),
    grouped(layer.denseOus),
    grouped(layer.plain.ous),
    grouped(layer.final.ous),
    share(layer.plain.deletedWeights, layer.zeros),
    share(layer.final.deletedWeights, layer.zeros),
  ]
}

function storageRow(name: string, s: Storage): string[] {
  return [
    name,
    ...[s.ous, s.windows, s.places, s.padding, s.arrayGroups].map(grouped),
    ...[s.listBits, s.settingBits, s.cacheBits].map((bits) => engineering(bits, 'bit')),
    grouped(s.togglesPerPass),
  ]
}

function listRow(report: RemapReport, all: LayerReport, encoding: (typeof listEncodings)[number]): string[] {
  const bits = all.lists[encoding]
  const best = report.layers.filter((layer) => bestEncoding(layer) === encoding).length
  return [
    encoding,
    engineering(bits, 'bit'),
    areaMm2(bits * report.bitUm2),
    energy(bits * report.bitReadPj),
    grouped(best),
  ]
}

function bestEncoding({ lists }: LayerReport) {
  return listEncodings.reduce((a, b) => (lists[b] < lists[a] ? b : a))
}

function approachRows({ approaches }: LayerReport): string[][] {
  const row = (name: string, key: keyof LayerReport['approaches']) => [
    name,
    grouped(approaches[key].ous),
    engineering(approaches[key].indexBits, 'bit'),
  ]
  return [
    row('all-zero crossbars left out', 'crossbars'),
    row('the same, columns clustered', 'clustered'),
    row('inputs distributed to every block', 'distributed'),
  ]
}

export function remapJson(report: RemapReport) {
  const { mapping, layers, ...rest } = report
  const { name: _, rows: _rows, cols: _cols, ...total } = totals(layers)
  return {
    ...rest,
    mapping_sha256: mapping.sha256,
    total,
    layers: layers.map((layer) => ({ ...layer, best_list_encoding: bestEncoding(layer) })),
  }
}
