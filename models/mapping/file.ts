// A mapping as a file: the permutations of a network's strips with what they were found for, hashed. A mapping for other weights or another
// machine is refused, and the differences are named.
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { SimFault, SpecError } from '../base/errors.js'
import type { WeightMatrix } from '../nn/types.js'
import type { NetworkPermutations } from './search.js'
import { searchParams } from './spec.js'
import { isPermutation } from './strip.js'

/** Fields of a machine on which strips, blocks and integers depend. */
export interface MappingMachine {
  readonly ou: { readonly rows: number; readonly cols: number }
  readonly block: number
  readonly tile: { readonly rows: number | 'all' }
  readonly strip: { readonly ous: number }
  readonly weights: { readonly scale: string; readonly rowOrder: string }
  readonly mapping: { readonly groups: string }
}

export interface LayerToMap {
  readonly index: number
  readonly name: string
  readonly matrices: readonly WeightMatrix[]
  /** blocks of every strip, in strip order */
  readonly blocks: readonly number[]
}

const text = z.string().max(10_000)
const hash = z.string().regex(/^[0-9a-f]{64}$/)
const count = z
  .int()
  .min(0)
  .max(2 ** 31 - 1)

const schema = z.strictObject({
  format: z.literal('cimulator mapping'),
  schema_version: z.literal(1),
  network: text,
  machine: z.record(z.string().max(100), z.union([text, z.number()])),
  remapper: text,
  search: searchParams,
  layers: z
    .array(z.strictObject({ index: count, name: text, weights: hash, strips: z.array(z.array(count).max(4096)) }))
    .max(100_000),
  sha256: hash,
})

export type MappingFile = z.infer<typeof schema>

export function encodeMapping(
  about: Pick<MappingFile, 'network' | 'remapper' | 'search'>,
  machine: MappingMachine,
  layers: readonly LayerToMap[],
  permutations: NetworkPermutations,
): MappingFile {
  const content = {
    format: 'cimulator mapping' as const,
    schema_version: 1 as const,
    network: about.network,
    machine: fieldsOf(machine),
    remapper: about.remapper,
    search: about.search,
    layers: layers.map((layer) => ({
      index: layer.index,
      name: layer.name,
      weights: weightsSha256(layer.matrices),
      strips: permutationsOf(permutations, layer.index).map((perm) => Array.from(perm)),
    })),
  }
  return { ...content, sha256: contentSha256(content) }
}

function permutationsOf(permutations: NetworkPermutations, layer: number): readonly Int32Array[] {
  const found = permutations.get(layer)
  if (found === undefined) throw new SimFault(`mapping: no permutations for layer ${layer}`)
  return found
}

/** One line a layer, so that two mappings can be compared by eye. */
export function mappingText(mapping: MappingFile): string {
  const { layers, ...rest } = mapping
  const lines = layers.map((layer) => `    ${JSON.stringify(layer)}`).join(',\n')
  const head = JSON.stringify(rest, null, 2)
  return `${head.slice(0, -2)},\n  "layers": [\n${lines}\n  ]\n}\n`
}

/** @throws SpecError when the text is no mapping, or was changed since it was written */
export function parseMapping(source: string, file: string): MappingFile {
  const parsed = schema.safeParse(parseJson(source, file))
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!
    throw new SpecError(`${file}: no mapping of cimulator: ${path.join('.') || 'the whole'}: ${message}`)
  }
  const { sha256, ...content } = parsed.data
  if (contentSha256(content) !== sha256)
    throw new SpecError(`${file}: the content does not fit its sha256: the file was changed or cut; run remap again`)
  for (const layer of content.layers) {
    const wrong = layer.strips.findIndex((perm) => !isPermutation(perm))
    if (wrong >= 0) throw new SpecError(`${file}: layer ${layer.name}, strip ${wrong}: not a permutation`)
  }
  return parsed.data
}

function parseJson(source: string, file: string): unknown {
  try {
    return JSON.parse(source) as unknown
  } catch (cause) {
    throw new SpecError(`${file}: no JSON (${cause instanceof Error ? cause.message : String(cause)})`)
  }
}

const mostDifferences = 8

/**
 * The permutations of a mapping for this machine and these layers.
 * @throws SpecError naming every field and layer that differs
 */
export function applyMapping(
  mapping: MappingFile,
  file: string,
  machine: MappingMachine,
  layers: readonly LayerToMap[],
): NetworkPermutations {
  const wrong = [...machineDifferences(mapping, machine), ...layerDifferences(mapping, layers)]
  if (wrong.length > 0) {
    const more = wrong.length > mostDifferences ? [`… and ${wrong.length - mostDifferences} more`] : []
    const list = [...wrong.slice(0, mostDifferences), ...more].join('; ')
    throw new SpecError(`${file}: made for another network or machine: ${list}. Run remap again for this one`)
  }
  return new Map(mapping.layers.map((layer) => [layer.index, layer.strips.map((perm) => Int32Array.from(perm))]))
}

function machineDifferences(mapping: MappingFile, machine: MappingMachine): string[] {
  const here = fieldsOf(machine)
  const names = [...new Set([...Object.keys(here), ...Object.keys(mapping.machine)])]
  return names
    .filter((name) => here[name] !== mapping.machine[name])
    .map((name) => `${name} is ${here[name] ?? 'unknown'}, in the file ${mapping.machine[name] ?? 'missing'}`)
}

function layerDifferences(mapping: MappingFile, layers: readonly LayerToMap[]): string[] {
  const wrong: string[] = []
  if (layers.length !== mapping.layers.length)
    wrong.push(`${layers.length} layers, in the file ${mapping.layers.length}`)
  for (const [i, layer] of layers.entries()) {
    const theirs = mapping.layers[i]
    if (theirs === undefined) break
    if (theirs.name !== layer.name || theirs.index !== layer.index)
      wrong.push(`layer ${layer.index} is ${layer.name}, in the file ${theirs.name}`)
    else if (theirs.weights !== weightsSha256(layer.matrices)) wrong.push(`weights of layer ${layer.name} differ`)
    else if (theirs.strips.map((perm) => perm.length).join() !== layer.blocks.join())
      wrong.push(`layer ${layer.name} has ${layer.blocks.length} strips, in the file ${theirs.strips.length}`)
  }
  return wrong
}

function fieldsOf(machine: MappingMachine): Record<string, string | number> {
  return {
    'ou.rows': machine.ou.rows,
    'ou.cols': machine.ou.cols,
    block: machine.block,
    'tile.rows': machine.tile.rows,
    'strip.ous': machine.strip.ous,
    'weights.scale': machine.weights.scale,
    'weights.rowOrder': machine.weights.rowOrder,
    'mapping.groups': machine.mapping.groups,
  }
}

/** Hash of the integers e and their sizes. */
export function weightsSha256(matrices: readonly WeightMatrix[]): string {
  const digest = createHash('sha256')
  for (const { rows, cols, e } of matrices) {
    digest.update(`${rows}x${cols};`)
    digest.update(new Uint8Array(e.buffer, e.byteOffset, e.byteLength))
  }
  return digest.digest('hex')
}

export function contentSha256(content: Omit<MappingFile, 'sha256'>): string {
  const { format, schema_version, network: _, machine, remapper, search, layers } = content
  const fields = Object.entries(machine).sort(([a], [b]) => (a < b ? -1 : 1))
  const ordered = [
    ...[format, schema_version, fields, remapper],
    Object.entries(search).sort(([a], [b]) => (a < b ? -1 : 1)),
    layers.map((layer) => [layer.index, layer.name, layer.weights, layer.strips]),
  ]
  return createHash('sha256').update(JSON.stringify(ordered)).digest('hex')
}
