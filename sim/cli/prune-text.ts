// What `cimulator prune` prints: text for a person, or JSON.
import { engineering, grouped, percent } from '../../models/base/units.js'
import { worst } from '../../models/sparsity/legality.js'
import { noOverhead, sumOverheads } from '../../models/sparsity/overhead.js'
import type { LayerReport, PruneReport, Score } from '../prune/options.js'

type Cells = readonly (readonly string[])[]

/** Columns of equal width; the first and the last are flush left, the others flush right. */
function columns(rows: Cells): string[] {
  const widths = rows[0]!.map((_, c) => Math.max(...rows.map((row) => row[c]!.length)))
  const last = widths.length - 1
  const cell = (text: string, c: number) =>
    c === 0 || c === last ? text.padEnd(widths[c]!) : text.padStart(widths[c]!)
  return rows.map((row) => row.map(cell).join('  ').trimEnd())
}

/** Names come from files: no control characters of theirs reach the terminal. */
const plain = (text: string) => text.replace(/\p{Cc}/gu, '?')
const part = (a: number, b: number) => percent(b === 0 ? 0 : a / b)
const total = (report: PruneReport, f: (layer: LayerReport) => number) => report.layers.reduce((s, l) => s + f(l), 0)

export function pruneText(report: PruneReport): string {
  const { description } = report
  const verdict = worst(report.findings)
  return [
    `pattern      ${plain(description.name)}${description.description === '' ? '' : `: ${plain(description.description)}`}`,
    `on ${report.machine}`.padEnd(13) + verdict,
    ...report.findings.map(
      (finding) => `${' '.repeat(13)}${finding.verdict === verdict ? '' : `${finding.verdict}: `}${finding.text}`,
    ),
    '',
    ...columns([
      ['layer', 'rows×cols', 'weights', 'zeros before', 'after', 'by the pattern', ''],
      ...report.layers.map(layerRow),
      [
        'all',
        '',
        grouped(total(report, (l) => l.weights)),
        part(
          total(report, (l) => l.zerosBefore),
          total(report, (l) => l.weights),
        ),
        part(
          total(report, (l) => l.zerosAfter),
          total(report, (l) => l.weights),
        ),
        part(
          total(report, (l) => l.masked),
          total(report, (l) => l.weights),
        ),
        '',
      ],
    ]),
    '',
    overheadLine(report),
    ...accuracyLines(report),
    ...sensitivityLines(report),
  ].join('\n')
}

function layerRow(layer: LayerReport): string[] {
  const groups = layer.matrices > 1 ? `·${layer.matrices}` : ''
  return [
    plain(layer.name),
    `${layer.rows}×${layer.cols}${groups}`,
    grouped(layer.weights),
    part(layer.zerosBefore, layer.weights),
    part(layer.zerosAfter, layer.weights),
    layer.spared === null ? part(layer.masked, layer.weights) : '–',
    layer.spared === null ? '' : `spared: ${layer.spared}`,
  ]
}

function overheadLine(report: PruneReport): string {
  const sum = report.layers.map((layer) => layer.overhead).reduce(sumOverheads, noOverhead)
  const bits = (count: number) => engineering(count, 'bit')
  const muxes =
    sum.multiplexers === 0
      ? 'no multiplexers'
      : `${grouped(sum.multiplexers)} multiplexers of ${sum.multiplexerWays} ways`
  return `overhead     block index ${bits(sum.blockIndexBits)}, element index ${bits(sum.elementIndexBits)}, ${muxes}, ${grouped(sum.extraAccumulations)} extra accumulations a vector (sliced columns)`
}

function accuracyLines({ before, after, items }: PruneReport): string[] {
  if (before === null || after === null) return ['top-1        not measured: give --inputs FILE (and labels)']
  const right = (score: Score) =>
    score.correct === null ? 'no labels' : `${score.correct} of ${items} (${part(score.correct, items)})`
  return [
    `top-1        before ${right(before)}, after ${right(after)}; same class as before: ${after.agree} of ${items}`,
  ]
}

function sensitivityLines(report: PruneReport): string[] {
  const { sensitivity, items, before } = report
  if (sensitivity.length === 0) return []
  const spared = new Set(report.layers.filter((layer) => layer.spared !== null).map((layer) => layer.index))
  const change = (score: Score | null) =>
    score?.correct == null || before?.correct == null ? '–' : signed(((score.correct - before.correct) / items) * 100)
  return [
    '',
    `each layer pruned alone, ${items} inputs`,
    ...columns([
      ['layer', 'zeros', 'top-1', 'points', 'same class', ''],
      ...sensitivity.map((row) => [
        plain(row.layer),
        part(row.zeros, row.weights),
        row.score?.correct == null ? '–' : part(row.score.correct, items),
        change(row.score),
        row.score === null ? '–' : part(row.score.agree, items),
        row.refused !== null ? plain(row.refused) : spared.has(row.index) ? 'spared by default' : '',
      ]),
    ]),
  ]
}

const signed = (points: number) => (points > 0 ? '+' : '') + points.toFixed(1)

export function pruneJson(report: PruneReport) {
  const score = (s: Score | null) => (s === null ? null : { correct: s.correct, same_class: s.agree })
  return {
    schema_version: 1,
    network: { sha256: report.sha256 },
    machine: report.machine,
    pattern: { name: report.description.name, description: report.description.description },
    legality: {
      verdict: worst(report.findings),
      findings: report.findings.map(({ pattern, verdict, text }) => ({ pattern, verdict, text })),
    },
    target: report.target,
    items: report.items,
    before: score(report.before),
    after: score(report.after),
    layers: report.layers.map((layer) => ({
      index: layer.index,
      name: layer.name,
      op: layer.op,
      rows: layer.rows,
      cols: layer.cols,
      matrices: layer.matrices,
      weights: layer.weights,
      zeros_before: layer.zerosBefore,
      zeros_after: layer.zerosAfter,
      zeros_by_pattern: layer.spared === null ? layer.masked : null,
      spared: layer.spared,
      block_index_bits: layer.overhead.blockIndexBits,
      element_index_bits: layer.overhead.elementIndexBits,
      multiplexers: layer.overhead.multiplexers,
      multiplexer_ways: layer.overhead.multiplexerWays,
      extra_accumulations_per_vector: layer.overhead.extraAccumulations,
    })),
    sensitivity: report.sensitivity.map((row) => ({
      layer: row.layer,
      index: row.index,
      target: row.target,
      zeros: row.zeros,
      weights: row.weights,
      correct: row.score?.correct ?? null,
      same_class: row.score?.agree ?? null,
      refused: row.refused,
    })),
  }
}
