// Words of the loop of `window-bit`, of which there is a kernel only (wasm/windows.ts); without it the loop in window.ts does the same. Rows of
// states are those of kernels/follow.ts. All addresses are bytes from the beginning of the memory.

export const windowRegister = {
  cacheFree: 0,
  loadFree: 1,
  /** moment at which the first back stage becomes free, and the address of the row of the back end's state then */
  base: 2,
  row: 3,
  /** start of the last firing of Load on the window */
  start: 4,
  /** cycles that Load was blocked */
  blocked: 5,
  /** cycles by which the window comes after `base` */
  gap: 6,
  /** mask of OUs whose symbol is asked for, and address of its entry; offset in the row of the transition that is asked for */
  mask: 7,
  offset: 8,
  /** addresses of the oldest entries of the rings of starts: of Load by window, of the first back stage by window */
  slot: 9,
  backSlot: 10,
  /** where the loop is: address of the window, of its first OU, and the pass */
  window: 11,
  ou: 12,
  pass: 13,
  /** where it goes on, see `resume` */
  at: 14,
  firstWindow: 15,
  endWindow: 16,
  firstOu: 17,
  endPass: 18,
  ring: 19,
  ringEnd: 20,
  backRing: 21,
  backRingEnd: 22,
  idle: 23,
  firstInterval: 24,
  /** planes that are left, 64 bits each: mask of OUs 0 … 7, and of 8 … 15, of plane b at bit 8 · b */
  low: 26,
  high: 28,
  /** by flag byte: 64 bits with plane b at bit 8 · b */
  spread: 30,
} as const

export const windowRegisters = windowRegister.spread + 2 * 256

/** At a window's beginning, behind its wait, or in the midst of its planes. */
export const resume = { window: 0, planes: 1, plane: 2 } as const

/** Why the loop ended: all is done; a transition, a wait or the symbol of a mask is not tabulated. */
export const windowCode = { done: 0, step: 1, wait: 2, symbol: 3 } as const

/**
 * Bytes of a window: addresses behind its last OU and behind its eighth, or last; interval and handover of Cache; interval of Load on all OUs
 * but the last, interval and handover on the last; address of the offsets in a row of the transitions by mask, −1 = not known; the OUs that can
 * fire at all, twice 64 bits like the planes.
 */
export const windowWord = {
  end: 0,
  middle: 4,
  cacheInterval: 8,
  cacheHandover: 12,
  lead: 16,
  loadInterval: 20,
  loadHandover: 24,
  offsets: 28,
  live: 32,
  liveHigh: 40,
} as const
export const windowWordBytes = 48
/** Bytes of an OU: where its flags begin. */
export const windowOuBytes = 4
