// First items of the evaluation sets, preprocessed as the README of the data folder says for every network.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { InputItem } from '../../traces/record/session.js'
import { dataFolder, reference } from './data.js'

type Make = (index: number) => { readonly shape: readonly number[]; readonly data: Float32Array }

const bytes = (path: string) => new Uint8Array(readFileSync(join(dataFolder!, path)))
const floats = (path: string) => new Float32Array(bytes(path).slice().buffer)

/** Crop of an NHWC byte image to NCHW floats. */
function image(
  path: string,
  size: number,
  crop: number,
  offset: number,
  value: (byte: number, channel: number) => number,
  order = [0, 1, 2],
): Make {
  return (index) => {
    const source = bytes(path)
    const data = new Float32Array(3 * crop * crop)
    for (let c = 0; c < 3; c++) {
      for (let y = 0; y < crop; y++) {
        for (let x = 0; x < crop; x++) {
          data[(c * crop + y) * crop + x] = value(
            source[((index * size + y + offset) * size + x + offset) * 3 + order[c]!]!,
            c,
          )
        }
      }
    }
    return { shape: [1, 3, crop, crop], data }
  }
}

const mean = [0.485, 0.456, 0.406]
const deviation = [0.229, 0.224, 0.225]
const cifar = 'images/cifar10/cifar10_test.u8'
const photos = 'images/caltech101/caltech101_256.u8'
const digit =
  (scale: number): Make =>
  (index) => ({
    shape: [1, 1, 28, 28],
    data: Float32Array.from(
      bytes('images/mnist/mnist_test.u8').subarray(index * 784, (index + 1) * 784),
      (byte) => byte * scale,
    ),
  })

function makerFor(name: string): Make {
  if (name.startsWith('dscnn'))
    return (i) => ({
      shape: [1, 1, 49, 10],
      data: floats('audio/speechcommands/dscnn_mfcc.f32').slice(i * 490, (i + 1) * 490),
    })
  if (name.startsWith('kwt1'))
    return (i) => ({
      shape: [1, 98, 40],
      data: floats('audio/speechcommands/kwt1_mfcc.f32').slice(i * 3920, (i + 1) * 3920),
    })
  if (name.startsWith('lenet5')) return digit(1 / 255)
  if (name.startsWith('mnist_cnn')) return digit(1)
  if (name === 'mobilenetv2_imagenet_int8ptq') return image(photos, 256, 224, 16, (byte) => (byte - 127) * 0.00784314)
  if (name.startsWith('mobilenetv2')) return image(photos, 256, 224, 16, (byte) => (byte - 128) * 0.0078125)
  if (name.startsWith('squeezenet'))
    return image(photos, 256, 227, 14, (byte, c) => byte - [104, 117, 123][c]!, [2, 1, 0])
  if (name.startsWith('resnet8')) return image(cifar, 32, 32, 0, (byte) => byte)
  return image(cifar, 32, 32, 0, (byte, c) => (byte / 255 - mean[c]!) / deviation[c]!)
}

export function itemsOf(name: string, count: number): InputItem[] {
  const make = makerFor(name)
  return Array.from({ length: count }, (_, index) => {
    const { shape, data } = make(index)
    return new Map([[reference(name).input.name, { dtype: 'float32', shape, data }]])
  })
}
