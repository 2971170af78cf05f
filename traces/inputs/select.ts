// A place inside a JSON value: names with dots, [] for every element of a list ("items[].label", "rows[].box[]").
import { SpecError } from '../../models/base/errors.js'

/** @param what file, for messages; @throws SpecError that names the part that is not there */
export function select(value: unknown, path: string, what: string): unknown {
  const steps = path === '' ? [] : path.split(/(\[\])|\./).filter((step) => step !== undefined && step !== '')
  return walk(value, steps, what)
}

function walk(value: unknown, steps: readonly string[], what: string): unknown {
  const [step, ...rest] = steps
  if (step === undefined) return value
  if (step === '[]') {
    if (!Array.isArray(value)) throw new SpecError(`${what}: expected a list, got ${kindOf(value)}`)
    return value.map((entry: unknown, i) => walk(entry, rest, `${what}[${i}]`))
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new SpecError(`${what}: expected a map with "${step}", got ${kindOf(value)}`)
  if (!Object.hasOwn(value, step))
    throw new SpecError(`${what}: has no "${step}"; it has: ${Object.keys(value).slice(0, 20).join(', ')}`)
  return walk((value as Record<string, unknown>)[step], rest, `${what}.${step}`)
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'a list' : `a ${typeof value === 'object' ? 'map' : typeof value}`
}
