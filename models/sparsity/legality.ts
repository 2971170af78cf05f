// Which machines can make use of a pattern, and which matrices it fits. The rules are those of FlexBlock (CIMinus): full blocks align with the
// dimensions of the hardware, intra blocks are one-dimensional and lie along a column, at most two patterns compose. What "align" means on
// this machine (rows deleted in OU columns, blocks of β outputs permuted) is spelled out in docs/sparsity.md.
import { type BlockGrid, gridOf } from './grid.js'
import type { Pattern, PatternDescription, PatternHardware, SparsityMatrix } from './types.js'

export type Verdict = 'legal' | 'conditional' | 'illegal'

export interface Finding {
  /** position in the description */
  readonly pattern: number
  readonly verdict: Verdict
  readonly text: string
}

const verdicts: readonly Verdict[] = ['legal', 'conditional', 'illegal']

/** The worst of several. */
export function worst(findings: readonly Finding[]): Verdict {
  return verdicts[Math.max(0, ...findings.map((finding) => verdicts.indexOf(finding.verdict)))]!
}

/** What the machine can do with a pattern, whatever the layer. */
export function legality(description: PatternDescription, hardware: PatternHardware): Finding[] {
  return description.patterns.flatMap((pattern, i) => {
    const found =
      pattern.keep === null ? [outputsOf(pattern, hardware), rowsOf(pattern, hardware)] : [insideOf(pattern, hardware)]
    return found.map((finding) => ({ pattern: i, ...finding }))
  })
}

type Said = Omit<Finding, 'pattern'>
const say = (verdict: Verdict, text: string): Said => ({ verdict, text })

function outputsOf(pattern: Pattern, { beta, ouCols }: PatternHardware): Said {
  if (pattern.cols === 'all-cols') return say('legal', 'outputs: whole rows of the matrix can be deleted')
  const n = outputs(pattern, { beta, ouCols })
  if (n % ouCols === 0) return say('legal', `outputs: ${n} are whole OU columns (P_BL = ${ouCols})`)
  if (n % beta === 0)
    return say(
      'conditional',
      `outputs: ${n} are whole blocks (β = ${beta}) but not whole OU columns (P_BL = ${ouCols}): a row is deleted only where the block permutation brings zero blocks together (mapping.remapper)`,
    )
  return say(
    'illegal',
    `outputs: ${n} fill neither OU columns (P_BL = ${ouCols}) nor blocks that the machine permutes (β = ${beta}); few rows become zero; take a multiple of ${beta}, or all-cols`,
  )
}

function outputs(pattern: Pattern, { beta, ouCols }: Pick<PatternHardware, 'beta' | 'ouCols'>): number {
  if (typeof pattern.cols === 'number') return pattern.cols
  return pattern.cols === 'beta' ? beta : ouCols
}

function rowsOf(pattern: Pattern, { ouRows, tileRows }: PatternHardware): Said {
  if (typeof pattern.rows === 'string')
    return say('legal', `rows: ${pattern.rows}; the row lists of the OUs name every row that stays`)
  const m = pattern.rows
  if (tileRows !== 'all' && tileRows % m !== 0 && m % tileRows !== 0)
    return say(
      'conditional',
      `rows: blocks of ${m} are cut at the tiles of ${tileRows} rows; each part is deleted by itself`,
    )
  if (m % ouRows === 0 || ouRows % m === 0) return say('legal', `rows: ${m} align with OU rows (P_WL = ${ouRows})`)
  return say(
    'conditional',
    `rows: ${m} do not align with OU rows (P_WL = ${ouRows}): this machine lists every row, one that addresses blocks by their corner could not`,
  )
}

function insideOf(pattern: Pattern, { ouCols }: PatternHardware): Said {
  const m = Number(pattern.rows)
  const n = Number(pattern.cols)
  if (n > 1 && wholeRows(pattern, n)) {
    if (n % ouCols === 0)
      return say(
        'legal',
        `inside: the masks keep whole rows of ${n} outputs, which are whole OU columns: rows are deleted, no multiplexers are needed`,
      )
    return say(
      'conditional',
      `inside: the masks keep whole rows of ${n} outputs, not whole OU columns (P_BL = ${ouCols})`,
    )
  }
  if (n > 1)
    return say(
      'illegal',
      `inside: blocks of ${m} × ${n}; intra blocks must be one-dimensional along a column (cols: 1), or kept weights of several outputs would share one bit line`,
    )
  return say(
    'conditional',
    `inside: needs a multiplexer of ${m} ways before every compressed row; the simulated machine has none, so only rows whose ${ouCols} weights of an OU column are all zero are deleted`,
  )
}

function wholeRows(pattern: Pattern, n: number): boolean {
  return pattern.masks?.every((mask) => mask.every((kept, p) => kept === mask[p - (p % n)])) ?? false
}

/** Why a description cannot be used on a matrix of this shape, or null. */
export function misfit(
  description: PatternDescription,
  matrix: Pick<SparsityMatrix, 'rows' | 'cols' | 'channelRows'>,
  hardware: PatternHardware,
): string | null {
  const grids = description.patterns.map((pattern) => gridOf(pattern, matrix, hardware))
  const shape = `a matrix of ${matrix.rows} × ${matrix.cols}`
  for (const [i, { m, n, down, across }] of grids.entries()) {
    const inside = description.patterns[i]!.keep !== null
    if (!inside && down * across < 2) return `one block of ${m} × ${n} covers ${shape}: nothing to choose from`
    if (inside && (m > matrix.rows || n > matrix.cols)) return `a block of ${m} × ${n} is larger than ${shape}`
  }
  if (grids.length < 2) return null
  const [outer, inner] = description.patterns[0]!.keep === null ? [grids[0]!, grids[1]!] : [grids[1]!, grids[0]!]
  const nested =
    contains(outer, inner) || (description.patterns.every((p) => p.keep === null) && contains(inner, outer))
  return nested
    ? null
    : `blocks of ${outer.m} × ${outer.n} do not hold whole blocks of ${inner.m} × ${inner.n}: the two patterns do not compose`
}

/** Blocks of one grid are unions of whole blocks of the other. */
function contains(outer: BlockGrid, inner: BlockGrid): boolean {
  return (outer.m % inner.m === 0 || outer.m >= outer.rows) && (outer.n % inner.n === 0 || outer.n >= outer.cols)
}
