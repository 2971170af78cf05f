// `npm run fuzz -- [--seconds N] [--cases N] [--seed TEXT] [--from I] [--only I]`: changed files through the doors that the command line
// uses. Every case must end in a typed refusal or a right result. A crash, more than 10 s or more than 2 GiB are failures too; failing
// cases are kept in reports/fuzz.
import { type ChildProcess, fork } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { packageRoot } from '../../models/base/paths.js'
import { writeCase } from './case.js'
import { caseOf } from './cases.js'
import type { Finished, Started } from './child.js'
import { makeCorpus } from './corpus.js'

const longestMs = 10_000
const mostBytes = 2 ** 31
/** Cases of one process: what leaks is not mistaken for what a case needs. */
const casesPerChild = 2000

interface Failure {
  readonly index: number
  readonly kind: string
  readonly reason: string
}

const { values } = parseArgs({
  options: {
    seconds: { type: 'string' },
    cases: { type: 'string' },
    seed: { type: 'string', default: '1' },
    from: { type: 'string', default: '0' },
    only: { type: 'string' },
  },
})
const { seed } = values
const first = Number(values.only ?? values.from)
const cases = values.only === undefined ? Number(values.cases ?? Number.MAX_SAFE_INTEGER) : 1
const seconds = Number(
  values.seconds ?? (values.cases === undefined && values.only === undefined ? 60 : Number.MAX_SAFE_INTEGER),
)
if (![first, cases, seconds].every((value) => value >= 0))
  throw new Error('--seconds, --cases, --from and --only are whole numbers')

const started = Date.now()
const counts = new Map<string, number>()
const kinds = new Map<string, number>()
const failures: Failure[] = []
let done = 0
let slowest = 0

const over = () => done >= cases || Date.now() - started > seconds * 1000
while (!over()) await runChild(first + done, Math.min(first + cases, first + done + casesPerChild))
await report()

/** Runs cases from `from` on, until one fails, the end or the time is reached. */
function runChild(from: number, end: number): Promise<void> {
  const file = fileURLToPath(new URL('./child.js', import.meta.url))
  const args = [seed, String(from), String(end)]
  const child = fork(file, args, {
    execArgv: ['--max-old-space-size=1024'],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  return new Promise((resolve) => {
    let current: Started | null = null
    let since = Date.now()
    let stopped = ''
    let stderr = ''
    child.stderr!.on('data', (data: Buffer) => {
      stderr = (stderr + data.toString()).slice(-4000)
    })
    const stop = (why: string) => {
      stopped = why
      child.kill('SIGKILL')
    }
    const watch = setInterval(() => {
      if (current !== null && Date.now() - since > longestMs) stop(`no end after ${longestMs / 1000} s`)
      const bytes = residentBytes(child)
      if (current !== null && bytes > mostBytes) stop(`${(bytes / 2 ** 30).toFixed(1)} GiB of memory`)
    }, 100)
    child.on('message', (message: Started | Finished) => {
      since = Date.now()
      if ('started' in message) {
        current = message
        return
      }
      current = null
      settle(message)
      if (over()) stop('over')
    })
    child.on('exit', (code, signal) => {
      clearInterval(watch)
      if (current !== null && stopped !== 'over') {
        const reason = stopped === '' ? `the process ended (${signal ?? code})\n${stderr}` : stopped
        count('failed', current.kind)
        failures.push({ index: current.started, kind: current.kind, reason })
      } else if (current === null && code !== 0 && stopped === '') throw new Error(`no case could be run:\n${stderr}`)
      resolve()
    })
  })
}

function settle(message: Finished): void {
  slowest = Math.max(slowest, message.milliseconds)
  count(message.outcome, message.kind)
  if (message.outcome === 'failed')
    failures.push({ index: message.finished, kind: message.kind, reason: message.reason })
}

function count(outcome: string, kind: string): void {
  done++
  counts.set(outcome, (counts.get(outcome) ?? 0) + 1)
  kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
}

/** 0 where the system does not tell. */
function residentBytes(child: ChildProcess): number {
  try {
    return Number(readFileSync(`/proc/${child.pid}/statm`, 'utf8').split(' ')[1]) * 4096
  } catch {
    return 0
  }
}

async function report(): Promise<void> {
  const say = (text: string) => process.stdout.write(`${text}\n`)
  const total = ((Date.now() - started) / 1000).toFixed(1)
  say(
    `${done} cases from seed ${seed} in ${total} s: ${counts.get('accepted') ?? 0} accepted, ${counts.get('refused') ?? 0} refused, ${failures.length} failed; slowest ${slowest.toFixed(0)} ms`,
  )
  for (const [kind, n] of [...kinds].sort()) say(`  ${String(n).padStart(6)}  ${kind}`)
  if (failures.length === 0) return
  const folder = mkdtempSync(join(tmpdir(), 'cimulator-fuzz-'))
  const corpus = await makeCorpus(folder)
  rmSync(folder, { recursive: true })
  for (const { index, kind, reason } of failures) {
    const place = join(packageRoot(), 'reports', 'fuzz', `${seed}-${index}`)
    writeCase(caseOf(corpus, seed, index), place)
    say(`\ncase ${index} (${kind}), kept in ${place}; again: npm run fuzz -- --seed ${seed} --only ${index}\n${reason}`)
  }
  process.exitCode = 1
}
