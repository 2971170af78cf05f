// Where the items of a network come from: any number of them, fetched one at a time and more than once.
import type { InputItem } from './session.js'

export interface InputSource {
  readonly count: number
  /** items that there are, of which `count` are taken */
  readonly total: number
  /** @throws SpecError naming file and item */
  item(index: number): Promise<InputItem>
  /** indices of the network's first output that count as right for an item; null: not known */
  labels(index: number): readonly number[] | null
  close(): void
}

/** Items that are in memory already. */
export function inputsOf(items: readonly InputItem[]): InputSource {
  return {
    count: items.length,
    total: items.length,
    item: async (index) => items[index]!,
    labels: () => null,
    close() {},
  }
}
