// Patterns that have a name; N:M (2:4, 1:4 …) is read from the name itself. Names and make-up of row-wise, row-block, column-wise,
// channel-wise and hybrid as CIMinus expresses them in full and intra blocks; the sizes are those of this machine's units.

interface Fields {
  readonly description: string
  readonly patterns: readonly Readonly<Record<string, string | number>>[]
}

export const namedPatterns: ReadonlyMap<string, Fields> = new Map(
  Object.entries({
    block: {
      description: 'β adjacent outputs of one row: irregular blocks that a block permutation gathers (Wu et al.)',
      patterns: [{ kind: 'full-block', rows: 1, cols: 'beta' }],
    },
    'row-wise': {
      description: 'whole rows of the matrix',
      patterns: [{ kind: 'full-block', rows: 1, cols: 'all-cols' }],
    },
    'row-block': {
      description: 'rows of one OU column',
      patterns: [{ kind: 'full-block', rows: 1, cols: 'ou-cols' }],
    },
    'column-wise': {
      description: 'whole outputs',
      patterns: [{ kind: 'full-block', rows: 'all-rows', cols: 1 }],
    },
    'channel-wise': {
      description: 'whole input channels',
      patterns: [{ kind: 'full-block', rows: 'channel', cols: 'all-cols' }],
    },
    'ou-block': {
      description: 'whole operation units',
      patterns: [{ kind: 'full-block', rows: 'ou-rows', cols: 'ou-cols' }],
    },
    hybrid: {
      description: '2:4 inside, whole operation units outside; sparsity from 50 % on',
      patterns: [
        { kind: 'intra-block', rows: 4, cols: 1, keep: 2 },
        { kind: 'full-block', rows: 'ou-rows', cols: 'ou-cols' },
      ],
    },
  }),
)
