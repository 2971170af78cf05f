// A closed list of named things. Duplicates are a bug; an unknown name is the user's error and gets near names.
import { SimFault, SpecError } from './errors.js'

export interface Named {
  readonly name: string
  readonly doc: string
}

export interface Registry<T extends Named> {
  readonly kind: string
  readonly all: readonly T[]
  /** @throws SpecError that lists the known names and the nearest one. */
  get(name: string): T
}

/** @param kind what the things are called in messages, for example 'remapper' */
export function registry<T extends Named>(kind: string, all: readonly T[]): Registry<T> {
  const byName = new Map(all.map((entry) => [entry.name, entry]))
  if (byName.size !== all.length)
    throw new SimFault(`duplicate ${kind} in its registry: ${all.map((e) => e.name).join(', ')}`)
  return {
    kind,
    all,
    get(name) {
      const found = byName.get(name)
      if (found === undefined) throw new SpecError(unknownName(kind, name, [...byName.keys()]))
      return found
    },
  }
}

/** One sentence for an unknown name, with the nearest known one first. */
export function unknownName(kind: string, name: string, known: readonly string[]): string {
  const near = nearest(name, known)
  const hint = near === null ? '' : ` Did you mean "${near}"?`
  return `unknown ${kind} "${name}".${hint} Known: ${known.join(', ')}.`
}

/** The known name with the smallest edit distance, or null when none is near (more than a third of the letters differ). */
export function nearest(name: string, known: readonly string[]): string | null {
  let best: string | null = null
  let bestDistance = Math.max(2, Math.floor(name.length / 3)) + 1
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase())
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** Levenshtein distance, two rows at a time. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const current = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      current.push(Math.min(change, previous[j]! + 1, current[j - 1]! + 1))
    }
    previous = current
  }
  return previous[b.length]!
}
