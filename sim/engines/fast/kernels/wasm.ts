// The kernels in WebAssembly SIMD. An arena is a memory of fixed size: it never grows, so its arrays never move.
import { SimFault } from '../../../../models/base/errors.js'
import { countPasses, functions, orPasses, productOutputs } from '../wasm/functions.js'
import { assemble } from '../wasm/module.js'
import { type Arena, type Factors, type Kernels, type Streams, sizeOf } from './kernels.js'

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

function compile(): object | null {
  if (typeof WebAssembly !== 'object') return null
  const bytes = assemble(functions)
  return WebAssembly.validate(bytes) ? new WebAssembly.Module(bytes) : null
}

/** Whether this machine runs the kernels: its WebAssembly knows SIMD. */
export function available(): boolean {
  if (compiled === undefined) compiled = compile()
  return compiled !== null
}

export const wasm: Kernels = { name: 'wasm', arena: createArena }

/** Weights that one call of `product` takes, packed: rows beyond it come with the next call. */
const packedWeights = 1 << 16

function createArena(bytes: number): Arena {
  const wanted = sizeOf(bytes) + sizeOf(2 * packedWeights) + 64
  if (wanted > largestArena) throw new SimFault(`an arena of ${wanted} bytes; at most ${largestArena} have an address`)
  const pages = Math.ceil(wanted / pageBytes)
  if (compiled === undefined) compiled = compile()
  if (compiled === null) throw new SimFault('WebAssembly without SIMD; `available` says so')
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages })
  const { exports } = new WebAssembly.Instance(compiled, { memory: { pages: memory } })
  const { orRows, countBits, follow, windows, productSigned, productUnsigned } = exports as Readonly<
    Record<string, Call>
  >
  const { buffer } = memory
  let used = 64
  const take = (length: number): number => {
    const at = used
    used += sizeOf(length)
    if (used > buffer.byteLength) throw new SimFault(`an arena of ${bytes} bytes was asked for ${used}`)
    return at
  }
  const packed = new Int16Array(buffer, take(2 * packedWeights), packedWeights)
  return {
    bytes: (length) => new Uint8Array(buffer, take(length), length),
    ints: (length) => new Int32Array(buffer, take(4 * length), length),
    orRows(streams, offsets, from, to, into, at) {
      const target = into.byteOffset + at
      const end = target + Math.ceil(streams.passes / orPasses) * orPasses
      const list = offsets.byteOffset
      orRows!(streams.bytes.byteOffset, list + 4 * from, list + 4 * to, target, end)
    },
    windows: (memory, flags) => windows!(memory.byteOffset, flags.byteOffset),
    follow: (memory, flags) => follow!(memory.byteOffset, flags.byteOffset),
    countBits(streams, row, mask) {
      const from = streams.bytes.byteOffset + row * streams.stride
      return countBits!(from, from + Math.ceil(streams.passes / countPasses) * countPasses, mask)
    },
    product(streams, factors, sums) {
      const call = (factors.signed ? productSigned : productUnsigned)!
      const most = packedWeights / productOutputs
      for (let from = factors.from; from < factors.to; from += most) {
        const to = Math.min(factors.to, from + most)
        for (let c = factors.firstColumn; c < factors.endColumn; c += productOutputs)
          multiply(call, packed, streams, factors, from, to, c, sums)
      }
    },
  }
}

type Call = (...args: number[]) => number

/** Rows from … to − 1 by the (at most) four columns from `first` on. */
function multiply(
  call: Call,
  packed: Int16Array,
  { bytes, stride, passes }: Streams,
  { offsets, rows, columns, targets, endColumn, e, cols }: Factors,
  from: number,
  to: number,
  first: number,
  sums: Int32Array,
): void {
  const width = Math.min(productOutputs, endColumn - first)
  let at = 0
  for (let i = from; i < to; i += 2) {
    const row = rows[i]! * cols
    // The last of an odd number of rows gets a partner without weights.
    const next = i + 1 < to ? rows[i + 1]! * cols : -1
    for (let k = 0; k < productOutputs; k++) {
      const column = k < width ? columns[first + k]! : -1
      packed[at++] = column < 0 ? 0 : e[row + column]!
      packed[at++] = column < 0 || next < 0 ? 0 : e[next + column]!
    }
  }
  const list = offsets.byteOffset
  const target = (k: number) => sums.byteOffset + 4 * stride * targets[first + (k < width ? k : 0)]!
  // A missing column has the address of the first and no weights: the kernel stores the first one last.
  call(
    bytes.byteOffset,
    list + 4 * from,
    list + 4 * (from + 2 * Math.ceil((to - from) / 2)),
    packed.byteOffset,
    passes,
    target(0),
    target(1),
    target(2),
    target(3),
  )
}
