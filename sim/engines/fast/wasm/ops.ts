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

export const i32 = {
  const: (value: number): Code => [0x41, ...signed(value)],
  add: binary(0x6a),
  sub: binary(0x6b),
  mul: binary(0x6c),
  shl: binary(0x74),
  lessUnsigned: binary(0x49),
  isZero: unary(0x45),
  load: (address: Code, offset = 0): Code => [...address, 0x28, 2, ...unsigned(offset)],
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
  /** @param lanes 16 numbers: 0 … 15 take from a, 16 … 31 from b */
  shuffle: (a: Code, b: Code, lanes: readonly number[]): Code => [...a, ...b, ...simd(13), ...lanes],
}

export const i8x16 = { splat: simdUnary(15), popcount: simdUnary(98) }
export const i16x8 = { addPairsUnsigned: simdUnary(125) }
export const i32x4 = {
  add: simdBinary(174),
  addPairsUnsigned: simdUnary(127),
  /** Σ of two adjacent products of i16 */
  dot: simdBinary(186),
  lane: (a: Code, lane: number): Code => [...a, ...simd(27), lane],
}

/** while (local < end) { body; local += step }: numbers below 2^32. */
export function forTo(local: number, end: Code, step: number, body: Code): Code {
  const advance = set(local, i32.add(get(local), i32.const(step)))
  const left = i32.isZero(i32.lessUnsigned(get(local), end))
  // block { loop { br_if 1 when done; body; advance; br 0 } }
  return [0x02, 0x40, 0x03, 0x40, ...left, 0x0d, 1, ...body, ...advance, 0x0c, 0, 0x0b, 0x0b]
}
