// Activations of a trace in shared memory: layers under way that are fed by the same tensor share it, and memory that no layer uses any more is
// taken for the next tensor, so that there is never more of it than layers under way need.
import type { CodedTensor } from '../models/nn/types.js'
import type { Memory } from '../traces/store/trace-codes.js'

export interface TensorStore {
  /**
   * @param read puts the tensor with this name into memory that it asks for, once; only called when nobody left it here
   * @returns undefined when there is no such tensor
   */
  take(name: string, read: Read): readonly CodedTensor[] | undefined
  /** One who took it does not need it any more. */
  release(name: string): void
  /** From now on a name means another tensor. */
  forget(): void
}

export type Read = (name: string, memory: Memory) => readonly CodedTensor[] | undefined

interface Slot {
  readonly memory: Uint8Array
  name: string | null
  tensors: readonly CodedTensor[]
  users: number
}

export function createTensorStore(): TensorStore {
  const slots: Slot[] = []

  /** Of those that nobody uses the smallest that is large enough; otherwise a new one instead of the largest. */
  function slotFor(bytes: number): Slot {
    const free = slots.filter(({ users }) => users === 0).sort((a, b) => a.memory.length - b.memory.length)
    const found = free.find(({ memory }) => memory.length >= bytes)
    if (found !== undefined) return found
    const largest = free.at(-1)
    if (largest !== undefined) slots.splice(slots.indexOf(largest), 1)
    const slot = { memory: new Uint8Array(new SharedArrayBuffer(bytes)), name: null, tensors: [], users: 0 }
    slots.push(slot)
    return slot
  }

  return {
    take(name, read) {
      let slot = slots.find((entry) => entry.name === name)
      if (slot === undefined) {
        const tensors = read(name, (bytes) => {
          slot = slotFor(bytes)
          slot.name = null
          return slot.memory.subarray(0, bytes)
        })
        if (slot === undefined || tensors === undefined) return undefined
        Object.assign(slot, { name, tensors })
      }
      slot.users++
      return slot.tensors
    },
    release(name) {
      const slot = slots.find((entry) => entry.name === name)
      if (slot !== undefined) slot.users--
    },
    forget() {
      for (const slot of slots) slot.name = null
    },
  }
}
