// Plain data that goes to other threads: large arrays lie in shared memory, so that a message carries a reference and no copy.

/** Arrays below this many bytes are cheaper to copy with the message. */
const smallest = 4096

type Arrays = Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array | Float32Array | Float64Array

/** The same data with its large typed arrays in shared memory; what occurs twice is shared once. Objects are copied; functions are not allowed. */
export function shared<T>(value: T): T {
  return share(value, new Map()) as T
}

function share(value: unknown, done: Map<object, unknown>): unknown {
  if (typeof value !== 'object' || value === null) return value
  const known = done.get(value)
  if (known !== undefined) return known
  const copy = ArrayBuffer.isView(value)
    ? shareArray(value as Arrays)
    : Array.isArray(value)
      ? value.map((entry) => share(entry, done))
      : Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, share(entry, done)]))
  done.set(value, copy)
  return copy
}

function shareArray(array: Arrays): Arrays {
  if (array.byteLength < smallest || array.buffer instanceof SharedArrayBuffer) return array
  const copy = new Uint8Array(new SharedArrayBuffer(array.byteLength))
  copy.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength))
  const make = array.constructor as new (buffer: SharedArrayBuffer) => Arrays
  return new make(copy.buffer)
}
