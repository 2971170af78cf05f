// Options that several commands share.
import type { Command } from 'commander'
import { SpecError } from '../../models/base/errors.js'

export interface MachineFlags {
  readonly arch: string
  readonly set: string[]
}

export function addMachineOptions(command: Command): Command {
  return command
    .option('--arch <name|file>', 'machine: a preset or a YAML file', 'wu2024')
    .option(
      '--set <path=value>',
      'override a field of the machine; may be given several times',
      (value: string, all: string[]) => [...all, value],
      [] as string[],
    )
}

/** Parser of an option that is a whole number of at least `min` and at most `max`. */
export function wholeNumber(option: string, min: number, max = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < min || value > max) {
      const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`
      throw new SpecError(`${option} ${text}: expected a whole number ${range}`)
    }
    return value
  }
}
