// What npm run search measures: how near the searches come to the optimum, and what remapping is worth on trained masks.
import { threeDigits } from '../../models/base/units.js'
import type { StripFound } from '../../models/mapping/search.js'
import { evaluations, type SearchOptions, searchParams } from '../../models/mapping/spec.js'
import {
  canHelp,
  deletedRows,
  identityPermutation,
  ouCount,
  type StripProblem,
  zeroRows,
  zeroRowsOfBlock,
} from '../../models/mapping/strip.js'
import type { SearchPool } from '../../sim/threads/strips.js'
import { type Cut, jobs, type NamedMatrix, type NamedStrip, type Pruning, strips, zeroPatterns } from './layers.js'

export interface Table {
  readonly title: string
  readonly text: string
  readonly rows: readonly (readonly string[])[]
  /** demands that were not met */
  readonly failures: readonly string[]
}

export interface Source {
  readonly network: string
  readonly sparsity: number | null
}

const tiles = [16, 64, 128, 'all'] as const
const shares = [0.5, 0.75, 0.9]
const standard = searchParams.parse({})

export const pruned: readonly Source[] = ['resnet20_cifar10_fp32', 'resnet56_cifar10_fp32'].flatMap((network) =>
  shares.map((sparsity) => ({ network, sparsity })),
)
const asIs: Source = { network: 'squeezenet10_pruned_imagenet_fp32', sparsity: null }

function load({ network, sparsity }: Source, beta: number): NamedMatrix[] {
  return zeroPatterns(network, sparsity === null ? null : { sparsity, beta, scope: 'layer' })
}

const nameOf = ({ network, sparsity }: Source) => [
  network.replace(/_.*/, ''),
  sparsity === null ? 'as it is' : `${sparsity}`,
]

async function after(pool: SearchPool, list: readonly NamedStrip[], remapper: string, search: SearchOptions) {
  return pool.run(jobs(list, remapper, search))
}

const total = (found: readonly StripFound[]) => found.reduce((sum, { after: rows }) => sum + rows, 0)
const start = (found: readonly StripFound[]) => found.reduce((sum, { before }) => sum + before, 0)

/** Genetic and annealing against the exact matching, where an OU holds two blocks. */
export async function optimum(pool: SearchPool): Promise<Table> {
  const rows: string[][] = [
    ['network', 'sparsity', 'T', 'strips', 'identity', 'optimum', 'genetic', 'worst strip', 'annealing', 'sort'],
  ]
  const failures: string[] = []
  for (const source of [...pruned, asIs]) {
    const matrices = load(source, 4)
    for (const tileRows of tiles) {
      const list = strips(matrices, { tileRows, beta: 4 }, standard.seed)
      const exact = await after(pool, list, 'matching', standard)
      const genetic = await after(pool, list, 'genetic', standard)
      const gaps = genetic.map((found, i) => ({ gap: exact[i]!.after - found.after, of: exact[i]!.after }))
      const worst = gaps.reduce((a, b) => (b.gap > a.gap ? b : a), { gap: 0, of: 0 })
      const name = [...nameOf(source), String(tileRows)]
      if (gaps.some(({ gap, of }) => gap < 0 || gap > Math.max(1, of / 100)))
        failures.push(`${name.join(' ')}: a strip lacks ${worst.gap} of ${worst.of} rows`)
      if (total(exact) - total(genetic) > total(exact) * 0.002)
        failures.push(`${name.join(' ')}: genetic ${total(genetic)} of ${total(exact)} rows`)
      const others = [await after(pool, list, 'annealing', standard), await after(pool, list, 'sort', standard)]
      rows.push([
        ...name,
        ...[exact.length, start(exact), total(exact), total(genetic)].map(String),
        worst.gap === 0 ? '0' : `−${worst.gap} of ${worst.of}`,
        ...others.map((found) => `${total(found)}`),
      ])
    }
  }
  const text =
    'All-zero OU rows (summed over strips) after one-shot L1 pruning of β = 4 blocks in every layer between the first and the last, and in the pruned SqueezeNet as it is. Demands: no strip of `genetic` lacks more than max(1 row, 1 %) of the ' +
    'optimum, and all together lack at most 0.2 %.'
  return { title: 'Against the optimum (β = 4, two blocks an OU)', text, rows, failures }
}

/** Genetic against annealing with as many evaluations, where no optimum is known. */
export async function equalEvaluations(pool: SearchPool): Promise<Table> {
  const search = { ...standard, patience: standard.generations }
  const rows: string[][] = [
    ['network', 'sparsity', 'β', ...tiles.map((t) => `T = ${t}`), 'all T', 'genetic − annealing'],
  ]
  const failures: string[] = []
  for (const beta of [1, 2]) {
    for (const source of pruned) {
      const matrices = load(source, beta)
      const cells: string[] = []
      const sums = { identity: 0, annealing: 0, genetic: 0 }
      for (const tileRows of tiles) {
        const list = strips(matrices, { tileRows, beta }, search.seed)
        const annealing = await after(pool, list, 'annealing', search)
        const genetic = await after(pool, list, 'genetic', search)
        sums.identity += start(genetic)
        sums.annealing += total(annealing)
        sums.genetic += total(genetic)
        cells.push(`${start(genetic)} → ${total(annealing)}, ${total(genetic)}`)
      }
      const name = [...nameOf(source), String(beta)]
      const gain = sums.genetic - sums.annealing
      if (gain < 0) failures.push(`${name.join(' ')}: genetic ${sums.genetic}, annealing ${sums.annealing} rows`)
      const share = `${gain < 0 ? '−' : '+'}${threeDigits((100 * Math.abs(gain)) / sums.annealing)} %`
      rows.push([...name, ...cells, `${sums.identity} → ${sums.annealing}, ${sums.genetic}`, share])
    }
  }
  const most = evaluations(search, 64)
  const text =
    `All-zero OU rows: identity → annealing, genetic; patience off, so that both spend population × (generations + 1) × trials evaluations a block (${most} for a strip of 64 blocks of β = 1). Blocks of β weights pruned in one shot as above. ` +
    'Demand: summed over the four T (column "all T"), `genetic` deletes at least as many rows, without tolerance; for a single T it may delete fewer.'
  return { title: 'Genetic against annealing at equal evaluations (β = 1, 2)', text, rows, failures }
}

/** Share of the zero blocks that lie in all-zero OU rows, by tile height; `each` = every row has a permutation of its own. */
interface Shares {
  readonly naive: number
  readonly byTile: readonly number[]
}

const heights = ['all', 256, 128, 64, 16, 1] as const

async function pairing(pool: SearchPool, matrices: readonly NamedMatrix[]): Promise<Shares> {
  const byTile: number[] = []
  let naive = 0
  for (const tileRows of heights) {
    const cut: Cut = { tileRows, beta: 4 }
    const list = strips(matrices, cut, 1)
    const zeros = list.reduce((sum, { problem }) => sum + zeroBlocks(problem), 0)
    // an OU row that is all zero holds two zero blocks, or the last one of an odd number
    const inRows = (rows: number) => (2 * rows) / zeros
    const found =
      tileRows === 1
        ? list.map(({ problem }) => pairsInRow(problem))
        : (await after(pool, list, 'matching', standard)).map((f) => f.after)
    byTile.push(inRows(found.reduce((sum, rows) => sum + rows, 0)))
    if (tileRows === 'all')
      naive = inRows(
        list.reduce((sum, { problem }) => sum + deletedRows(problem, identityPermutation(problem.blocks)), 0),
      )
  }
  return { naive, byTile }
}

/** With a permutation for every row: zero blocks two by two. */
function pairsInRow(problem: StripProblem): number {
  return Math.floor(zeroBlocks(problem) / 2)
}

function zeroBlocks(problem: StripProblem): number {
  let zeros = 0
  for (let q = 0; q < problem.blocks; q++) zeros += zeroRowsOfBlock(problem, q)
  return zeros
}

/** Shares of the fine-tuned masks, kept so that a change is noticed: [naive, all, 256, 128, 64, 16, bound] in percent. They are not published. */
const known: readonly (readonly [string, number, readonly number[]])[] = [
  ['b4s60', 0.6, [65.6, 68.3, 69.6, 70.7, 72.4, 78.4, 93.4]],
  ['b4s75', 0.75, [78.1, 79.9, 80.7, 81.5, 82.5, 86.3, 94.8]],
  ['b4s85', 0.85, [86.8, 87.9, 88.3, 88.6, 89.3, 91.5, 95.6]],
]

/** Trained masks, and one-shot pruning of the same network to the same sparsity. */
export async function trainedMasks(pool: SearchPool): Promise<Table> {
  const rows: string[][] = [
    ['masks', 'zeros', 'naive', ...heights.map((h) => (h === 1 ? 'every row (bound)' : `T = ${h}`))],
  ]
  const failures: string[] = []
  for (const [name, sparsity, expected] of known) {
    const tuned = zeroPatterns(`resnet20_cifar10_${name}_fp32`, null)
    const shares = await pairing(pool, tuned)
    const found = [shares.naive, ...shares.byTile].map((share) => 100 * share)
    for (const [i, share] of found.entries()) {
      if (Math.abs(share - expected[i]!) > 0.1)
        failures.push(`${name}: ${share.toFixed(2)} % where ${expected[i]} % is kept`)
    }
    rows.push([`${name}, fine-tuned`, zeroShare(tuned), ...found.map((share) => `${share.toFixed(1)} %`)])
    for (const scope of ['global', 'layer'] as const) {
      const pruning: Pruning = { sparsity, beta: 4, scope }
      const once = zeroPatterns('resnet20_cifar10_fp32', pruning)
      const plain = await pairing(pool, once)
      const text = `one shot, ${scope === 'global' ? 'ranked over all layers' : 'every layer alike'}`
      rows.push([
        text,
        zeroShare(once),
        ...[plain.naive, ...plain.byTile].map((share) => `${(100 * share).toFixed(1)} %`),
      ])
    }
  }
  const text =
    'Share of the zero blocks (β = 4) that lie in all-zero rows of an OU of 8 outputs, ResNet-20: masks trained with fine-tuning, and one-shot L1 pruning of the published weights to the same sparsity; exact matching per tile of T rows. ' +
    'Demand: the fine-tuned figures are within 0.1 point of those kept in `bench/search/tables.ts`.'
  return { title: 'Trained masks (β = 4)', text, rows, failures }
}

/** Tile height: what small tiles win in deleted rows they may lose by rounding every OU column up to whole OUs. */
export async function tileHeights(pool: SearchPool): Promise<Table> {
  const steps = [16, 32, 64, 128, 256, 'all'] as const
  const rows: string[][] = [['masks', 'dense', ...steps.map((t) => (t === 'all' ? 'T = all' : `T = ${t}`))]]
  for (const [name] of known) {
    const matrices = zeroPatterns(`resnet20_cifar10_${name}_fp32`, null)
    const cells: string[] = []
    let dense = 0
    for (const tileRows of steps) {
      const list = strips(matrices, { tileRows, beta: 4 }, 1).filter(({ problem }) => canHelp(problem))
      const found = await after(pool, list, 'matching', standard)
      const sum = (ous: (problem: StripProblem, i: number) => number) =>
        list.reduce((all, { problem }, i) => all + ous(problem, i), 0)
      const plain = sum((problem) => ouTotal(problem, identityPermutation(problem.blocks)))
      const shuffled = sum((problem, i) => ouTotal(problem, found[i]!.perm))
      dense = sum((problem) => ouCount(problem) * Math.ceil(problem.rows / problem.ouRows))
      cells.push(`${plain} → ${shuffled}`)
    }
    rows.push([name, String(dense), ...cells])
  }
  const text =
    'OUs that are stored, compressed as they lie → with the exact matching, for the 18 pruned layers of the fine-tuned networks. Every OU column of every tile is rounded up to whole OUs, so the most deleted rows are not the fewest OUs.'
  return { title: 'Tile height T (β = 4)', text, rows, failures: [] }
}

/** OUs of a strip after compression. */
function ouTotal(problem: StripProblem, perm: Int32Array): number {
  const { blocks, perOu, rows, ouRows } = problem
  let ous = 0
  for (let first = 0; first < blocks; first += perOu)
    ous += Math.ceil((rows - zeroRows(problem, perm, first, Math.min(blocks, first + perOu))) / ouRows)
  return ous
}

function zeroShare(matrices: readonly NamedMatrix[]): string {
  let zeros = 0
  let all = 0
  for (const { matrix } of matrices) {
    all += matrix.e.length
    for (const e of matrix.e) if (e === 0) zeros++
  }
  return `${((100 * zeros) / all).toFixed(1)} %`
}
