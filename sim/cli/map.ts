// cimulator map: a picture of where the weights of a layer lie.
import { SpecError } from '../../models/base/errors.js'
import { unknownName } from '../../models/base/registry.js'
import { mapLayer } from '../../models/mapping/build.js'
import { identityPermutation } from '../../models/mapping/strip.js'
import { layerMap } from '../../traces/report/layer-map.js'
import { pngOf, svgOf } from '../../traces/report/picture.js'
import { writeFileWhole } from '../../traces/store/atomic.js'
import { checkNewFile } from '../../traces/store/place.js'
import { mapSpec } from '../chip/parts.js'
import { resolveMachine } from '../chip/resolve.js'
import { layersToMap, permutationsFor } from '../remap.js'
import { loadModel } from '../source.js'
import type { CliCommand, CliContext } from './context.js'
import { addMachineOptions, type MachineFlags } from './flags.js'

interface Flags extends MachineFlags {
  readonly layer: string
  readonly out: string
  readonly mapping?: string
  readonly remapper?: string
  readonly force?: boolean
}

export const map: CliCommand = {
  name: 'map',
  doc: 'draw where the weights of a layer lie in OUs and arrays, before and after remapping',
  examples: [
    'cimulator map pruned.onnx --layer conv2 -o conv2.svg',
    'cimulator map pruned.onnx --layer 3 --mapping mapping.json -o layer3.png',
  ],
  configure(command, execute) {
    addMachineOptions(command)
      .argument('[model]', 'ONNX file (default: the embedded network)')
      .requiredOption('--layer <name>', 'layer to draw: name or number')
      .requiredOption('-o, --out <file>', 'picture to write: .svg or .png')
      .option('--remapper <name>', 'a name from `describe remappers`', 'auto')
      .option('--mapping <file>', 'block permutations found by remap, instead of a search')
      .option('--force', 'replace an existing file')
      .action((model: string | undefined, flags: Flags) => execute((context) => act(context, model, flags)))
  },
}

async function act(context: CliContext, model: string | undefined, flags: Flags): Promise<void> {
  const { out, force = false } = flags
  if (!/\.(svg|png)$/.test(out)) throw new SpecError(`${out}: expected a name that ends in .svg or .png`)
  checkNewFile(out, force)
  const { machine } = resolveMachine(flags.arch, [...flags.set, `mapping.remapper=${flags.remapper ?? 'auto'}`])
  const { network } = loadModel(model ?? null)
  const names = network.layers.map((layer) => layer.name)
  const at =
    /^\d+$/.test(flags.layer) && !names.includes(flags.layer) ? Number(flags.layer) : names.indexOf(flags.layer)
  const chosen = network.layers[at]
  if (chosen === undefined) throw new SpecError(`--layer: ${unknownName('layer', flags.layer, names)}`)
  const mapping = flags.mapping ?? null
  // a mapping file is checked against the whole network; a search needs this layer alone
  const searched = mapping === null ? { ...network, layers: [chosen] } : network
  const options = { machine, mapping, signal: context.signal }
  const { permutations } = await permutationsFor(options, searched, context.progress())
  const { matrices, blocks } = layersToMap({ ...network, layers: [chosen] }, machine)[0]!
  const spec = mapSpec(machine, 'machine')
  const flat = { ...spec, options: { ...spec.options, planarise: false } }
  const picture = layerMap({
    title: `${chosen.name} on ${machine.name}, ${mapping === null ? `remapper ${machine.mapping.remapper}` : 'mapping of a file'}`,
    before: mapLayer(matrices, flat, blocks.map(identityPermutation)),
    after: mapLayer(matrices, spec, permutations.get(chosen.index)!),
    spec,
  })
  await writeFileWhole(out, out.endsWith('.svg') ? svgOf(picture) : pngOf(picture), force)
  context.say(`written: ${out} (${picture.width} × ${picture.height})`)
}
