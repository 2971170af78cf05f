// The process that runs cases of the fuzzer, one after the other; its parent watches over time, memory and death.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ModelError, SpecError } from '../../models/base/errors.js'
import { writeCase } from './case.js'
import { caseOf } from './cases.js'
import { makeCorpus } from './corpus.js'

export interface Started {
  readonly started: number
  readonly kind: string
}

export interface Finished {
  readonly finished: number
  readonly kind: string
  readonly outcome: 'accepted' | 'refused' | 'failed'
  /** what went wrong, for failures */
  readonly reason: string
  readonly milliseconds: number
}

const [seed = '1', first = '0', end = '0'] = process.argv.slice(2)
const folder = mkdtempSync(join(tmpdir(), 'cimulator-fuzz-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

/** Resolves when the parent has it: what a case does to this process must not lose the message. */
function send(message: Started | Finished): Promise<void> {
  return new Promise((resolve, reject) => {
    process.send!(message, (cause: Error | null) => (cause === null ? resolve() : reject(cause)))
  })
}

const corpus = await makeCorpus(join(folder, 'corpus'))
for (let index = Number(first); index < Number(end); index++) {
  const chosen = caseOf(corpus, seed, index)
  const { kind } = chosen
  await send({ started: index, kind })
  const place = join(folder, 'case')
  writeCase(chosen, place)
  const begin = performance.now()
  const { outcome, reason } = await chosen.run(place).then(
    () => ({ outcome: 'accepted' as const, reason: '' }),
    (cause: unknown) => {
      if (cause instanceof SpecError || cause instanceof ModelError) return { outcome: 'refused' as const, reason: '' }
      return {
        outcome: 'failed' as const,
        reason: cause instanceof Error ? (cause.stack ?? cause.message) : String(cause),
      }
    },
  )
  rmSync(place, { recursive: true })
  await send({ finished: index, kind, outcome, reason, milliseconds: performance.now() - begin })
}
process.disconnect()
