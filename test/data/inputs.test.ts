// Every network of the data folder with its described inputs, against predictions and accuracy that another program found.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { describe, expect, it } from 'vitest'
import { dataFolder, modelBytes, networkNames, reference } from '../../bench/networks/data.js'
import { packageRoot } from '../../models/base/paths.js'
import { loadNetwork } from '../../models/nn/network.js'
import { type DescribedInputs, openDescribed } from '../../traces/inputs/described.js'
import { readImage } from '../../traces/inputs/images.js'
import { cropped, resized } from '../../traces/inputs/resize.js'

const folder = join(packageRoot(), 'examples', 'inputs')
const open = (name: string, options: Partial<Parameters<typeof openDescribed>[2]> = {}, model: string | null = null) =>
  openDescribed(join(folder, `${name}.yaml`), model === null ? null : loadNetwork(modelBytes(model), model).inputs, {
    limit: null,
    data: dataFolder,
    ...options,
  })

const descriptionOf: readonly (readonly [RegExp, string])[] = [
  [/^dscnn/, 'speech-dscnn'],
  [/^kwt1/, 'speech-kwt1'],
  [/^lenet5/, 'mnist-scaled'],
  [/^mnist_cnn/, 'mnist-raw'],
  [/^mobilenetv2.*ptq$/, 'imagenet-mobilenetv2-ptq'],
  [/^mobilenetv2/, 'imagenet-mobilenetv2'],
  [/^squeezenet/, 'imagenet-squeezenet'],
  [/^resnet8/, 'cifar10-raw'],
  [/^resnet/, 'cifar10-normalised'],
]

/**
 * With the runtime's default options, as the reference was made. Recording uses no graph optimisation, and then two items of
 * mobilenetv2_imagenet_int8ptq (20 and 39) change sides: the optimised graph multiplies integers, the plain one floats.
 */
async function predict(model: string, inputs: DescribedInputs): Promise<number[]> {
  const session = await InferenceSession.create(modelBytes(model), { intraOpNumThreads: 1 })
  const [output] = session.outputNames
  const found: number[] = []
  for (let i = 0; i < inputs.count; i++) {
    const feeds = [...(await inputs.item(i))].map(([name, { shape, data }]) => [
      name,
      new Tensor('float32', data as Float32Array, [...shape]),
    ])
    const result = (await session.run(Object.fromEntries(feeds)))[output!]!.data as Float32Array
    found.push(result.reduce((best, value, at) => (value > result[best]! ? at : best), 0))
  }
  await session.release()
  return found
}

const share = (inputs: DescribedInputs, predictions: readonly number[]) =>
  predictions.filter((prediction, i) => inputs.labels(i)!.includes(prediction)).length / predictions.length

describe.skipIf(networkNames().length === 0)('described inputs', () => {
  // Quick: fewer items, and then only the predictions.
  const limit = process.env['CIMULATOR_QUICK'] === undefined ? null : 8

  it.each(networkNames())('%s: predictions and top-1 of all items are those of the reference', async (name) => {
    const description = descriptionOf.find(([pattern]) => pattern.test(name))![1]
    const inputs = open(description, { limit }, name)
    const expected = reference(name)
    const predictions = await predict(name, inputs)
    expect(predictions).toEqual(expected.predicted.slice(0, inputs.count))
    if (limit === null) {
      expect(inputs.count).toBe(expected.count)
      expect(Number(share(inputs, predictions).toFixed(4))).toBe(expected.top1)
    }
    inputs.close()
  })

  it('every example is read', async () => {
    for (const file of readdirSync(folder)) {
      const inputs = open(file.replace('.yaml', ''), { limit: 1 })
      expect((await inputs.item(0)).size).toBe(1)
      inputs.close()
    }
  })

  it('PNG files give the same items as the array of their pixels', async () => {
    const [array, files] = [open('cifar10-normalised'), open('cifar10-png')]
    expect(files.count).toBe(20)
    for (let i = 0; i < files.count; i++) expect(await files.item(i)).toEqual(await array.item(i))
  })

  it('JPEG files, resized here, are the photographs that another program resized', () => {
    const array = open('imagenet-mobilenetv2')
    const jpeg = readImage(join(dataFolder!, 'images/caltech101/jpg/accordion_image_0001.jpg'), 'jpeg')
    const ours = cropped(resized(jpeg, { shorter: 256, method: 'antialias' }, 'x'), { height: 224, width: 224 }, 'x')
    return array.item(0).then((item) => {
      const theirs = item.get('input')!.data as Float32Array
      let sum = 0
      for (let p = 0; p < 224 * 224; p++)
        for (let c = 0; c < 3; c++) sum += Math.abs(ours.data[p * 3 + c]! - (theirs[c * 224 * 224 + p]! * 128 + 128))
      // Decoders may differ by a step or two of 255 in a pixel; a shift by one pixel differs by far more.
      expect(sum / (224 * 224 * 3)).toBeLessThan(1)
    })
  })

  it('JPEG files give nearly the accuracy of the array', async () => {
    const name = 'mobilenetv2_imagenet_fp32'
    const inputs = open('imagenet-jpeg', { limit: limit ?? 30 }, name)
    const same = (await predict(name, inputs)).filter((p, i) => p === reference(name).predicted[i]).length
    expect(same / inputs.count).toBeGreaterThan(0.85)
  })
})

if (networkNames().length === 0) process.stdout.write('skipped: CIMULATOR_DATA not set\n')
