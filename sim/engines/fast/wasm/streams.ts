// Rows of activations, copied from the tensor run by run; the loops in streams.ts do the same. A recipe is words, its addresses bytes from its
// beginning: per row, address of the address of its tap's runs, and where in the tensor it begins; per run, its bytes (0: there are no more),
// where they begin in the tensor (−1: they are all the same), and their distance there (or what they are).
import type { Code, FunctionSpec } from './module.js'
import { block, branch, branchIf, i8x16, i32, localsOf, loop, v128, when } from './ops.js'

/** Bytes that a turn of a loop copies; so many, less one, behind a row may be overwritten. */
const turnBytes = 16

export const copyRows: FunctionSpec = {
  name: 'copyRows',
  params: ['recipe', 'row', 'rowEnd', 'source', 'target', 'stride'],
  locals: {
    run: 'i32',
    base: 'i32',
    at: 'i32',
    end: 'i32',
    from: 'i32',
    step: 'i32',
    size: 'i32',
    bytes: 'v128',
  },
  result: null,
  body(at) {
    const { value, put, increase } = localsOf(at)
    const inRecipe = (address: Code): Code => i32.add(address, value('recipe'))
    /** Writes up to `end`, and a bit behind it; a run has at least one byte. */
    const turns = (bytes: number, body: Code): Code =>
      loop([...body, ...increase('at', i32.const(bytes)), ...branchIf(0, i32.lessUnsigned(value('at'), value('end')))])
    const same: Code = [
      ...put('bytes', i8x16.splat(value('step'))),
      ...turns(turnBytes, v128.store(value('at'), value('bytes'))),
    ]
    const next: Code = turns(turnBytes, [
      ...v128.store(value('at'), v128.load(value('from'))),
      ...increase('from', i32.const(turnBytes)),
    ])
    const even = Array.from({ length: 16 }, (_, i) => 2 * i)
    const second: Code = turns(turnBytes, [
      ...v128.store(value('at'), v128.shuffle(v128.load(value('from')), v128.load(value('from'), 16), even)),
      ...increase('from', i32.const(2 * turnBytes)),
    ])
    const other: Code = turns(1, [
      ...i32.storeByte(value('at'), i32.loadByte(value('from'))),
      ...increase('from', value('step')),
    ])
    const copy: Code = [
      ...put('step', i32.load(value('run'), 8)),
      ...put('from', i32.load(value('run'), 4)),
      ...when(i32.less(value('from'), i32.const(0)), same, [
        ...increase('from', value('base')),
        ...when(
          i32.equal(value('step'), i32.const(1)),
          next,
          when(i32.equal(value('step'), i32.const(2)), second, other),
        ),
      ]),
    ]
    return block(
      loop([
        ...branchIf(1, i32.isZero(i32.lessUnsigned(value('row'), value('rowEnd')))),
        ...put('run', inRecipe(i32.load(inRecipe(i32.load(value('row')))))),
        ...put('base', i32.add(value('source'), i32.load(value('row'), 4))),
        ...put('at', value('target')),
        ...block(
          loop([
            ...put('size', i32.load(value('run'))),
            ...branchIf(1, i32.isZero(value('size'))),
            ...put('end', i32.add(value('at'), value('size'))),
            ...copy,
            ...put('at', value('end')),
            ...increase('run', i32.const(12)),
            ...branch(0),
          ]),
        ),
        ...increase('row', i32.const(8)),
        ...increase('target', value('stride')),
        ...branch(0),
      ]),
    )
  },
}
