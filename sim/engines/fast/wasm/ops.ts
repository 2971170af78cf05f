// Instructions as functions of their operands (opcodes: WebAssembly Core Specification 2.0, section 5.4).
import { type Code, signed, unsigned } from './module.js'

const unary = (opcode: number) => (a: Code) => [...a, opcode]
const binary = (opcode: number) => (a: Code, b: Code) => [...a, ...b, opcode]
const simd = (opcode: number) => [0xfd, ...unsigned(opcode)]
const simdUnary = (opcode: number) => (a: Code) => [...a, ...simd(opcode)]
const simdBinary = (opcode: number) => (a: Code, b: Code) => [...a, ...b, ...simd(opcode)]
/** Loads need no alignment: the hint 0 means bytes. */
const simdLoad =
  (opcode: number) =>
  (address: Code, offset = 0) => [...address, ...simd(opcode), 0, ...unsigned(offset)]

export const get = (local: number): Code => [0x20, ...unsigned(local)]
export const set = (local: number, value: Code): Code => [...value, 0x21, ...unsigned(local)]

/**
 * Parameters and locals of a function by name.
 * @param at number of one, as `FunctionSpec.body` is told
 */
export const localsOf = (at: (name: string) => number) => {
  const value = (name: string): Code => get(at(name))
  const put = (name: string, what: Code): Code => set(at(name), what)
  const increase = (name: string, by: Code): Code => put(name, i32.add(value(name), by))
  return { value, put, increase }
}

export const i32 = {
  const: (value: number): Code => [0x41, ...signed(value)],
  add: binary(0x6a),
  sub: binary(0x6b),
  mul: binary(0x6c),
  and: binary(0x71),
  shl: binary(0x74),
  shrUnsigned: binary(0x76),
  or: binary(0x72),
  equal: binary(0x46),
  less: binary(0x48),
  lessUnsigned: binary(0x49),
  greater: binary(0x4a),
  atLeast: binary(0x4e),
  isZero: unary(0x45),
  load: (address: Code, offset = 0): Code => [...address, 0x28, 2, ...unsigned(offset)],
  loadByte: (address: Code, offset = 0): Code => [...address, 0x2d, 0, ...unsigned(offset)],
  store: (address: Code, value: Code, offset = 0): Code => [...address, ...value, 0x36, 2, ...unsigned(offset)],
  storeByte: (address: Code, value: Code, offset = 0): Code => [...address, ...value, 0x3a, 0, ...unsigned(offset)],
  /** a where the condition is not zero, otherwise b; both are evaluated */
  select: (a: Code, b: Code, condition: Code): Code => [...a, ...b, ...condition, 0x1b],
}

/** Numbers of structures outwards from the instruction: 0 is the innermost `block`, `loop` or `when` around it. */
export const block = (body: Code): Code => [0x02, 0x40, ...body, 0x0b]
export const loop = (body: Code): Code => [0x03, 0x40, ...body, 0x0b]
export const when = (condition: Code, then: Code, otherwise: Code = []): Code => [
  ...condition,
  ...[0x04, 0x40],
  ...then,
  ...(otherwise.length === 0 ? [] : [0x05, ...otherwise]),
  0x0b,
]
/** Leaves a `block` or `when`, repeats a `loop`. */
export const branch = (depth: number): Code => [0x0c, ...unsigned(depth)]
export const branchIf = (depth: number, condition: Code): Code => [...condition, 0x0d, ...unsigned(depth)]

export const i64 = {
  /** an int32 */
  const: (value: number): Code => [0x42, ...signed(value)],
  add: binary(0x7c),
  and: binary(0x83),
  or: binary(0x84),
  shl: binary(0x86),
  shrUnsigned: binary(0x88),
  ctz: unary(0x7a),
  isZero: unary(0x50),
  /** the lower half, as i32 */
  wrap: unary(0xa7),
  load: (address: Code, offset = 0): Code => [...address, 0x29, 3, ...unsigned(offset)],
  store: (address: Code, value: Code, offset = 0): Code => [...address, ...value, 0x37, 3, ...unsigned(offset)],
}

export const v128 = {
  load: simdLoad(0),
  /** 8 bytes as 8 × i16 */
  load8x8Signed: simdLoad(1),
  load8x8Unsigned: simdLoad(2),
  load32Splat: simdLoad(9),
  store: (address: Code, value: Code, offset = 0): Code => [...address, ...value, ...simd(11), 0, ...unsigned(offset)],
  zero: [...simd(12), ...new Array<number>(16).fill(0)] as Code,
  and: simdBinary(78),
  or: simdBinary(80),
  xor: simdBinary(81),
  anyTrue: simdUnary(83),
  /** @param lanes 16 numbers: 0 … 15 take from a, 16 … 31 from b */
  shuffle: (a: Code, b: Code, lanes: readonly number[]): Code => [...a, ...b, ...simd(13), ...lanes],
}

export const i8x16 = { splat: simdUnary(15), popcount: simdUnary(98) }
/** The lower, or the upper half of the lanes at twice the width. */
const halves = (low: number, high: number) => ({ low: simdUnary(low), high: simdUnary(high) })
export const i16x8 = {
  addPairsUnsigned: simdUnary(125),
  extendSigned: halves(135, 136),
  extendUnsigned: halves(137, 138),
}
export const i32x4 = {
  splat: simdUnary(17),
  extendSigned: halves(167, 168),
  extendUnsigned: halves(169, 170),
  add: simdBinary(174),
  sub: simdBinary(177),
  mul: simdBinary(181),
  addPairsUnsigned: simdUnary(127),
  /** Σ of two adjacent products of i16 */
  dot: simdBinary(186),
  lane: (a: Code, lane: number): Code => [...a, ...simd(27), lane],
}

export const i64x2 = {
  extendSigned: halves(199, 200),
  add: simdBinary(206),
  /** products of the lower, or the upper half of the lanes of i32 */
  productLow: simdBinary(220),
  productHigh: simdBinary(221),
}

/** while (local < end) { body; local += step }: numbers below 2^32. */
export function forTo(local: number, end: Code, step: number, body: Code): Code {
  const advance = set(local, i32.add(get(local), i32.const(step)))
  const left = i32.isZero(i32.lessUnsigned(get(local), end))
  return block(loop([...branchIf(1, left), ...body, ...advance, ...branch(0)]))
}
