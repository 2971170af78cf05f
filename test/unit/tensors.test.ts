// Tensors in memory that is used again: whoever has one finds in it what was read, and memory is no more than what is in use at a time needs.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { CodedTensor } from '../../models/nn/types.js'
import { createTensorStore, type Read } from '../../sim/tensors.js'

const names = ['a', 'b', 'c', 'd', 'e']

it('holds what was read until it is released, reads a tensor once, and takes memory again', () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: names.length, maxLength: names.length })
  const steps = fc.array(fc.tuple(fc.constantFrom(...names), fc.boolean()), { maxLength: 60 })
  fc.assert(
    fc.property(sizes, steps, (bytes, list) => {
      const store = createTensorStore()
      const inUse = new Map<string, (readonly CodedTensor[])[]>()
      const buffers = new Map<object, number>()
      let reads = 0
      let most = 0
      const read: Read = (name, memory) => {
        reads++
        const i = names.indexOf(name)
        const codes = memory(bytes[i]!)
        buffers.set(codes.buffer, codes.buffer.byteLength)
        return [{ form: 'unsigned', shape: [codes.length], scale: 1, zeroPoint: 0, codes: codes.fill(i + 1) }]
      }
      for (const [name, takes] of list) {
        const own = inUse.get(name) ?? []
        if (takes) {
          const before = reads
          own.push(store.take(name, read)!)
          if (own.length > 1) expect(reads).toBe(before)
        } else if (own.pop() !== undefined) store.release(name)
        inUse.set(name, own)
        most = Math.max(most, [...inUse.values()].filter((users) => users.length > 0).length)
        for (const [used, users] of inUse)
          for (const [tensor] of users) {
            const i = names.indexOf(used)
            expect(Array.from(tensor!.codes)).toEqual(Array(bytes[i]).fill(i + 1))
            expect(tensor!.codes.buffer).toBeInstanceOf(SharedArrayBuffer)
          }
      }
      const held = [...inUse.values()].flat().map(([tensor]) => tensor!.codes.buffer)
      expect(new Set(held).size).toBeLessThanOrEqual(most)
    }),
  )
})

it('of tensors that follow one another takes one memory, as large as the largest', () => {
  const store = createTensorStore()
  const seen = new Set<object>()
  const read =
    (bytes: number): Read =>
    (_, memory) => {
      const codes = memory(bytes)
      seen.add(codes.buffer)
      return [{ form: 'unsigned', shape: [bytes], scale: 1, zeroPoint: 0, codes }]
    }
  for (const [i, bytes] of [90, 30, 90, 60].entries()) {
    expect(store.take(`t${i}`, read(bytes))![0]!.codes).toHaveLength(bytes)
    store.release(`t${i}`)
  }
  expect(seen.size).toBe(1)
  // Left where it is, the last one need not be read again, until its name means something else.
  const fails: Read = () => {
    throw new Error('read again')
  }
  expect(store.take('t3', fails)).toHaveLength(1)
  store.release('t3')
  store.forget()
  expect(() => store.take('t3', fails)).toThrow('read again')
  expect(store.take('nothing', () => undefined)).toBeUndefined()
})
