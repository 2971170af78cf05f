// cimulator remap: search the block permutations of a network, say what they are worth, and keep them.
import { resolveMachine } from '../chip/resolve.js'
import { mostThreads } from '../options.js'
import { runRemap } from '../remap.js'
import type { CliCommand } from './context.js'
import { addMachineOptions, type MachineFlags, wholeNumber } from './flags.js'
import { remapJson, remapText } from './remap-text.js'

interface Flags extends MachineFlags {
  readonly remapper?: string
  readonly out?: string
  readonly force?: boolean
  readonly threads?: number
}

export const remap: CliCommand = {
  name: 'remap',
  doc: 'search the column shuffle of a network; report storage, index and traffic before and after',
  examples: [
    'cimulator remap pruned.onnx --remapper auto -o mapping.json',
    'cimulator run pruned.onnx --inputs inputs.npz --mapping mapping.json',
    'cimulator remap pruned.onnx --remapper genetic --set tile.rows=16 --set mapping.search.generations=10',
  ],
  configure(command, execute) {
    addMachineOptions(command)
      .argument('[model]', 'ONNX file (default: the embedded network)')
      .option('--remapper <name>', 'a name from `describe remappers` (default: auto, or that of --set)')
      .option('-o, --out <file>', 'mapping file to write (.json)')
      .option('--force', 'replace an existing file')
      .option('--threads <n>', 'threads of the search (default: one a core)', wholeNumber('--threads', 1, mostThreads))
      .action((model: string | undefined, flags: Flags) =>
        execute(async (context) => {
          const given = flags.set.some((text) => text.startsWith('mapping.remapper='))
          const remapper = flags.remapper ?? (given ? null : 'auto')
          const sets = remapper === null ? flags.set : [...flags.set, `mapping.remapper=${remapper}`]
          const { machine } = resolveMachine(flags.arch, sets)
          const { out = null, force = false, threads = null } = flags
          const options = { model: model ?? null, machine, out, force, threads, signal: context.signal }
          const report = await runRemap(options, context.progress())
          context.out(context.json ? JSON.stringify(remapJson(report), null, 2) : remapText(report))
          context.say(out === null ? 'nothing was written: give -o FILE to keep the mapping' : `written: ${out}`)
        }),
      )
  },
}
