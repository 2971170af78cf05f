// Genetic search for the column shuffle, as Wu et al. (ASP-DAC 2024) do it. The slides give the fitness (all-zero rows of OUs) and no
// operators. Here: permutation encoding; a child takes OU columns from both parents in turn, the best first, as greedy partition crossover
// does for colour classes (Galinier and Hao, "Hybrid evolutionary algorithms for graph coloring", 1999); then it grows up with a short
// walk over swaps. It replaces the worse parent unless it is worse still; where the parents are alike, a random newcomer
// takes its place. First population: identity and random permutations.
import type { Remapper, SearchContext } from '../remapper.js'
import { canHelp, identityPermutation, type StripProblem } from '../strip.js'
import { createSwapState } from '../swaps.js'
import { coldest, startTemperature, walk } from '../walk.js'

export const genetic: Remapper = {
  name: 'genetic',
  doc: 'genetic search; first population: identity and random permutations',
  remap: (strip, context) => (canHelp(strip) ? breed(strip, context) : identityPermutation(strip.blocks)),
}

interface Individual {
  readonly perm: Int32Array
  /** all-zero rows of every OU column, and their sum: the fitness */
  readonly scores: Int32Array
  readonly total: number
}

/** share of the first walks' temperature at which a child's walk begins: most of what it inherited survives */
const childHeat = 0.5

function breed(strip: StripProblem, { search, random, onGeneration }: SearchContext): Int32Array {
  const state = createSwapState(strip)
  const trials = search.trials * strip.blocks
  state.load(identityPermutation(strip.blocks))
  const hot = startTemperature(state, strip, random)
  const grow = (perm: Int32Array, heat: number): Individual => {
    state.load(perm)
    const best = walk(state, strip, trials, heat, random)
    state.load(best.perm)
    return { perm: best.perm, scores: state.scores.slice(), total: best.total }
  }
  const population = Array.from({ length: search.population }, (_, i) =>
    grow(i === 0 ? identityPermutation(strip.blocks) : shuffled(strip.blocks, random), hot),
  )
  for (let done = 0, idle = 0; done < search.generations && idle < search.patience; done++) {
    const before = fittest(population).total
    for (let birth = 0; birth < search.population; birth++) {
      const i = Math.floor(random() * population.length)
      const j = (i + 1 + Math.floor(random() * (population.length - 1))) % population.length
      const child = alike(population[i]!, population[j]!)
        ? grow(shuffled(strip.blocks, random), hot)
        : grow(crossover(strip, population[i]!, population[j]!, random), Math.max(coldest, hot * childHeat))
      const worse = population[i]!.total < population[j]!.total ? i : j
      if (child.total >= population[worse]!.total) population[worse] = child
    }
    const best = fittest(population).total
    idle = best > before ? 0 : idle + 1
    onGeneration?.(done + 1, best)
  }
  return fittest(population).perm
}

function fittest(all: readonly Individual[]): Individual {
  return all.reduce((a, b) => (b.total > a.total ? b : a))
}

/** Whether two are probably the same but for the order of OU columns: their child would be no news, so a newcomer takes its place. */
function alike(a: Individual, b: Individual): boolean {
  if (a.total !== b.total) return false
  const scores = b.scores.slice().sort()
  return a.scores
    .slice()
    .sort()
    .every((score, i) => score === scores[i])
}

function shuffled(length: number, random: () => number): Int32Array {
  return shuffle(identityPermutation(length), random)
}

/** Fisher and Yates, in place. */
function shuffle<T extends Int32Array | number[]>(list: T, random: () => number): T {
  for (let i = list.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    const entry = list[i]!
    list[i] = list[j]!
    list[j] = entry
  }
  return list
}

/** Whole OU columns from both parents in turn, then what is left at random into the places that are free. */
function crossover(strip: StripProblem, a: Individual, b: Individual, random: () => number): Int32Array {
  const { blocks, perOu } = strip
  const used = new Uint8Array(blocks)
  const parents = [a, b].map((parent) => ({ ...parent, open: new Uint8Array(parent.scores.length).fill(1) }))
  const groups: number[][] = []
  let turn = random() < 0.5 ? 0 : 1
  for (let i = 0; i < a.scores.length; i++, turn ^= 1) {
    const parent = parents[turn]!
    const ou = nextColumn(strip, parent, used)
    if (ou < 0) continue
    parent.open[ou] = 0
    const group = Array.from(parent.perm.subarray(ou * perOu, (ou + 1) * perOu)).filter((q) => used[q] === 0)
    for (const q of group) used[q] = 1
    groups.push(group)
  }
  return refill(strip, groups, used, random)
}

/** The OU column with most blocks that are not used yet; among equals the one with most zero rows; −1: none has any. */
function nextColumn(
  { blocks, perOu }: StripProblem,
  { perm, scores, open }: Individual & { readonly open: Uint8Array },
  used: Uint8Array,
): number {
  let best = -1
  let mostFree = 0
  for (let ou = 0; ou < scores.length; ou++) {
    if (open[ou] === 0) continue
    let unused = 0
    for (let p = ou * perOu; p < Math.min(blocks, (ou + 1) * perOu); p++) if (used[perm[p]!] === 0) unused++
    if (unused < mostFree || unused === 0) continue
    if (unused === mostFree && scores[ou]! <= scores[best]!) continue
    best = ou
    mostFree = unused
  }
  return best
}

function refill(
  { blocks, perOu }: StripProblem,
  groups: number[][],
  used: Uint8Array,
  random: () => number,
): Int32Array {
  const rest: number[] = []
  for (let q = 0; q < blocks; q++) if (used[q] === 0) rest.push(q)
  groups.sort((x, y) => y.length - x.length)
  const child: number[] = []
  const last = Math.ceil(blocks / perOu) - 1
  for (const [ou, group] of groups.entries()) {
    // The last OU column may be short: what does not fit looks for another place.
    if (ou === last) rest.push(...group.splice(blocks - last * perOu))
  }
  shuffle(rest, random)
  for (let ou = 0; ou <= last; ou++) {
    const group = groups[ou] ?? []
    while (group.length < Math.min(perOu, blocks - ou * perOu)) group.push(rest.pop()!)
    child.push(...group)
  }
  return Int32Array.from(child)
}
