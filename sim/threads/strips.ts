// Strips searched in this thread or in a pool: jobs are plain data, and what is found does not depend on who found it.
import { join } from 'node:path'
import { Piscina } from 'piscina'
import { Interrupted } from '../../models/base/errors.js'
import { packageRoot } from '../../models/base/paths.js'
import { type StripFound, type StripJob, searchStrip } from '../../models/mapping/search.js'

export interface SearchPool {
  /**
   * @param onDone number of jobs that are done
   * @returns what was found, in the order of the jobs
   */
  run(jobs: readonly StripJob[], onDone?: (done: number) => void): Promise<StripFound[]>
  close(): Promise<void>
}

/** Jobs that a thread takes at once: searches of some strips last less than a message. */
const together = 8

/** @param signal ends the search with Interrupted */
export function searchPool(threads: number, signal: AbortSignal | null = null): SearchPool {
  return threads === 1 ? inThisThread(signal) : inPool(threads, signal)
}

function inThisThread(signal: AbortSignal | null): SearchPool {
  return {
    async run(jobs, onDone) {
      const found: StripFound[] = []
      for (const job of jobs) {
        found.push(searchStrip(job))
        onDone?.(found.length)
        await new Promise((resolve) => setImmediate(resolve))
        if (signal?.aborted === true) throw new Interrupted('interrupted')
      }
      return found
    },
    close: async () => {},
  }
}

function inPool(threads: number, signal: AbortSignal | null): SearchPool {
  const filename = join(packageRoot(), 'dist', 'sim', 'threads', 'strip-worker.js')
  let made: Piscina<readonly StripJob[], StripFound[]> | null = null
  const here = inThisThread(signal)
  const stop = () => void made?.destroy()
  signal?.addEventListener('abort', stop, { once: true })
  return {
    async run(jobs, onDone) {
      // Few strips are found before a thread has started.
      if (jobs.length <= together) return here.run(jobs, onDone)
      made ??= new Piscina({ filename, minThreads: threads, maxThreads: threads })
      const pool = made
      let done = 0
      const parts: Promise<StripFound[]>[] = []
      for (let first = 0; first < jobs.length; first += together) {
        const part = pool.run(jobs.slice(first, first + together)).then((found) => {
          done += found.length
          onDone?.(done)
          return found
        })
        parts.push(part)
      }
      const found = await Promise.all(parts).catch((cause: Error) => {
        throw signal?.aborted === true ? new Interrupted('interrupted') : cause
      })
      return found.flat()
    },
    async close() {
      signal?.removeEventListener('abort', stop)
      await made?.destroy()
    },
  }
}
