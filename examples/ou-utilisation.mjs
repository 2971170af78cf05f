// How full the operation units of a layer are: node ou-utilisation.mjs [MODEL.onnx [LAYER [MACHINE.yaml]]]
import { loadNetwork, mapLayer, resolveMachine } from 'cimulator'

const [model, name, arch] = process.argv.slice(2)
const { layers } = loadNetwork(model)
const layer = name === undefined ? layers[0] : layers.find((each) => each.name === name)
if (layer === undefined) throw new Error(`no layer "${name}"; there are ${layers.map((each) => each.name).join(', ')}`)
const machine = resolveMachine(arch)
const { mapping, slices, polarities } = mapLayer(layer, machine)

const capacity = machine.ou.rows * machine.ou.cols
const histogram = new Array(11).fill(0)
let cells = 0
for (let ou = 0; ou < mapping.ous; ou++) {
  const rows = mapping.rowStart[ou + 1] - mapping.rowStart[ou]
  const used = rows * (mapping.colStart[ou + 1] - mapping.colStart[ou])
  histogram[Math.floor((10 * used) / capacity)]++
  cells += used
}
const full = ((100 * cells) / (mapping.ous * capacity)).toFixed(1)
console.log(`${layer.name}: ${mapping.ous} OUs of ${machine.ou.rows}×${machine.ou.cols}, ${full} % full`)
console.log(
  `${mapping.windows} windows in ${mapping.groups.length} array groups; a weight takes ${slices * polarities} cells`,
)
for (const [tenth, count] of histogram.entries())
  if (count > 0) console.log(`${tenth === 10 ? '   full' : `${10 * tenth} … ${10 * tenth + 9} %`.padStart(7)}`, count)
