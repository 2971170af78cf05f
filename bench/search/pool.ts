// Strips searched by worker threads: the jobs are plain data, and the results do not depend on who found them.
import { join } from 'node:path'
import { Piscina } from 'piscina'
import { packageRoot } from '../../models/base/paths.js'
import { type StripFound, type StripJob, searchStrip } from '../../models/mapping/search.js'

export interface SearchPool {
  run(jobs: readonly StripJob[]): Promise<StripFound[]>
  close(): Promise<void>
}

/** Jobs that a thread takes at once: searches of some strips last less than a message. */
const batch = 8

export function searchPool(threads: number): SearchPool {
  if (threads === 1) return { run: async (jobs) => jobs.map((job) => searchStrip(job)), close: async () => {} }
  const filename = join(packageRoot(), 'dist', 'bench', 'search', 'worker.js')
  const pool = new Piscina<readonly StripJob[], StripFound[]>({ filename, minThreads: threads, maxThreads: threads })
  return {
    async run(jobs) {
      const parts: Promise<StripFound[]>[] = []
      for (let first = 0; first < jobs.length; first += batch) parts.push(pool.run(jobs.slice(first, first + batch)))
      return (await Promise.all(parts)).flat()
    },
    close: () => pool.close(),
  }
}
