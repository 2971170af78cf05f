// The loop of `ou-bit` through the automaton of Load and the back end: kernels/follow.ts says what its words mean and what it computes.
import { code, entry, ouBytes, register, windowBytes } from '../kernels/follow.js'
import type { Code, FunctionSpec } from './module.js'
import { block, branch, branchIf, i32, localsOf, loop, when } from './ops.js'

type Register = keyof typeof register

/** Registers that are locals while the loop runs. */
const numbers = ['cacheFree', 'loadFree', 'start', 'row', 'starved', 'lastStart', 'lastRow', 'late'] as const
/** The same with the address of the memory added. */
const places = ['slot', 'window', 'ou'] as const
const limits = ['endWindow', 'ringEnd'] as const
const others = ['fresh', 'pass', 'endPass', 'code', 'at', 'next', 'time', 'end'] as const

export const follow: FunctionSpec = {
  name: 'follow',
  params: ['memory', 'flags'],
  locals: Object.fromEntries([...numbers, ...places, ...limits, ...others].map((key) => [key, 'i32' as const])),
  result: 'i32',
  body(at) {
    const { value, put, increase } = localsOf(at)
    const inMemory = (address: Code): Code => i32.add(address, value('memory'))
    const read = (name: Register): Code => i32.load(value('memory'), 4 * register[name])
    const write = (name: Register, what: Code): Code => i32.store(value('memory'), what, 4 * register[name])
    const leave = (why: number, depth: number): Code => [...put('code', i32.const(why)), ...branch(depth)]

    const wait: Code = [
      ...put('start', value('time')),
      ...when(
        i32.less(value('late'), i32.load(inMemory(value('row')))),
        [
          ...put('next', i32.load(inMemory(value('row')), 4)),
          ...when(
            i32.atLeast(value('next'), i32.const(0)),
            put('next', i32.load(inMemory(i32.add(value('next'), i32.shl(value('late'), i32.const(2)))))),
          ),
          // Out of this, what is tabulated, being late, the window's beginning, the loop and the block around it.
          ...when(i32.less(value('next'), i32.const(0)), leave(code.late, 5)),
          ...put('row', value('next')),
        ],
        put('row', read('idle')),
      ),
    ]
    const enter: Code = [
      ...put('time', i32.load(value('slot'))),
      ...put('time', i32.select(value('time'), value('cacheFree'), i32.greater(value('time'), value('cacheFree')))),
      ...put('cacheFree', i32.add(value('time'), i32.load(value('window'), 4))),
      ...increase('time', i32.load(value('window'), 8)),
      ...put('late', i32.sub(value('time'), value('loadFree'))),
      ...increase('starved', i32.select(value('late'), i32.const(0), i32.greater(value('late'), i32.const(0)))),
      ...put('late', i32.sub(value('time'), value('start'))),
      ...when(i32.greater(value('late'), i32.const(0)), wait),
    ]
    const flag = i32.loadByte(i32.add(i32.load(value('ou'), 4), value('pass')))
    const planes = i32.load(inMemory(i32.shl(flag, i32.const(2))), 4 * register.planes)
    const step: Code = [
      // All but one addition can be done before the row is known.
      ...put('at', i32.add(value('row'), inMemory(i32.add(i32.load(value('ou')), planes)))),
      ...put('next', i32.load(value('at'), 4 * entry.next)),
      ...branchIf(2, i32.less(value('next'), i32.const(0))),
      ...put('lastStart', value('start')),
      ...put('lastRow', value('row')),
      ...increase('start', i32.load(value('at'), 4 * entry.delta)),
      ...put('row', value('next')),
      ...i32.store(value('at'), i32.add(i32.load(value('at'), 4 * entry.visits), i32.const(1)), 4 * entry.visits),
      ...increase('ou', i32.const(ouBytes)),
      ...branchIf(0, i32.lessUnsigned(value('ou'), value('end'))),
    ]
    const close: Code = [
      ...i32.store(value('slot'), value('lastStart')),
      ...put('loadFree', i32.add(value('lastStart'), i32.load(value('window'), 12))),
      ...increase('slot', i32.const(4)),
      ...when(i32.equal(value('slot'), value('ringEnd')), put('slot', inMemory(read('ring')))),
      ...increase('window', i32.const(windowBytes)),
      ...when(i32.equal(value('window'), value('endWindow')), [
        ...put('window', inMemory(read('firstWindow'))),
        ...put('ou', inMemory(read('firstOu'))),
        ...increase('pass', i32.const(1)),
        ...when(i32.equal(value('pass'), value('endPass')), leave(code.done, 3)),
      ]),
    ]
    return [
      ...numbers.flatMap((name) => put(name, read(name))),
      ...[...places, ...limits].flatMap((name) => put(name, inMemory(read(name)))),
      ...put('fresh', read('fresh')),
      ...(['pass', 'endPass'] as const).flatMap((name) => put(name, i32.add(read(name), value('flags')))),
      // Whoever leaves the block without saying why met a transition that is not tabulated.
      ...put('code', i32.const(code.step)),
      ...block(
        loop([
          ...when(value('fresh'), enter),
          ...put('fresh', i32.const(1)),
          ...put('end', inMemory(i32.load(value('window')))),
          ...loop(step),
          ...close,
          ...branch(0),
        ]),
      ),
      ...numbers.flatMap((name) => write(name, value(name))),
      ...places.flatMap((name) => write(name, i32.sub(value(name), value('memory')))),
      ...write('pass', i32.sub(value('pass'), value('flags'))),
      ...value('code'),
    ]
  },
}
