// What one field of a description demands of another. Every rule names the field that breaks it.
import type { InputSpecFile, OneInput } from './spec.js'

export interface Violation {
  readonly path: readonly PropertyKey[]
  readonly message: string
}

export type FileFormat = 'npy' | 'npz' | 'raw' | 'png' | 'jpeg'

const endings: readonly (readonly [RegExp, FileFormat])[] = [
  [/\.npy$/i, 'npy'],
  [/\.npz$/i, 'npz'],
  [/\.png$/i, 'png'],
  [/\.jpe?g$/i, 'jpeg'],
]

export function formatOf(path: string): FileFormat {
  return endings.find(([ending]) => ending.test(path))?.[1] ?? 'raw'
}

/** Whether an input is made of image files (of a `list` nobody knows before it is read: images are all it may name). */
export function isImages(spec: OneInput): boolean {
  const format = spec.format ?? formatOf(spec.file ?? spec.files?.[0] ?? '.png')
  return format === 'png' || format === 'jpeg'
}

export function violations(spec: InputSpecFile): Violation[] {
  const inputs = Object.entries(spec.inputs)
  return [
    ...(inputs.length === 0 ? [{ path: ['inputs'], message: 'names no input' }] : []),
    ...inputs.flatMap(([name, input]) => inputRules(input).map((v) => ({ ...v, path: ['inputs', name, ...v.path] }))),
    ...labelRules(spec).map((v) => ({ ...v, path: ['labels', ...v.path] })),
  ]
}

function inputRules(spec: OneInput): Violation[] {
  const found: Violation[] = []
  const broken = (path: readonly PropertyKey[], message: string) => void found.push({ path, message })
  const places = (['file', 'files', 'list'] as const).filter((name) => spec[name] !== undefined)
  if (places.length !== 1) {
    broken(
      places.slice(1, 2),
      `give one of file, files and list, got ${places.length === 0 ? 'none' : places.join(', ')}`,
    )
    return found
  }
  const images = isImages(spec)
  if (spec.files !== undefined || spec.list !== undefined) {
    if (!images) broken([places[0]!], 'may only name .png and .jpg files; give arrays as one file')
  }
  if (spec.file?.includes('*') === true && !images) broken(['file'], '* may only stand in the name of image files')
  const format = images ? 'image' : (spec.format ?? formatOf(spec.file ?? ''))
  for (const field of ['dtype', 'shape'] as const) {
    if (format === 'raw' && spec[field] === undefined) broken([], `a raw file needs ${field}`)
    if (format !== 'raw' && spec[field] !== undefined)
      broken([field], 'only a raw file needs it; the file itself says it')
  }
  if (spec.array !== undefined && format !== 'npz') broken(['array'], 'only an .npz file has named arrays')
  const many = spec.shape?.findIndex((size, i) => size === 'N' && i > 0) ?? -1
  if (many >= 0) broken(['shape', many], 'N may only be the first dimension')
  if (images && spec.layout !== undefined) broken(['layout'], 'only an array needs it')
  if (!images && spec.layout === undefined) {
    for (const field of ['channels', 'resize', 'crop', 'network'] as const)
      if (spec[field] !== undefined)
        broken([field], 'needs a layout: it says which axes are rows, columns and channels')
    for (const field of ['mean', 'std', 'scale'] as const)
      if (typeof spec[field] !== 'number') broken([field], 'one entry a channel needs a layout')
  }
  const { resize } = spec
  if (
    resize !== undefined &&
    (resize.shorter !== undefined) === (resize.height !== undefined && resize.width !== undefined)
  )
    broken(['resize'], 'give either shorter, or height and width')
  else if (resize?.shorter !== undefined && (resize.height !== undefined || resize.width !== undefined))
    broken(['resize'], 'give either shorter, or height and width')
  const zero = typeof spec.std === 'number' ? spec.std === 0 : spec.std.includes(0)
  if (zero) broken(['std'], 'nothing can be divided by 0')
  return found
}

function labelRules({ labels }: InputSpecFile): Violation[] {
  if (labels === undefined) return []
  const found: Violation[] = []
  if ((labels.ids === undefined) === (labels.file === undefined))
    found.push({ path: [], message: 'give one of ids and file' })
  const json = labels.file?.endsWith('.json') === true
  if (labels.path !== '' && !json) found.push({ path: ['path'], message: 'only a JSON file has paths inside' })
  if (labels.file !== undefined && !/\.(json|npy|npz)$/.test(labels.file))
    found.push({ path: ['file'], message: 'expected a .json, .npy or .npz file' })
  return found
}
