// A Parquet table of a run directory that somebody else may have written. The library trusts what a file says about itself: a run length
// keeps it busy for hours, a count fills the memory, an error in one column goes unhandled. So it runs in a thread of its own that is ended.
import { Worker } from 'node:worker_threads'
import { SpecError } from '../../models/base/errors.js'

/** rows of a table, and megabytes of the thread's heap */
const mostRows = 2 ** 22
const heapMb = 512

/** Runs from a text, so that it needs no file of the build; as a script and as a module alike. */
const program = `
import('node:worker_threads').then(async ({ parentPort, workerData }) => {
  const { parquetMetadata, parquetReadObjects } = await import(workerData.library)
  const file = workerData.bytes
  const { num_rows, row_groups } = parquetMetadata(file)
  const rows = Number(num_rows)
  if (!(rows >= 0 && rows <= workerData.mostRows)) throw new Error(rows + ' rows')
  for (const { columns } of row_groups)
    for (const { meta_data } of columns)
      if (meta_data === undefined || Number(meta_data.num_values) > rows) throw new Error('a column of more values than rows')
  parentPort.postMessage(await parquetReadObjects({ file }))
})
`

/**
 * @param what file, for messages
 * @param longestMs time that it may take; a table of a run takes milliseconds
 * @throws SpecError when it is no Parquet table, or one that takes more time or memory than a table of a run
 */
export async function readParquet(
  bytes: Uint8Array,
  what: string,
  longestMs = 5000,
): Promise<Record<string, unknown>[]> {
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer
  const worker = new Worker(program, {
    eval: true,
    // What this process was started with (--input-type=module) is not for the text above.
    execArgv: [],
    workerData: { bytes: file, library: import.meta.resolve('hyparquet'), mostRows },
    resourceLimits: { maxOldGenerationSizeMb: heapMb },
    stderr: true,
  })
  let timer: NodeJS.Timeout | undefined
  try {
    return await new Promise((resolve, reject) => {
      const refuse = (why: string) => reject(new SpecError(`${what} is not readable (${why})`))
      timer = setTimeout(() => refuse(`no end after ${longestMs / 1000} s`), longestMs)
      worker.once('message', resolve)
      worker.once('error', (cause: Error) => refuse(cause.message))
      worker.once('exit', () => refuse('its reader ended'))
    })
  } finally {
    clearTimeout(timer)
    await worker.terminate()
  }
}
