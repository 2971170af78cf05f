// Tabulated transitions with what each adds, and the sums over those that were taken.

/** Words of a transition: address of its visits; address of its symbol's sum from that of the first; cycles blocked per back stage. */
export const metWord = { visits: 0, symbol: 1, blocked: 4 } as const
/** Back stages that have room. */
export const metStages = 8
export const metBytes = 4 * (metWord.blocked + metStages)

/** Parts of a memory, as words: transitions from … to − 1, sums of visits by symbol, and the cycles blocked. */
export interface TallyParts {
  readonly from: number
  readonly to: number
  readonly times: number
  readonly blocked: number
}

/** Adds visits to `times`, and forgets them; sets `blocked`. All sums must fit int32. */
export function tallyPlain(memory: Int32Array, { from, to, times, blocked }: TallyParts): void {
  memory.fill(0, blocked, blocked + metStages)
  for (let met = from; met < to; met += metBytes / 4) {
    const at = memory[met]! / 4
    const taken = memory[at]!
    if (taken === 0) continue
    memory[at] = 0
    const symbol = times + memory[met + metWord.symbol]! / 4
    memory[symbol] = memory[symbol]! + taken
    for (let b = 0; b < metStages; b++)
      memory[blocked + b] = memory[blocked + b]! + taken * memory[met + metWord.blocked + b]!
  }
}
