// Inputs of a network as a file describes them: inputs.yaml → items, prepared one at a time.
import { dirname } from 'node:path'
import { SpecError } from '../../models/base/errors.js'
import { unknownName } from '../../models/base/registry.js'
import { complaints } from '../../models/config/check.js'
import { type ConfigDocument, readDocument } from '../../models/config/document.js'
import type { NetworkInput } from '../../models/nn/types.js'
import type { InputSource } from '../record/inputs.js'
import type { InputArray } from '../record/session.js'
import { fileSource } from '../store/source.js'
import { npyArray, npzArrays } from './arrays.js'
import { type Labels, labelAdvice, labelsOfArray, labelsOfList, readJson } from './labels.js'
import { arrayPart, imagePart, type Part } from './parts.js'
import { openRoot, type Root } from './paths.js'
import { isImages, violations } from './rules.js'
import { select } from './select.js'
import { type ChannelOrder, type InputSpecFile, inputsSchema, type OneInput } from './spec.js'

/** One input as the network sees it. */
export interface DescribedInput {
  /** of the network, or of the description when no network is given */
  readonly name: string
  readonly dtype: string
  /** axes of an image, null for anything else */
  readonly layout: 'NCHW' | 'NHWC' | null
  readonly channels: ChannelOrder | null
  take(index: number): Promise<InputArray>
}

export interface DescribedInputs extends InputSource {
  readonly description: string
  readonly inputs: readonly DescribedInput[]
  /** class names by id, for people */
  readonly names: readonly string[] | null
  /** output = class + offset */
  readonly offset: number
}

export interface OpenOptions {
  /** items to take, from the first; null: all */
  readonly limit: number | null
  /** folder from the command line; null: what the file says */
  readonly data: string | null
}

/** @throws SpecError with every problem, each at its position */
export function readDescription(file: string): { readonly spec: InputSpecFile; readonly document: ConfigDocument } {
  const document = readDocument(file)
  const problems = complaints(inputsSchema, document.data, document.position)
  if (problems.length > 0) throw new SpecError(problems.join('\n'))
  const spec = inputsSchema.parse(document.data)
  const broken = violations(spec)
  if (broken.length > 0)
    throw new SpecError(
      broken.map(({ path, message }) => `${document.position(path)} ${path.join('.')}: ${message}`).join('\n'),
    )
  return { spec, document }
}

/**
 * @param wanted inputs of the network; null: none is given, everything becomes float32
 * @throws SpecError naming file, line and column of the field at fault, or the file that it names
 */
export function openDescribed(
  file: string,
  wanted: readonly NetworkInput[] | null,
  options: OpenOptions,
): DescribedInputs {
  const { spec, document } = readDescription(file)
  const where = (...path: readonly PropertyKey[]) => `${document.position(path)} ${path.join('.')}`
  const root = openRoot(file, spec.root, options.data, where('root'))
  const named = matchNames(spec, wanted, (name) => `${document.position(['inputs', name], true)} inputs.${name}`)
  const opened: Part[] = []
  const close = () => {
    for (const part of opened) part.close()
  }
  try {
    for (const { key, input } of named)
      opened.push(openPart(spec.inputs[key]!, key, input, root, (...path) => where('inputs', key, ...path)))
    const counts = opened.map((part) => part.count)
    const total = counts[0]!
    if (counts.some((count) => count !== total))
      throw new SpecError(
        `${where('inputs')}: different numbers of items (${named.map(({ key }, i) => `${key}: ${counts[i]}`).join(', ')})`,
      )
    if (total === 0) throw new SpecError(`${where('inputs')}: no items`)
    const labels = openLabels(spec, root, total, (...path) => where('labels', ...path))
    const names = openNames(spec, root, where('labels', 'names'))
    // `first` of the description says what the inputs are; a limit leaves some of them out.
    const described = Math.min(total, spec.first ?? total)
    const count = Math.min(described, options.limit ?? described)
    const inputs = named.map(({ key, input }, i) => ({
      name: input?.name ?? key,
      dtype: input?.dtype ?? 'float32',
      layout: opened[i]!.layout,
      channels: opened[i]!.channels,
      take: async (index: number) => opened[i]!.take(index),
    }))
    return {
      description: spec.description,
      inputs,
      names,
      offset: spec.labels?.offset ?? 0,
      count,
      total: described,
      item: async (index) => new Map(inputs.map((input, i) => [input.name, opened[i]!.take(index)])),
      labels: (index) => labels?.[index] ?? null,
      close,
    }
  } catch (cause) {
    close()
    throw cause
  }
}

function matchNames(spec: InputSpecFile, wanted: readonly NetworkInput[] | null, at: (name: string) => string) {
  const keys = Object.keys(spec.inputs)
  if (wanted === null) return keys.map((key) => ({ key, input: null }))
  if (wanted.length === 1 && keys.length === 1) return [{ key: keys[0]!, input: wanted[0]! }]
  const names = wanted.map((input) => input.name)
  const odd = keys.find((key) => !names.includes(key))
  if (odd !== undefined) throw new SpecError(`${at(odd)}: ${unknownName('input of the network', odd, names)}`)
  const missing = names.find((name) => !keys.includes(name))
  if (missing !== undefined)
    throw new SpecError(`${at(keys[0]!)}: the network also has the input "${missing}"; describe it beside this one`)
  return wanted.map((input) => ({ key: input.name, input }))
}

type Where = (...path: readonly PropertyKey[]) => string

function openPart(spec: OneInput, key: string, input: NetworkInput | null, root: Root, where: Where): Part {
  if (isImages(spec)) return imagePart(spec, imageFiles(spec, root, where), input, where)
  const path = root.file(spec.file!, where('file'))
  return arrayPart(spec, path, key, input, where)
}

function imageFiles(spec: OneInput, root: Root, where: Where): string[] {
  if (spec.files !== undefined) return spec.files.map((path, i) => root.file(path, where('files', i)))
  if (spec.file !== undefined)
    return spec.file.includes('*') ? root.all(spec.file, where('file')) : [root.file(spec.file, where('file'))]
  const { file, path } = spec.list!
  const list = select(
    readJson(root.file(file, where('list', 'file')), 'list', 'expected JSON'),
    path,
    where('list', 'path'),
  )
  if (!Array.isArray(list) || !list.every((entry) => typeof entry === 'string'))
    throw new SpecError(`${where('list', 'path')}: expected a list of file names in ${file}`)
  const folder = dirname(file)
  return list.map((entry: string, i) =>
    root.file(folder === '.' ? entry : `${folder}/${entry}`, `${where('list')}[${i}]`),
  )
}

function openLabels(spec: InputSpecFile, root: Root, total: number, where: Where): Labels | null {
  const { labels } = spec
  if (labels === undefined) return null
  const given = labels.ids === undefined ? readLabels(labels, root, where) : labelsOfList(labels.ids, where('ids'))
  if (given.length !== total)
    throw new SpecError(`${where()}: ${given.length} labels for ${total} items; expected one entry an item`)
  return given.map((ids, i) =>
    ids.map((id) => {
      const output = id + labels.offset
      if (output < 0) throw new SpecError(`${where('offset')}: class ${id} of item ${i} becomes output ${output}`)
      return output
    }),
  )
}

function readLabels(labels: NonNullable<InputSpecFile['labels']>, root: Root, where: Where): Labels {
  const path = root.file(labels.file!, where('file'))
  if (path.endsWith('.json')) {
    const value = select(readJson(path, 'labels', labelAdvice), labels.path, where('path'))
    return labelsOfList(value, `${where('path')} in ${path}`)
  }
  const source = fileSource(path, ['labels', labelAdvice])
  try {
    if (path.endsWith('.npy')) return labelsOfArray(npyArray(source), path)
    const archive = npzArrays(source)
    if (!archive.names.includes(labels.array))
      throw new SpecError(`${where('array')}: ${unknownName(`array of ${path}`, labels.array, archive.names)}`)
    return labelsOfArray(archive.open(labels.array), path)
  } finally {
    source.close()
  }
}

function openNames(spec: InputSpecFile, root: Root, where: string): readonly string[] | null {
  const names = spec.labels?.names
  if (names === undefined) return null
  const value = select(readJson(root.file(names.file, where), 'class names', 'expected JSON'), names.path, where)
  if (!Array.isArray(value) || !value.every((entry) => typeof entry === 'string'))
    throw new SpecError(`${where}: expected a list of names in ${names.file}`)
  return value
}
