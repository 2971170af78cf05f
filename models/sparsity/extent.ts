// The size of a block in a description: a number, or a word that every layer or machine reads in its own way.
import { z } from 'zod'
import { colWords, rowWords } from './types.js'

const most = 1 << 24

function extent<W extends string>(description: string, unit: string, words: readonly [W, ...W[]]) {
  return z.union([z.int().min(1).max(most), z.literal([...words])]).meta({ description, unit })
}

export const rowExtent = extent(
  'weight rows of a block, m; channel: the kh·kw rows of one input channel',
  'row',
  rowWords,
)
export const colExtent = extent('outputs of a block, n; beta: the block of the machine', 'output', colWords)
