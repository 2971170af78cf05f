// Where everything lies in the memory of the loops of kernels/follow.ts and kernels/windows.ts, in words.
import { ouBytes, registers, windowBytes } from './kernels/follow.js'
import { metStages } from './kernels/tally.js'
import { windowOuBytes, windowRegisters, windowWordBytes } from './kernels/windows.js'
import type { FastPlan } from './plan.js'

/**
 * Words for rows of states, for states after waits, and for transitions by mask of the OUs of a window; symbols for which a row has room at first
 * (`window-bit`, where they become known one by one: with more of them all rows begin anew, wider).
 */
export interface Room {
  readonly rows: number
  readonly waits: number
  readonly masks: number
  readonly symbols: number
}

/** Far more than real layers need, some hundred states of some 30 words; what is not touched takes no memory. */
export const usualRoom: Room = { rows: 1 << 17, waits: 1 << 15, masks: 1 << 15, symbols: 16 }

/** Symbols that have room. */
const mostSymbols = 4096

export interface Layout {
  /** symbols for which a row has room at first */
  readonly symbols: number
  /** ring of the starts of Load by window, and (`window-bit`) of the first back stage by window */
  readonly ring: number
  readonly backRing: number
  readonly windows: number
  readonly ous: number
  readonly masks: number
  readonly rows: number
  readonly waits: number
  /** sums of kernels/tally.ts, and the transitions that they are over */
  readonly blocked: number
  readonly times: number
  readonly met: number
  readonly end: number
}

export function layoutOf({ spec, mapping }: FastPlan, room: Room): Layout {
  const { cache, load } = spec.timing
  const merges = spec.order === 'window-bit'
  const ring = merges ? windowRegisters : registers
  const backRing = ring + cache.queue + cache.depth
  // Words of 64 bits stand at even places.
  const windows = 2 * Math.ceil((backRing + (merges ? load.queue + load.depth : 0)) / 2)
  const ous = windows + (mapping.windows * (merges ? windowWordBytes : windowBytes)) / 4
  const masks = ous + (mapping.ous * (merges ? windowOuBytes : ouBytes)) / 4
  const rows = masks + (merges ? room.masks : 0)
  const waits = rows + room.rows
  const blocked = waits + room.waits
  const times = blocked + metStages
  const met = times + mostSymbols
  // Twelve words a transition, where a row has three.
  const end = met + 4 * room.rows
  const { symbols } = room
  return { symbols, ring, backRing, windows, ous, masks, rows, waits, blocked, times, met, end }
}
