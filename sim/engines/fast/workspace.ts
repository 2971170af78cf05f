// Memory of the fast engine for one layer: laid out once, used for every item.
import { allotProgram, noRoom, type Packing, programBytes, roomOf, smallRoom } from './factors.js'
import type { Arena, Kernels, Program } from './kernels/kernels.js'
import { sizeOf } from './kernels/kernels.js'
import { type Layout, layoutOf, type Room, usualRoom } from './layout.js'
import type { FastPlan } from './plan.js'

export interface Workspace {
  readonly arena: Arena
  readonly passes: number
  /** runs of array groups whose flags fit into memory together */
  readonly waves: readonly Wave[]
  /** zero flags of a wave: byte of (row list, pass) at (list − firstList) · flagStride + pass */
  readonly flags: Uint8Array
  readonly flagStride: number
  readonly matrices: readonly MatrixSpace[]
  /** sums of a block: column · stride + pass; empty without values */
  readonly sums: Int32Array
  /** the tensor of an item, if it was asked for, and how rows are copied from it (wasm/streams.ts) */
  readonly input: Uint8Array
  readonly recipe: Int32Array
  /** memory of the loops, see layout.ts */
  readonly tables: Int32Array
  readonly layout: Layout
  /** packed weights: of all OUs where `keepsProgram`, otherwise of some at a time; empty without values */
  readonly program: Program
  readonly keepsProgram: boolean
  readonly packing: Packing
}

export interface Wave {
  readonly from: number
  readonly to: number
  readonly firstList: number
  readonly endList: number
}

/** Where the activations of a matrix stand, a block of passes at a time. */
export interface MatrixSpace {
  /** row · stride + pass of the block */
  readonly bytes: Uint8Array
  readonly stride: number
  /** row · stride of every entry of the plan's row lists of this matrix: entry i of lists.rows at i − firstRow */
  readonly offsets: Int32Array
  readonly firstRow: number
}

/** What copies rows from a tensor. */
export type CopySpace = Pick<Workspace, 'arena' | 'input' | 'recipe'>

/** Words of a recipe: what needs more is copied by plain loops. */
export const recipeWords = 1 << 16

/** Bytes of a block of activations that stay in a second-level cache. */
const blockBytes = 1 << 19

/** Packed weights that stay from block to block of one item, and those that stay for several. */
const programMost = { block: 1 << 24, items: 1 << 28 }

export interface SpaceChoice {
  /** what flags and a block of activations may take; a single array group and 64 passes always fit */
  readonly memoryBytes: number
  /** sums are needed */
  readonly values: boolean
  /** that will come, at most */
  readonly items: number
  /** size of an item's tensor, 0: it is not copied into the arena */
  readonly inputBytes: number
  readonly room?: Room
}

export function createWorkspace(plan: FastPlan, passes: number, kernels: Kernels, choice: SpaceChoice): Workspace {
  const { memoryBytes, values, items, inputBytes, room = usualRoom } = choice
  const { lists, mapping } = plan
  const flagStride = oddLines(passes)
  const waves = wavesOf(plan, flagStride, memoryBytes)
  const flagBytes = waves.reduce((most, wave) => Math.max(most, (wave.endList - wave.firstList) * flagStride), 0)
  const sizes = mapping.matrices.map(({ rows, cols }, m) => {
    const most = Math.max(64, Math.floor(Math.min(blockBytes, memoryBytes) / rows / 64) * 64)
    const stride = Math.min(most, Math.ceil(passes / 64) * 64)
    const firstRow = lists.start[lists.ofMatrix[m]!]!
    return { rows, cols, stride, firstRow, entries: lists.start[lists.ofMatrix[m + 1]!]! - firstRow + 1 }
  })
  const largest = (size: (s: (typeof sizes)[number]) => number) => sizes.reduce((a, s) => Math.max(a, size(s)), 0)
  const block = largest((s) => s.rows * s.stride)
  const sums = values ? largest((s) => s.cols * s.stride) : 0
  const offsetBytes = sizes.reduce((total, s) => total + sizeOf(4 * s.entries), 0)
  const layout = layoutOf(plan, room)
  const all = roomOf(mapping)
  const most = items > 1 ? Math.min(programMost.items, memoryBytes / 2) : Math.min(programMost.block, memoryBytes / 4)
  const keepsProgram = programBytes(all) <= most
  const packed = values ? (keepsProgram ? all : smallRoom) : noRoom
  const own = sizeOf(flagBytes) + sizeOf(block) + sizeOf(4 * sums) + offsetBytes
  const loops = sizeOf(inputBytes) + sizeOf(4 * recipeWords) + sizeOf(4 * layout.end)
  const arena = kernels.arena(own + loops + programBytes(packed))
  const bytes = arena.bytes(block)
  return {
    arena,
    passes,
    waves,
    flags: arena.bytes(flagBytes),
    flagStride,
    matrices: sizes.map(({ stride, firstRow, entries }) => {
      const offsets = arena.ints(entries)
      for (let i = 0; i + 1 < entries; i++) offsets[i] = lists.rows[firstRow + i]! * stride
      return { bytes, stride, offsets, firstRow }
    }),
    sums: arena.ints(sums),
    input: arena.bytes(inputBytes),
    recipe: arena.ints(recipeWords),
    tables: arena.ints(layout.end),
    layout,
    program: allotProgram(arena, packed),
    keepsProgram,
    packing: { used: { ...noRoom }, kept: [], bundles: [] },
  }
}

/** An odd number of cache lines between the flags of two lists, so that a column of flags does not fall into one set of a cache. */
function oddLines(passes: number): number {
  return (Math.ceil(passes / 64) | 1) * 64
}

function wavesOf(plan: FastPlan, stride: number, memoryBytes: number): Wave[] {
  const found: Wave[] = []
  const { mapping, listOf } = plan
  for (const [g, group] of mapping.groups.entries()) {
    const open = found.at(-1)
    let firstList = open?.firstList ?? Number.POSITIVE_INFINITY
    let endList = open?.endList ?? 0
    let first = Number.POSITIVE_INFINITY
    let end = 0
    for (let ou = mapping.windowStart[group.firstWindow]!; ou < mapping.windowStart[group.endWindow]!; ou++) {
      first = Math.min(first, listOf[ou]!)
      end = Math.max(end, listOf[ou]! + 1)
    }
    firstList = Math.min(firstList, first)
    endList = Math.max(endList, end)
    if (open !== undefined && (endList - firstList) * stride <= memoryBytes)
      found[found.length - 1] = { from: open.from, to: g + 1, firstList, endList }
    else found.push({ from: g, to: g + 1, firstList: first, endList: end })
  }
  return found
}
