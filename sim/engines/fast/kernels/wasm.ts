// The kernels in WebAssembly SIMD. An arena is a memory of fixed size: it never grows, so its arrays never move.
import { SimFault } from '../../../../models/base/errors.js'
import { drivenListBytes, drivenPasses, hitBytes } from '../wasm/driven.js'
import { countPasses, functions, orPasses } from '../wasm/functions.js'
import { assemble } from '../wasm/module.js'
import { type Arena, type Hit, type Kernels, sizeOf, stepInts } from './kernels.js'

/** The part of the WebAssembly interface that is used here. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => object
  readonly Instance: new (
    module: object,
    imports: object,
  ) => { readonly exports: Readonly<Record<string, (...args: number[]) => number>> }
  readonly Memory: new (size: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer }
  validate(bytes: Uint8Array<ArrayBuffer>): boolean
}

const pageBytes = 65_536
/** Memory of WebAssembly with 32-bit addresses. */
export const largestArena = 2 ** 32 - pageBytes

/** The kernels, compiled; null where WebAssembly is missing or has no SIMD; undefined: nobody has asked yet. */
let compiled: object | null | undefined

/** What other threads of the process need not compile again. */
export function useModule(module: object | null): void {
  compiled = module
}

export function kernelModule(): object | null {
  if (compiled === undefined) compiled = compile()
  return compiled
}

function compile(): object | null {
  if (typeof WebAssembly !== 'object') return null
  const bytes = assemble(functions)
  return WebAssembly.validate(bytes) ? new WebAssembly.Module(bytes) : null
}

/** Whether this machine runs the kernels: its WebAssembly knows SIMD. */
export function available(): boolean {
  return kernelModule() !== null
}

export const wasm: Kernels = { name: 'wasm', arena: createArena }

/** Memory of an arena's own: for lists and weights of rows, and for what kernels find. */
const listRoom = 1 << 14
const hitRoom = 1 << 16
/** Passes that share it. */
const slicePasses = 1 << 12
/** Steps of a program that one call runs: calls take little of the time, and are short enough to be compiled better on the way. */
const stepsOfCall = 64

function createArena(bytes: number): Arena {
  const wanted = sizeOf(bytes) + sizeOf(listRoom) + sizeOf(hitRoom) + 64
  if (wanted > largestArena) throw new SimFault(`an arena of ${wanted} bytes; at most ${largestArena} have an address`)
  const pages = Math.ceil(wanted / pageBytes)
  const module = kernelModule()
  if (module === null) throw new SimFault('WebAssembly without SIMD; `available` says so')
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages })
  const { exports } = new WebAssembly.Instance(module, { memory: { pages: memory } })
  const { orRows, countBits, follow, windows, copyRows, tally } = exports
  const { multiplySigned, multiplyUnsigned, moreDriven5, moreDriven8 } = exports
  const { digest, digestSplit, weighSigned, weighUnsigned } = exports
  const { buffer } = memory
  let used = 64
  const take = (length: number): number => {
    const at = used
    used += sizeOf(length)
    if (used > buffer.byteLength) throw new SimFault(`an arena of ${bytes} bytes was asked for ${used}`)
    return at
  }
  const scratchLists = new Int32Array(buffer, take(listRoom), listRoom >> 2)
  const scratch = new Int32Array(buffer, take(hitRoom), hitRoom >> 2)
  const scratchLongs = new BigInt64Array(buffer, scratch.byteOffset, 2)
  return {
    bytes: (length) => new Uint8Array(buffer, take(length), length),
    ints: (length) => new Int32Array(buffer, take(4 * length), length),
    orRows(streams, offsets, from, to, into, at) {
      const target = into.byteOffset + at
      const end = target + Math.ceil(streams.passes / orPasses) * orPasses
      const list = offsets.byteOffset
      orRows!(streams.bytes.byteOffset, list + 4 * from, list + 4 * to, target, end)
    },
    copyRows(recipe, { from, to }, source, into, stride) {
      const { byteOffset } = recipe
      const rows = [byteOffset + 4 * from, byteOffset + 4 * to] as const
      copyRows!(byteOffset, ...rows, source.byteOffset, into.byteOffset, stride)
    },
    tally({ byteOffset }, { from, to, times, blocked }) {
      const parts = [from, to, times, blocked].map((word) => byteOffset + 4 * word)
      tally!(byteOffset, ...parts)
    },
    windows: (memory, flags) => windows!(memory.byteOffset, flags.byteOffset),
    follow: (memory, flags) => follow!(memory.byteOffset, flags.byteOffset),
    countBits(streams, row, mask) {
      const from = streams.bytes.byteOffset + row * streams.stride
      return countBits!(from, from + Math.ceil(streams.passes / countPasses) * countPasses, mask)
    },
    multiply({ bytes, passes }, { steps, offsets, columns, weights }, from, to, signed, fresh, sums) {
      const call = (signed ? multiplySigned : multiplyUnsigned)!
      const address = (step: number) => steps.byteOffset + 4 * stepInts * step
      for (let step = from; step < to; step += stepsOfCall) {
        const [first, end] = [address(step), address(Math.min(to, step + stepsOfCall))]
        const program = [offsets.byteOffset, weights.byteOffset, columns.byteOffset, first, end] as const
        call(bytes.byteOffset, passes, ...program, sums.byteOffset, scratch.byteOffset, Number(fresh))
      }
    },
    moreDriven(streams, offsets, lists, hit) {
      for (let first = 0; first < streams.passes; first += slicePasses) {
        const passes = Math.min(slicePasses, streams.passes - first)
        const turns = Math.ceil(passes / drivenPasses)
        const most = Math.min(hitRoom / hitBytes / turns, listRoom / drivenListBytes) | 0
        for (let from = 0; from < lists.length; from += 4 * most) {
          const part = lists.subarray(from, from + 4 * most)
          scratchLists.set(part)
          const call = (needsBytes(part) ? moreDriven8 : moreDriven5)!
          const [list, found] = [scratchLists.byteOffset, scratch.byteOffset]
          const end = call(
            streams.bytes.byteOffset + first,
            passes,
            offsets.byteOffset,
            list,
            list + 4 * part.length,
            found,
          )
          tell(scratch, end - found, first, hit)
        }
      }
    },
    digest(sums, columns, { stride, passes }, split, vectorSums) {
      let squares = 0n
      for (let first = 0; first < passes; first += slicePasses) {
        const count = Math.min(slicePasses, passes - first)
        const vectors = split ? count >> 1 : count
        const from = sums.byteOffset + 4 * first
        scratch.fill(0, 0, 4 + 2 * (vectors + 4))
        const call = (split ? digestSplit : digest)!
        call(from, from + 4 * stride * columns, 4 * stride, count, scratch.byteOffset + 16, scratch.byteOffset)
        squares += scratchLongs[0]! + scratchLongs[1]!
        const base = split ? first >> 1 : first
        for (let v = 0; v < vectors; v++)
          vectorSums[base + v] = vectorSums[base + v]! + (scratch[4 + 2 * v]! >>> 0) + scratch[5 + 2 * v]! * 2 ** 32
      }
      return squares
    },
    weighRows({ bytes, stride, passes }, weights, signed, into) {
      const call = (signed ? weighSigned : weighUnsigned)!
      const list = scratchLists.byteOffset
      for (let row = 0; row < weights.length; row += scratchLists.length) {
        const part = weights.subarray(row, row + scratchLists.length)
        scratchLists.set(part)
        for (let first = 0; first < passes; first += slicePasses) {
          const count = Math.min(slicePasses, passes - first)
          const from = bytes.byteOffset + row * stride + first
          call(from, stride, list, list + 4 * part.length, count, scratch.byteOffset)
          for (let p = 0; p < count; p++) into[first + p] = into[first + p]! + scratch[p]!
        }
      }
    },
  }
}

/** Whether a limit is beyond 31. */
function needsBytes(lists: Int32Array): boolean {
  for (let at = 2; at < lists.length; at += 4) if (lists[at]! > 31) return true
  return false
}

/** Bit of every plane of four passes that was found in `bytes` bytes of hits. */
function tell(hits: Int32Array, bytes: number, first: number, hit: Hit): void {
  for (let at = 0; at < bytes >> 2; at += hitBytes >> 2)
    for (let word = 0; word < 4; word++) {
      const planes = hits[at + 4 + word]!
      if (planes !== 0) hit(hits[at]!, first + hits[at + 1]! + 4 * word, planes)
    }
}
