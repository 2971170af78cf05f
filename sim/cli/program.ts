// Command line → commands → exit code. Results go to stdout, everything human to stderr; a stack trace only with --debug.
import { Command, CommanderError } from 'commander'
import { CimulatorError } from '../../models/base/errors.js'
import { packageVersion } from '../manifest.js'
import { createContext } from './context.js'
import { commands } from './index.js'

interface GlobalFlags {
  readonly json?: boolean
  readonly quiet?: boolean
  readonly debug?: boolean
}

/** Runs one command line. @returns the exit code: 0, 1 a check failed, 2 the user's input or model, 70 a bug, 130 interrupted */
export async function main(argv: readonly string[]): Promise<number> {
  const abort = new AbortController()
  const interrupt = () => {
    // A second Ctrl-C, or one in the middle of a long layer, ends the process at once: nothing is written before the end.
    if (abort.signal.aborted) process.exit(130)
    abort.abort()
    process.stderr.write('interrupted: stopping (press again to stop at once)\n')
    setTimeout(() => process.exit(130), 2000).unref()
  }
  process.on('SIGINT', interrupt)
  const debug = argv.includes('--debug')
  try {
    await buildProgram(abort.signal).parseAsync(argv as string[], { from: 'user' })
    return abort.signal.aborted ? 130 : 0
  } catch (cause) {
    return report(cause, debug)
  } finally {
    process.off('SIGINT', interrupt)
  }
}

export function buildProgram(signal: AbortSignal): Command {
  const program = new Command('cimulator')
    .description('Cycle-level simulation of neural networks on compute-in-memory machines')
    .version(packageVersion())
    .option('--json', 'results as JSON on stdout')
    .option('--quiet', 'no progress and no remarks')
    .option('--debug', 'stack traces')
    .showSuggestionAfterError()
    .exitOverride()
  for (const entry of commands) {
    const command = program.command(entry.name).description(entry.doc).exitOverride()
    command.addHelpText('after', `\nExamples:\n${entry.examples.map((line) => `  ${line}`).join('\n')}`)
    command
      .option('--json', 'results as JSON on stdout')
      .option('--quiet', 'no progress and no remarks')
      .option('--debug', 'stack traces')
    entry.configure(command, (action) => {
      const flags: GlobalFlags = { ...program.opts<GlobalFlags>(), ...command.opts<GlobalFlags>() }
      return action(createContext({ quiet: flags.quiet === true, json: flags.json === true }, signal))
    })
    for (const sub of command.commands) sub.exitOverride()
  }
  program.addHelpText(
    'after',
    '\nExamples:\n  cimulator run\n  cimulator run model.onnx --inputs inputs.npy --out runs/first\n  cimulator describe machine wu2024',
  )
  return program
}

function report(cause: unknown, debug: boolean): number {
  if (cause instanceof CommanderError) return cause.exitCode === 0 ? 0 : 2
  if (debug && cause instanceof Error) process.stderr.write(`${cause.stack}\n`)
  if (cause instanceof CimulatorError) {
    process.stderr.write(`error: ${cause.message}\n`)
    return cause.exitCode
  }
  const text = cause instanceof Error ? cause.message : String(cause)
  process.stderr.write(
    `bug: ${text}\nThis is a fault of cimulator. Please report it with the command line and the output of --debug.\n`,
  )
  return 70
}
