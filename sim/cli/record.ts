// cimulator record: run a network in onnxruntime and store the integer activations of its layers.
import { engineering } from '../../models/base/units.js'
import { resolveMachine } from '../chip/resolve.js'
import { recordToFile } from '../run.js'
import type { CliCommand } from './context.js'
import { addMachineOptions, type MachineFlags, wholeNumber } from './flags.js'

interface Flags extends MachineFlags {
  readonly inputs?: string
  readonly labels?: string
  readonly data?: string
  readonly limit?: number
  readonly out: string
  readonly force?: boolean
  readonly pack?: boolean
}

export const record: CliCommand = {
  name: 'record',
  doc: 'run a network once and store the integer activations of its layers',
  examples: [
    'cimulator record model.onnx --inputs inputs.npy --out trace.npz',
    'cimulator run model.onnx --trace trace.npz',
  ],
  configure(command, execute) {
    addMachineOptions(command)
      .argument('[model]', 'ONNX file (default: the embedded network)')
      .option('--inputs <file>', 'inputs: a description (.yaml), .npy or .npz')
      .option('--data <dir>', 'folder that the paths of a description start from')
      .option('--labels <file>', 'JSON list of class numbers, one an item')
      .option('--limit <n>', 'items to take, from the first', wholeNumber('--limit', 1))
      .requiredOption('--out <file>', 'trace file to write (.npz or .safetensors)')
      .option('--force', 'replace an existing file')
      .option('--pack', 'packed .npz, made in memory; items are then not read one by one')
      .action((model: string | undefined, flags: Flags) =>
        execute(async (context) => {
          const { machine } = resolveMachine(flags.arch, flags.set)
          const { inputs = null, labels = null, data = null, limit = null, out, force = false, pack = false } = flags
          const { head, sha256, bytes } = await recordToFile(
            { model: model ?? null, inputs, labels, data, machine, limit, out, force, pack, signal: context.signal },
            context.progress(),
          )
          context.out(
            context.json
              ? JSON.stringify({
                  file: out,
                  items: head.items,
                  tensors: head.tensors.size,
                  bytes,
                  trace_sha256: sha256,
                })
              : `${out}: ${head.items} items, ${head.tensors.size} tensors, ${engineering(bytes, 'B')}, trace sha256 ${sha256}`,
          )
        }),
      )
  },
}
