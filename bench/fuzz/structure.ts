// Mutations of decoded objects (an ONNX message, parsed JSON): the file stays readable, what it says does not stay sensible.
import { oddNumbers, oddTexts, type Random } from './mutate.js'

interface Place {
  readonly holder: Record<string, unknown>
  readonly key: string
}

/** Every value below a root, in order; bytes count as one value. */
function placesOf(root: unknown): Place[] {
  const places: Place[] = []
  const work: unknown[] = [root]
  while (work.length > 0) {
    const value = work.pop()
    if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) continue
    for (const key of Object.keys(value)) {
      const holder = value as Record<string, unknown>
      places.push({ holder, key })
      work.push(holder[key])
    }
  }
  return places
}

/** Changes one to three values in place. */
export function mutateObject(root: unknown, random: Random): void {
  for (let i = 0; i <= random.below(3); i++) {
    const places = placesOf(root)
    if (places.length === 0) return
    const { holder, key } = random.pick(places)
    const other = random.pick(places)
    holder[key] = changed(holder[key], other.holder[other.key], random)
  }
}

function changed(value: unknown, other: unknown, random: Random): unknown {
  if (typeof value === 'number') return random.below(3) === 0 ? value + random.below(3) - 1 : random.pick(oddNumbers)
  if (typeof value === 'string')
    return typeof other === 'string' && random.below(2) === 0 ? other : random.pick(oddTexts)
  if (typeof value === 'boolean') return !value
  if (ArrayBuffer.isView(value))
    return changedBytes(new Uint8Array(value.buffer, value.byteOffset, value.byteLength), random)
  if (Array.isArray(value)) return changedList(value, random)
  // A message or a 64-bit integer: another one may fit, a list never does. A copy, or a message could come to hold itself.
  const fits = typeof other === typeof value && !Array.isArray(other) && !ArrayBuffer.isView(other)
  return fits ? structuredClone(other) : value
}

function changedBytes(bytes: Uint8Array, random: Random): Uint8Array {
  const copy = bytes.slice()
  if (random.below(3) === 0) return copy.slice(0, random.below(copy.length + 1))
  for (let i = 0; i < 4 && copy.length > 0; i++) copy[random.below(copy.length)] = random.pick([0, 127, 128, 255])
  return copy
}

function changedList(list: readonly unknown[], random: Random): unknown[] {
  const copy = [...list]
  const at = random.below(copy.length + 1)
  const kind = random.below(4)
  if (kind === 0) copy.splice(at, 1)
  else if (kind === 1 && copy.length > 0) copy.splice(at, 0, structuredClone(copy[random.below(copy.length)]))
  else if (kind === 2) copy.reverse()
  else if (copy.every((value) => typeof value === 'number')) copy.splice(at, 0, random.pick(oddNumbers))
  else copy.splice(at, copy.length)
  return copy
}
