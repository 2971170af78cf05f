// Bytes that are read by position: a file, or memory. Reads are synchronous, so that nothing is under way when the process ends.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { SpecError } from '../../models/base/errors.js'

export interface ByteSource {
  /** file (and entry), for messages */
  readonly name: string
  readonly length: number
  /**
   * Exactly `count` bytes from `at`.
   * @param into what they are put into if they must be copied; of a source in memory they are not. Absent: memory of their own
   * @throws SpecError when they lie outside
   */
  read(at: number, count: number, into?: Uint8Array): Uint8Array
  close(): void
}

export function memorySource(bytes: Uint8Array, name: string): ByteSource {
  return {
    name,
    length: bytes.length,
    read(at, count) {
      checkRange(name, bytes.length, at, count)
      return bytes.subarray(at, at + count)
    },
    close() {},
  }
}

/** @param what the file holds, and what to do when it cannot be read, for messages: ['inputs', 'give a .npy file'] */
export function fileSource(file: string, [what, advice]: readonly [string, string]): ByteSource {
  let descriptor = -1
  let length: number
  try {
    descriptor = openSync(file, 'r')
    const state = fstatSync(descriptor)
    if (!state.isFile()) throw Object.assign(new Error('no file'), { code: 'EISDIR' })
    length = state.size
  } catch (cause) {
    if (descriptor >= 0) closeSync(descriptor)
    const { code, message } = cause as NodeJS.ErrnoException
    throw new SpecError(`${file}: cannot read the ${what} (${code ?? message}); ${advice}`)
  }
  let open = true
  return {
    name: file,
    length,
    read(at, count, into) {
      checkRange(file, length, at, count)
      const bytes = into?.subarray(0, count) ?? new Uint8Array(count)
      let done = 0
      while (done < count) {
        // One call reads at most 2^31 − 1 bytes.
        const got = readSync(descriptor, bytes, done, Math.min(count - done, 2 ** 30), at + done)
        if (got === 0) throw new SpecError(`${file}: became shorter while it was read`)
        done += got
      }
      return bytes
    },
    close() {
      if (open) closeSync(descriptor)
      open = false
    },
  }
}

function checkRange(name: string, length: number, at: number, count: number): void {
  if (at < 0 || count < 0 || at + count > length)
    throw new SpecError(
      `${name}: bytes ${at} … ${at + count - 1} lie outside its ${length} bytes; is the file cut off?`,
    )
}
