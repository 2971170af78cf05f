// The parts of a machine description that decide where weights lie; docs/timing.md, section 1.
import { z } from 'zod'
import { choice, flag, int, intOr } from '../base/fields.js'

export const ouParams = z.strictObject({
  rows: int('word lines of an operation unit, P_WL', 'word line', 1, 4096),
  cols: int('bit lines of an operation unit of one slice and polarity, P_BL', 'bit line', 1, 4096),
})

export const arrayParams = z.strictObject({
  rows: int('word lines of an array', 'word line', 1, 65_536),
  cols: int('bit lines of an array', 'bit line', 1, 65_536),
})

export const tileParams = z.strictObject({
  rows: intOr(
    'consecutive weight rows permuted and compressed together, T; a multiple of ou.rows, or all',
    'row',
    1,
    1 << 24,
    'all',
  ),
})

export const stripParams = z.strictObject({
  ous: int('OU columns side by side in a strip, α', 'OU column', 1, 4096),
})

export const block = int('adjacent outputs pruned and shuffled together, β', 'output', 1, 4096)

export const mappingParams = z.strictObject({
  remapper: z
    .string()
    .meta({ description: 'block permutation of every strip: a name from `describe remappers`', unit: '' }),
  compress: flag('delete the rows of an OU column whose weights are all zero'),
  planarise: flag('move OUs from the tallest to the shortest slot of a strip'),
  groups: choice('matrices of a grouped convolution: one each, or packed block-diagonally', [
    'separate',
    'block-diagonal',
  ]),
})

export type OuSpec = z.infer<typeof ouParams>
export type ArraySpec = z.infer<typeof arrayParams>
export type MappingOptions = z.infer<typeof mappingParams>

export type Order = 'ou-bit' | 'window-bit'
export type Encoding = 'differential' | 'offset' | 'twos-complement'

/** What the mapper needs of a machine, and nothing else. */
export interface MapSpec {
  readonly ou: OuSpec
  readonly array: ArraySpec
  readonly block: number
  readonly tileRows: number | 'all'
  readonly stripOus: number
  readonly options: MappingOptions
  readonly order: Order
}
