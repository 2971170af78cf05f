// What every command gets: streams, the options all commands share, and how results and human text leave the program.
import type { Command } from 'commander'
import type { Progress } from '../progress.js'
import { createProgress } from './progress.js'

export interface CliContext {
  readonly signal: AbortSignal
  /** results */
  out(text: string): void
  /** everything human */
  say(text: string): void
  progress(): Progress
  readonly quiet: boolean
  readonly json: boolean
}

export interface CliCommand {
  readonly name: string
  readonly doc: string
  /** lines of the help's example section */
  readonly examples: readonly string[]
  /** adds arguments and options, and the action */
  configure(command: Command, run: (action: (context: CliContext) => Promise<void>) => Promise<void>): void
}

export function createContext(
  options: { readonly quiet: boolean; readonly json: boolean },
  signal: AbortSignal,
): CliContext {
  return {
    signal,
    quiet: options.quiet,
    json: options.json,
    out: (text) => void process.stdout.write(`${text}\n`),
    say: (text) => {
      if (!options.quiet) process.stderr.write(`${text}\n`)
    },
    progress: () => createProgress(options.quiet),
  }
}
