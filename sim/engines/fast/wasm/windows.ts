// The loop of `window-bit`: Cache and Load by their maxima, once a window, then one transition of the back end's automaton per plane in which
// an OU fires. kernels/windows.ts says what the words mean; the loop in window.ts computes the same.
import { entry } from '../kernels/follow.js'
import {
  windowCode as code,
  windowRegister as register,
  resume,
  windowOuBytes,
  windowWordBytes,
  windowWord as word,
} from '../kernels/windows.js'
import type { Code, FunctionSpec } from './module.js'
import { block, branch, branchIf, i32, i64, localsOf, loop, when } from './ops.js'

type Register = keyof typeof register

const numbers = ['cacheFree', 'loadFree', 'base', 'row', 'start', 'blocked', 'gap', 'mask', 'offset'] as const
/** The same with the address of the memory added. */
const places = ['slot', 'backSlot', 'window', 'ou'] as const
const limits = ['endWindow', 'ringEnd', 'backRingEnd'] as const
const constants = ['firstInterval', 'at'] as const
const others = ['pass', 'endPass', 'code', 'step', 'next', 'time', 'end'] as const
const planes = ['low', 'high', 'shift'] as const

export const windows: FunctionSpec = {
  name: 'windows',
  params: ['memory', 'flags'],
  locals: {
    ...Object.fromEntries(
      [...numbers, ...places, ...limits, ...constants, ...others].map((key) => [key, 'i32' as const]),
    ),
    ...Object.fromEntries(planes.map((key) => [key, 'i64' as const])),
  },
  result: 'i32',
  body(at) {
    const { value, put, increase } = localsOf(at)
    const larger = (a: string, b: string): Code => i32.select(value(a), value(b), i32.greater(value(a), value(b)))
    const inMemory = (address: Code): Code => i32.add(address, value('memory'))
    const read = (name: Register): Code => i32.load(value('memory'), 4 * register[name])
    const write = (name: Register, what: Code): Code => i32.store(value('memory'), what, 4 * register[name])
    const ofWindow = (name: keyof typeof word): Code => i32.load(value('window'), word[name])
    const leave = (why: number, where: number, depth: number): Code => [
      ...put('code', i32.const(why)),
      ...put('at', i32.const(where)),
      ...branch(depth),
    ]
    const turn = (place: string, end: string, ring: Register): Code => [
      ...increase(place, i32.const(4)),
      ...when(i32.equal(value(place), value(end)), put(place, inMemory(read(ring)))),
    ]

    const wait: Code = [
      ...increase('base', value('gap')),
      ...when(
        i32.less(value('gap'), i32.load(inMemory(value('row')))),
        [
          ...put('next', i32.load(inMemory(value('row')), 4)),
          ...when(
            i32.atLeast(value('next'), i32.const(0)),
            put('next', i32.load(inMemory(i32.add(value('next'), i32.shl(value('gap'), i32.const(2)))))),
          ),
          // Out of this, what is tabulated, the gap, the window's beginning, what precedes the planes, the loop and the block around it.
          ...when(i32.less(value('next'), i32.const(0)), leave(code.wait, resume.planes, 6)),
          ...put('row', value('next')),
        ],
        put('row', read('idle')),
      ),
    ]
    const enter: Code = [
      ...put('time', i32.load(value('slot'))),
      ...put('time', larger('time', 'cacheFree')),
      ...put('cacheFree', i32.add(value('time'), ofWindow('cacheInterval'))),
      ...increase('time', ofWindow('cacheHandover')),
      ...put('time', larger('time', 'loadFree')),
      ...put('start', i32.load(value('backSlot'))),
      ...put('start', larger('start', 'time')),
      ...increase('blocked', i32.sub(value('start'), value('time'))),
      ...increase('start', ofWindow('lead')),
      ...put('loadFree', i32.add(value('start'), ofWindow('loadInterval'))),
      ...put('gap', i32.sub(i32.add(value('start'), ofWindow('loadHandover')), value('base'))),
      ...when(i32.greater(value('gap'), i32.const(0)), wait),
    ]
    const flag = i32.loadByte(i32.add(i32.load(value('ou')), value('pass')))
    const spread = i64.load(inMemory(i32.shl(flag, i32.const(3))), 4 * register.spread)
    /** Planes of the OUs up to `end`. */
    const gather = (into: string): Code => [
      ...put('shift', i64.const(0)),
      ...block(
        loop([
          ...branchIf(1, i32.isZero(i32.lessUnsigned(value('ou'), value('end')))),
          ...put(into, i64.or(value(into), i64.shl(spread, value('shift')))),
          ...put('shift', i64.add(value('shift'), i64.const(1))),
          ...increase('ou', i32.const(windowOuBytes)),
          ...branch(0),
        ]),
      ),
    ]
    const masks: Code = [
      ...put('low', i64.const(0)),
      ...put('high', i64.const(0)),
      ...put('end', inMemory(ofWindow('middle'))),
      ...gather('low'),
      ...put('low', i64.and(value('low'), i64.load(value('window'), word.live))),
      ...put('end', inMemory(ofWindow('end'))),
      ...when(i32.lessUnsigned(value('ou'), value('end')), [
        ...gather('high'),
        ...put('high', i64.and(value('high'), i64.load(value('window'), word.liveHigh))),
      ]),
    ]
    const byteOf = (part: string): Code => i32.and(i64.wrap(value(part)), i32.const(255))
    const plane: Code = [
      // The next plane in which an OU fires; without any, ctz is 64 and the mask is empty.
      ...put('shift', i64.and(i64.ctz(i64.or(value('low'), value('high'))), i64.const(56))),
      ...put('low', i64.shrUnsigned(value('low'), value('shift'))),
      ...put('high', i64.shrUnsigned(value('high'), value('shift'))),
      ...put('mask', i32.or(byteOf('low'), i32.shl(byteOf('high'), i32.const(8)))),
      ...put('offset', i32.load(inMemory(i32.add(ofWindow('offsets'), i32.shl(value('mask'), i32.const(2)))))),
      ...when(i32.less(value('offset'), i32.const(0)), leave(code.symbol, resume.plane, 3)),
      ...put('step', i32.add(value('row'), inMemory(value('offset')))),
      ...put('next', i32.load(value('step'), 4 * entry.next)),
      ...when(i32.less(value('next'), i32.const(0)), leave(code.step, resume.plane, 3)),
      ...put('row', value('next')),
      ...increase('base', i32.load(value('step'), 4 * entry.delta)),
      ...i32.store(value('step'), i32.add(i32.load(value('step'), 4 * entry.visits), i32.const(1)), 4 * entry.visits),
      ...put('low', i64.shrUnsigned(value('low'), i64.const(8))),
      ...put('high', i64.shrUnsigned(value('high'), i64.const(8))),
      ...branchIf(0, i32.isZero(i64.isZero(i64.or(value('low'), value('high'))))),
    ]
    const close: Code = [
      ...i32.store(value('backSlot'), i32.sub(value('base'), value('firstInterval'))),
      ...turn('backSlot', 'backRingEnd', 'backRing'),
      ...i32.store(value('slot'), value('start')),
      ...turn('slot', 'ringEnd', 'ring'),
      ...increase('window', i32.const(windowWordBytes)),
      ...when(i32.equal(value('window'), value('endWindow')), [
        ...put('window', inMemory(read('firstWindow'))),
        ...put('ou', inMemory(read('firstOu'))),
        ...increase('pass', i32.const(1)),
        ...when(i32.equal(value('pass'), value('endPass')), leave(code.done, resume.window, 3)),
      ]),
    ]
    return [
      ...[...numbers, ...constants].flatMap((name) => put(name, read(name))),
      ...[...places, ...limits].flatMap((name) => put(name, inMemory(read(name)))),
      ...(['pass', 'endPass'] as const).flatMap((name) => put(name, i32.add(read(name), value('flags')))),
      ...put('low', i64.load(value('memory'), 4 * register.low)),
      ...put('high', i64.load(value('memory'), 4 * register.high)),
      ...block(
        loop([
          ...when(i32.less(value('at'), i32.const(resume.plane)), [...when(i32.isZero(value('at')), enter), ...masks]),
          ...put('at', i32.const(resume.window)),
          ...loop(plane),
          ...close,
          ...branch(0),
        ]),
      ),
      ...[...numbers, 'at' as const].flatMap((name) => write(name, value(name))),
      ...places.flatMap((name) => write(name, i32.sub(value(name), value('memory')))),
      ...write('pass', i32.sub(value('pass'), value('flags'))),
      ...i64.store(value('memory'), value('low'), 4 * register.low),
      ...i64.store(value('memory'), value('high'), 4 * register.high),
      ...value('code'),
    ]
  },
}
