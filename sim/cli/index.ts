// The commands, in the order of the help. Adding one = a file and a line here.
import { compare } from './compare.js'
import { config } from './config.js'
import type { CliCommand } from './context.js'
import { describeCommand } from './describe.js'
import { doctor } from './doctor.js'
import { inputs } from './inputs.js'
import { map } from './map.js'
import { prune } from './prune.js'
import { record } from './record.js'
import { remap } from './remap.js'
import { reproduce } from './reproduce.js'
import { run } from './run.js'
import { schema } from './schema.js'
import { table } from './table.js'
import { trace } from './trace.js'

export const commands: readonly CliCommand[] = [
  run,
  record,
  inputs,
  trace,
  prune,
  remap,
  map,
  compare,
  reproduce,
  table,
  describeCommand,
  config,
  schema,
  doctor,
]
