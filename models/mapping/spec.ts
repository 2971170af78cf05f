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

/** What the searching remappers may spend. One evaluation judges one changed permutation of one strip. */
export const searchParams = z.strictObject({
  seed: int('seed of the random streams, one stream a strip', '', 0, 2 ** 31 - 1).default(1),
  population: int('permutations that the genetic remapper breeds from', 'permutation', 2, 4096).default(4),
  generations: int('generations of the genetic remapper', 'generation', 1, 1_000_000).default(4),
  patience: int('generations without a gain after which it ends', 'generation', 1, 1_000_000).default(2),
  trials: int('swaps tried by every child, per block of the strip', 'evaluation', 1, 1_000_000).default(256),
})

const searchDefaults = searchParams.parse({})

export const mappingParams = z.strictObject({
  remapper: z
    .string()
    .meta({ description: 'block permutation of every strip: a name from `describe remappers`', unit: '' }),
  search: searchParams
    .default(searchDefaults)
    .meta({ description: 'what the searching remappers may spend on a strip', unit: '' }),
  compress: flag('delete the rows of an OU column whose weights are all zero'),
  planarise: flag('move OUs from the tallest to the shortest slot of a strip'),
  index: choice('encoding of the row lists; best: the one with fewest bits, layer by layer', [
    'plain',
    'delta',
    'bitmap',
    'best',
  ]).default('plain'),
  groups: choice('matrices of a grouped convolution: one each, or packed block-diagonally', [
    'separate',
    'block-diagonal',
  ]),
})

export type OuSpec = z.infer<typeof ouParams>
export type ArraySpec = z.infer<typeof arrayParams>
export type MappingOptions = z.infer<typeof mappingParams>
export type SearchOptions = z.infer<typeof searchParams>

/** Evaluations that a search may spend on a strip of so many blocks: those of the first population and of every generation. */
export function evaluations({ population, generations, trials }: SearchOptions, blocks: number): number {
  return population * (generations + 1) * trials * blocks
}

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
