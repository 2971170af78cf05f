// Adds up the transitions that were taken; kernels/tally.ts says what the words mean and has the plain twin.
import { metBytes, metWord } from '../kernels/tally.js'
import type { Code, FunctionSpec } from './module.js'
import { forTo, i32, i32x4, localsOf, v128, when } from './ops.js'

export const tally: FunctionSpec = {
  name: 'tally',
  params: ['memory', 'met', 'end', 'times', 'blocked'],
  locals: { at: 'i32', taken: 'i32', low: 'v128', high: 'v128', factor: 'v128' },
  result: null,
  body(at) {
    const { value, put } = localsOf(at)
    const add = (sum: string, offset: number): Code =>
      put(sum, i32x4.add(value(sum), i32x4.mul(value('factor'), v128.load(value('met'), offset))))
    return [
      ...forTo(at('met'), value('end'), metBytes, [
        ...put('at', i32.add(value('memory'), i32.load(value('met'), 4 * metWord.visits))),
        ...put('taken', i32.load(value('at'))),
        ...when(value('taken'), [
          ...i32.store(value('at'), i32.const(0)),
          ...put('at', i32.add(value('times'), i32.load(value('met'), 4 * metWord.symbol))),
          ...i32.store(value('at'), i32.add(i32.load(value('at')), value('taken'))),
          ...put('factor', i32x4.splat(value('taken'))),
          ...add('low', 4 * metWord.blocked),
          ...add('high', 4 * metWord.blocked + 16),
        ]),
      ]),
      ...v128.store(value('blocked'), value('low')),
      ...v128.store(value('blocked'), value('high'), 16),
    ]
  },
}
