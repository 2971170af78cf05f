// One input of a network out of image files or out of one array.
import { SpecError } from '../../models/base/errors.js'
import { unknownName } from '../../models/base/registry.js'
import type { NetworkInput } from '../../models/nn/types.js'
import type { InputArray } from '../record/session.js'
import { elementBytes } from '../store/npy.js'
import { type ByteSource, fileSource } from '../store/source.js'
import { type ArraySource, npyArray, npzArrays, rawArray, sizeOf } from './arrays.js'
import { computed, convert, fits, itemShapeOf } from './convert.js'
import { type Pixels, readImage } from './images.js'
import { networkChannels, normaliser, pixelsOf, prepare } from './prepare.js'
import { formatOf } from './rules.js'
import type { ChannelOrder, OneInput } from './spec.js'

export interface Part {
  readonly count: number
  readonly layout: 'NCHW' | 'NHWC' | null
  readonly channels: ChannelOrder | null
  take(index: number): InputArray
  close(): void
}

type Where = (...path: readonly PropertyKey[]) => string

export function imagePart(spec: OneInput, files: readonly string[], input: NetworkInput | null, where: Where): Part {
  const read = (index: number) => {
    const file = files[index]!
    const format = spec.format ?? formatOf(file)
    if (format !== 'png' && format !== 'jpeg') throw new SpecError(`${where()}: ${file}: expected a .png or .jpg file`)
    return { image: readImage(file, format), file }
  }
  const first = read(0)
  return {
    count: files.length,
    layout: spec.network?.layout ?? 'NCHW',
    channels: networkChannels(spec, first.image.channels),
    take(index) {
      const { image, file } = index === 0 ? first : read(index)
      return fed(image, spec, input, `${where()}: ${file}`)
    },
    close() {},
  }
}

/** @throws SpecError when the result is not what the network wants */
function fed(image: Pixels, spec: OneInput, input: NetworkInput | null, what: string): InputArray {
  const { shape, values } = prepare(image, spec, what)
  const dtype = input?.dtype ?? 'float32'
  if (input !== null && !fits(shape, input.shape))
    throw new SpecError(
      `${what}: becomes [${shape.join(', ')}], the network wants ${input.dtype} [${input.shape.join(', ')}] for input "${input.name}"; change resize, crop, channels or network.layout`,
    )
  return { dtype, shape, data: computed(values, dtype, what) }
}

export function arrayPart(spec: OneInput, path: string, key: string, input: NetworkInput | null, where: Where): Part {
  const source = fileSource(path, ['inputs', 'check the path'])
  try {
    const array = openArray(spec, source, key, input, where)
    return spec.layout === undefined
      ? plainPart(spec, array, key, input, source, where)
      : pixelPart(spec, array, input, source, where)
  } catch (cause) {
    source.close()
    throw cause
  }
}

function openArray(
  spec: OneInput,
  source: ByteSource,
  key: string,
  input: NetworkInput | null,
  where: Where,
): ArraySource {
  const format = spec.format ?? formatOf(spec.file!)
  if (format === 'npy') return npyArray(source)
  if (format === 'npz') {
    const archive = npzArrays(source)
    const name = spec.array ?? [key, input?.name].find((entry) => archive.names.includes(entry ?? '')) ?? key
    if (!archive.names.includes(name))
      throw new SpecError(
        `${where(...(spec.array === undefined ? ['file'] : ['array']))}: ${unknownName(`array of ${source.name}`, name, archive.names)}`,
      )
    return archive.open(name)
  }
  const dtype = spec.dtype!
  const rest = spec.shape!.map((size) => (size === 'N' ? 1 : size))
  const unit = sizeOf(rest) * elementBytes(dtype)
  if (spec.shape![0] === 'N' && source.length % unit !== 0)
    throw new SpecError(
      `${where('shape')}: ${source.name} holds ${source.length} bytes, no multiple of the ${unit} of one item`,
    )
  return rawArray(source, dtype, spec.shape![0] === 'N' ? [source.length / unit, ...rest.slice(1)] : rest)
}

/** An array that is taken as it is, at most with other numbers in it. */
function plainPart(
  spec: OneInput,
  array: ArraySource,
  key: string,
  input: NetworkInput | null,
  source: ByteSource,
  where: Where,
): Part {
  const wanted = input ?? { name: key, dtype: 'float32', shape: [1, ...array.shape.slice(1)] }
  const { count, shape } = itemShapeOf(wanted, array.dtype, array.shape, array.name)
  const length = sizeOf(shape)
  const same = spec.divide === 1 && spec.mean === 0 && spec.std === 1 && spec.scale === 1
  const change = normaliser(spec, 1, where())
  return {
    count,
    layout: null,
    channels: null,
    take(index) {
      const what = `${array.name}: input "${wanted.name}", item ${index}`
      const data = array.read(index * length, length)
      return {
        dtype: wanted.dtype,
        shape,
        data: same
          ? convert(data, array.dtype, wanted.dtype, what)
          : computed(
              Float64Array.from(data as Iterable<number | bigint>, (value) => change(Number(value), 0)),
              wanted.dtype,
              what,
            ),
      }
    },
    close: () => source.close(),
  }
}

/** An array of images. */
function pixelPart(
  spec: OneInput,
  array: ArraySource,
  input: NetworkInput | null,
  source: ByteSource,
  where: Where,
): Part {
  const layout = spec.layout!
  if (array.shape.length !== layout.length)
    throw new SpecError(
      `${where('layout')}: ${layout} has ${layout.length} axes, ${array.name} has the shape [${array.shape.join(', ')}]`,
    )
  const many = layout.startsWith('N')
  const shape = many ? array.shape.slice(1) : array.shape
  const length = sizeOf(shape)
  const whole = !array.dtype.startsWith('float')
  const channels = layout.includes('C') ? array.shape[layout.indexOf('C')]! : 1
  return {
    count: many ? array.shape[0]! : 1,
    layout: spec.network?.layout ?? 'NCHW',
    channels: networkChannels(spec, channels),
    take(index) {
      const pixels = pixelsOf(array.read(index * length, length), shape, layout, whole)
      return fed(pixels, spec, input, `${where()}: ${array.name}, item ${index}`)
    },
    close: () => source.close(),
  }
}
