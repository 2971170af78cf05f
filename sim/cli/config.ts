// cimulator config show: the machine as it will be used, with units and where every value comes from.

import { stringify } from 'yaml'
import { fieldAt, metaOf } from '../../models/config/check.js'
import { presetFolder } from '../../models/config/layered.js'
import { resolveMachine } from '../chip/resolve.js'
import { machineSchema } from '../chip/spec.js'
import type { CliCommand } from './context.js'
import { addMachineOptions, type MachineFlags } from './flags.js'

export const config: CliCommand = {
  name: 'config',
  doc: 'show the resolved machine description',
  examples: ['cimulator config show', 'cimulator config show --arch my.yaml --set adcs=8 --origins'],
  configure(command, execute) {
    addMachineOptions(command.command('show').description('print the machine with all defaults and overrides'))
      .option('--origins', 'where every value comes from')
      .option('--json', 'as JSON')
      .action((flags: MachineFlags & { origins?: boolean; json?: boolean }) =>
        execute(async (context) => {
          const { machine, origin } = resolveMachine(flags.arch, flags.set)
          if (flags.json === true || context.json) {
            context.out(JSON.stringify(machine, null, 2))
            return
          }
          const { sources: _, ...values } = machine
          const text = stringify(values, { lineWidth: 0 }).trimEnd()
          context.out(flags.origins === true ? annotate(text, origin) : text)
        }),
      )
  },
}

/** Adds unit and origin as a comment to every leaf of a block-style YAML text. */
function annotate(text: string, originOf: (path: readonly string[]) => string): string {
  const path: string[] = []
  return text
    .split('\n')
    .map((line) => {
      const match = /^( *)([\w-]+):( .*)?$/.exec(line)
      if (match === null) return line
      path.length = match[1]!.length / 2
      path.push(match[2]!)
      if (match[3] === undefined) return line
      const field = fieldAt(machineSchema, path)
      const unit = field === null ? '' : metaOf(field).unit
      const origin = originOf(path).replace(presetFolder(), 'models/presets')
      return `${line}  # ${unit === '' ? '' : `${unit}; `}${origin}`
    })
    .join('\n')
}
