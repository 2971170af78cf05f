// Machines for programs: preset, file or plain data, with overrides.
import { SpecError } from '../../models/base/errors.js'
import { presetNames } from '../../models/config/layered.js'
import { resolveMachine as resolveLayered } from '../chip/resolve.js'
import type { Machine } from '../chip/spec.js'

/** Path of a field → its value: `{ 'adc.bits': 6, order: 'window-bit' }`. A map is merged into what is there, everything else replaces it. */
export type Overrides = Readonly<Record<string, unknown>>

/** Names of the presets that come with the package. */
export function machineNames(): string[] {
  return presetNames()
}

/**
 * A complete machine: every field checked for itself and against the others (docs/configuration.md; `cimulator describe parameters` lists
 * fields, units and ranges).
 * @param base name of a preset, path of a YAML file (relative to the working directory), or a machine as plain data
 * @param set values that go last
 * @throws SpecError with every problem: place, field, what was expected, what was got. An override is named as on the command line (--set)
 */
export function resolveMachine(base: string | Machine = 'wu2024', set: Overrides = {}): Machine {
  return resolveLayered(base, Object.entries(set).map(assignment)).machine
}

function assignment([path, value]: [string, unknown]): string {
  const text = JSON.stringify(value)
  if (text === undefined || (typeof value === 'number' && !Number.isFinite(value)))
    throw new SpecError(`--set ${path}: expected a number, text, truth value, list or map, got ${String(value)}`)
  return `${path}=${text}`
}
