// Large layers leave hundreds of megabytes behind. The JavaScript engine collects them when it likes, which may be after the next layer has
// taken as much again: where memory is capped, they are collected before.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** What the process took after the last collection. */
let before = 0

/** Collects what nobody uses when the process takes more than half of the memory that it may, and clearly more than after the last time. */
export async function relieve(memoryBytes: number): Promise<void> {
  // A turn of the event loop, so that what was read weakly can go.
  await new Promise((resolve) => setImmediate(resolve))
  const now = process.memoryUsage.rss()
  if (now <= memoryBytes / 2 || now <= before + memoryBytes / 8) return
  collect()
  before = process.memoryUsage.rss()
}

function collect(): void {
  // The only way to ask for a collection from inside: the function exists in contexts that are made after the flag is set.
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  gc()
}
