// A machine by name or file, with overrides: parsed, checked field by field, then across fields.
import { SpecError } from '../../models/base/errors.js'
import { byPlace } from '../../models/config/check.js'
import { type Layered, loadLayers } from '../../models/config/layered.js'
import { violations } from './rules.js'
import { type Machine, machineSchema } from './spec.js'

export interface ResolvedMachine {
  readonly machine: Machine
  /** where the value at a path was given, or its nearest parent */
  readonly locate: Layered['locate']
  /** the same, or "default" */
  readonly origin: Layered['origin']
}

/**
 * @param arch preset name, path of a YAML file, or a machine as plain data
 * @throws SpecError with every problem, each at its position
 */
export function resolveMachine(arch: string | Machine, sets: readonly string[]): ResolvedMachine {
  const layers = loadLayers(arch, sets, machineSchema)
  const machine = machineSchema.parse(layers.data)
  const broken = violations(machine)
  if (broken.length > 0) {
    const lines = broken.map(({ path, message }) => `${layers.locate(path)} ${path.join('.')}: ${message}`)
    throw new SpecError(byPlace(lines).join('\n'))
  }
  return { machine, locate: layers.locate, origin: layers.origin }
}
