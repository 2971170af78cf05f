// inputs.yaml: what the items of a network are and how they are prepared. The schema is what describes a file, checks it and is exported.
import { z } from 'zod'
import { choice, int, intOr, real } from '../../models/base/fields.js'
import { npyTypes } from '../store/npy.js'

const path = (description: string) => z.string().min(1).max(4096).meta({ description, unit: '' })
const text = (description: string, most: number) => z.string().max(most).meta({ description, unit: '' })
const largest = 1e12
const perChannel = (description: string, unit: string) =>
  z
    .union([z.number().min(-largest).max(largest), z.array(z.number().min(-largest).max(largest)).min(1).max(64)])
    .meta({ description: `${description}; one number, or one per channel in the order of the network`, unit })

export const layouts = ['NHWC', 'NCHW', 'NHW', 'HWC', 'CHW', 'HW'] as const
export const channelOrders = ['RGB', 'BGR', 'grey'] as const
export const resizeMethods = ['bilinear', 'antialias', 'nearest'] as const

const jsonList = (description: string) =>
  z
    .strictObject({
      file: path('JSON file'),
      path: text('where in the file: names with dots, [] for every element of a list ("items[].label")', 200).default(
        '',
      ),
    })
    .meta({ description, unit: '' })

export const inputSpec = z.strictObject({
  file: path(
    '.npy, .npz, .png, .jpg or raw file; * in the last part of an image path: all that fit, sorted by name',
  ).optional(),
  files: z
    .array(path('image file'))
    .min(1)
    .max(1_000_000)
    .meta({ description: 'image files, one an item', unit: '' })
    .optional(),
  list: jsonList('JSON list of image files, one an item, relative to the folder of that JSON file').optional(),
  format: choice('how the file is read; default: by its ending, raw for others', [
    'npy',
    'npz',
    'raw',
    'png',
    'jpeg',
  ]).optional(),
  array: text('array of an .npz file; default: the name of the input', 4096).optional(),
  dtype: choice('element type of a raw file, little-endian', npyTypes).optional(),
  shape: z
    .array(intOr('size of a dimension; N: as many as the file holds, first dimension only', 'element', 1, 2 ** 31, 'N'))
    .min(1)
    .max(16)
    .meta({ description: 'shape of a raw file, items first', unit: 'element' })
    .optional(),
  layout: choice('axes of an array of images; an array without a layout is taken as it is', layouts).optional(),
  channels: choice('order of the channels in the file', channelOrders).optional(),
  resize: z
    .strictObject({
      shorter: int('new length of the shorter side; the other one follows', 'pixel', 1, 65_536).optional(),
      height: int('new height', 'pixel', 1, 65_536).optional(),
      width: int('new width', 'pixel', 1, 65_536).optional(),
      method: choice(
        'bilinear: two samples a direction (OpenCV INTER_LINEAR); antialias: triangle as wide as the reduction (Pillow, torchvision); nearest',
        resizeMethods,
      ).default('bilinear'),
    })
    .meta({ description: 'change of size, before the crop', unit: '' })
    .optional(),
  crop: z
    .strictObject({
      height: int('height of the crop', 'pixel', 1, 65_536),
      width: int('width of the crop', 'pixel', 1, 65_536),
      top: int('rows above the crop; default: half of what is left over, rounded down', 'pixel', 0, 65_536).optional(),
      left: int('columns left of the crop; default: as for top', 'pixel', 0, 65_536).optional(),
    })
    .meta({ description: 'part of the image that is used', unit: '' })
    .optional(),
  network: z
    .strictObject({
      layout: choice('axes that the network wants', ['NCHW', 'NHWC']).default('NCHW'),
      channels: choice('channels that the network wants; default: those of the file', channelOrders).optional(),
    })
    .meta({ description: 'what the network wants', unit: '' })
    .optional(),
  divide: real('pixels are divided by this first', '', 1e-12, largest).default(1),
  mean: perChannel('is subtracted then', '').default(0),
  std: perChannel('divides then', '').default(1),
  scale: perChannel('multiplies last', '').default(1),
})

export const labelsSpec = z.strictObject({
  ids: z
    .array(
      z.union([
        z
          .int()
          .min(0)
          .max(2 ** 31 - 1),
        z
          .array(
            z
              .int()
              .min(0)
              .max(2 ** 31 - 1),
          )
          .max(100_000),
      ]),
    )
    .max(1_000_000)
    .meta({ description: 'class of every item, or the list of classes that count as right', unit: '' })
    .optional(),
  file: path('.json, .npy or .npz file with the same').optional(),
  path: text('where in a JSON file: names with dots, [] for every element of a list ("items[].label")', 200).default(
    '',
  ),
  array: text('array of an .npz file', 4096).default('labels'),
  offset: int(
    'output of the network = class + offset (1: the network has a background class in front)',
    '',
    -1_000_000,
    1_000_000,
  ).default(0),
  names: jsonList('JSON list of class names, for people').optional(),
})

export const inputsSchema = z.strictObject({
  description: text('what the items are', 2000).default(''),
  root: path(
    `folder that all paths start from, below the folder of this file; or \${CIMULATOR_…}: the value of that environment variable; --data overrides it`,
  ).optional(),
  inputs: z
    .record(z.string().min(1).max(4096), inputSpec)
    .meta({ description: 'by the name of the network input; a single one may have any name', unit: '' }),
  labels: labelsSpec.meta({ description: 'what counts as right', unit: '' }).optional(),
  first: int('items to take, from the first; default: all', 'item', 1, 2 ** 31).optional(),
})

export type InputSpecFile = z.infer<typeof inputsSchema>
export type OneInput = z.infer<typeof inputSpec>
export type ChannelOrder = (typeof channelOrders)[number]
export type Layout = (typeof layouts)[number]
