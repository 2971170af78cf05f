// npm run verify:long [-- --cases N] [-- --slice N] [-- --seed S] [-- --processes N] [-- --fresh]: the laws of test/laws/fast.test.ts on very
// many random machines, in slices of a seed each. A slice that is done is written down (reports/verify-long.json), so an interrupted run goes
// on where it was, as long as sources, slice and first seed are the same. The first slice that fails ends it and prints how to bring it back.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs, stripVTControlCharacters } from 'node:util'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const stateFile = join(root, 'reports', 'verify-long.json')
const tests = 'test/laws/fast.test.ts'

const { values: flags } = parseArgs({
  options: {
    cases: { type: 'string', default: '100000' },
    slice: { type: 'string', default: '2000' },
    seed: { type: 'string', default: '1' },
    processes: { type: 'string', default: '2' },
    fresh: { type: 'boolean', default: false },
  },
})
const [cases, slice, seed, processes] = ['cases', 'slice', 'seed', 'processes'].map((name) => whole(name))
const slices = Math.ceil(cases / slice)
const state = { sources: sourcesHash(), slice, seed, done: {} }
if (!flags.fresh) resume()
const left = Array.from({ length: slices }, (_, i) => seed + i).filter((s) => state.done[s] === undefined)
const before = slices - left.length
if (before > 0) say(`${before} of ${slices} slices were done before (--fresh starts again)`)

const folder = mkdtempSync(join(tmpdir(), 'cimulator-long-'))
const started = Date.now()
const running = new Set()
let failed = false
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    failed = true
    for (const child of running) child.kill()
    say('interrupted; the same command goes on from here')
    process.exitCode = 130
  })
}
await Promise.all(Array.from({ length: Math.min(processes, left.length) }, worker))
rmSync(folder, { recursive: true, force: true })
if (!failed) {
  const all = Object.values(state.done)
  const sum = (f) => all.reduce((total, entry) => total + f(entry), 0)
  say(
    `all laws hold: ${slices} slices, seeds ${seed} … ${seed + slices - 1}, ${slices * slice} random machines a law, ${sum((e) => e.checks)} checks, ${(sum((e) => e.seconds) / 60).toFixed(0)} process minutes`,
  )
}

async function worker() {
  while (left.length > 0 && !failed) {
    const own = left.shift()
    const from = Date.now()
    const { laws, output } = await run(own)
    if (failed) return
    if (laws === null) {
      failed = true
      process.exitCode = 1
      for (const child of running) child.kill()
      say(`seed ${own} FAILS:\n${output}`)
      say(`again, with the smallest case: CIMULATOR_SEED=${own} CIMULATOR_CASES=${slice} npx vitest run ${tests}`)
      return
    }
    const seconds = (Date.now() - from) / 1000
    state.done[own] = { laws: laws.length, checks: laws.reduce((total, law) => total + law.checks, 0), seconds }
    save()
    const done = Object.keys(state.done).length
    const minutes = ((Date.now() - started) / 60_000 / (done - before)) * (slices - done)
    say(
      `seed ${own}: ${laws.length} laws hold on ${slice} machines, ${seconds.toFixed(0)} s; ${done} of ${slices} slices, about ${minutes.toFixed(0)} min left`,
    )
  }
}

/** One slice in a process of its own. */
function run(own) {
  const report = join(folder, `${own}.json`)
  const vitest = join(root, 'node_modules/vitest/vitest.mjs')
  const args = [vitest, 'run', tests, '--reporter=json', `--outputFile=${report}`, '--testTimeout=7200000']
  const env = {
    ...process.env,
    CIMULATOR_CASES: `${slice}`,
    CIMULATOR_SEED: `${own}`,
    CIMULATOR_QUICK: '1',
    CI: 'true',
  }
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] })
    running.add(child)
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += data))
    child.on('close', (code) => {
      running.delete(child)
      const found = code === 0 ? lawsOf(report) : null
      resolve({ laws: found, output: `${failures(report)}${stripVTControlCharacters(output)}`.slice(0, 20_000) })
    })
  })
}

/** The laws that passed and how often each was checked; null unless all did. */
function lawsOf(report) {
  const results = JSON.parse(readFileSync(report, 'utf8')).testResults.flatMap((file) => file.assertionResults)
  if (results.length === 0 || results.some(({ status }) => status !== 'passed')) return null
  // The law of the dense baselines takes 400 cases at most: each is a full simulation of up to 40 vectors.
  return results.map(({ title }) => ({ title, checks: /dense baselines/.test(title) ? Math.min(slice, 400) : slice }))
}

function failures(report) {
  try {
    const results = JSON.parse(readFileSync(report, 'utf8')).testResults.flatMap((file) => file.assertionResults)
    const wrong = results.filter(({ status }) => status === 'failed')
    return wrong.map(({ fullName, failureMessages }) => `${fullName}\n${failureMessages.join('\n')}\n`).join('\n')
  } catch {
    return ''
  }
}

function resume() {
  try {
    const old = JSON.parse(readFileSync(stateFile, 'utf8'))
    if (['sources', 'slice', 'seed'].every((key) => old[key] === state[key])) state.done = old.done
  } catch {
    // Nothing there to go on from.
  }
  for (const own of Object.keys(state.done)) if (Number(own) >= seed + slices) delete state.done[own]
}

function save() {
  mkdirSync(dirname(stateFile), { recursive: true })
  writeFileSync(stateFile, `${JSON.stringify(state, null, 2)}\n`)
}

/** Of everything that the laws run. */
function sourcesHash() {
  const hash = createHash('sha256')
  for (const name of ['models', 'traces', 'sim', 'test/helpers', tests]) {
    const entries = name.endsWith('.ts') ? [''] : readdirSync(join(root, name), { recursive: true }).sort()
    for (const entry of entries)
      if (`${name}${entry}`.endsWith('.ts')) hash.update(entry).update(readFileSync(join(root, name, entry)))
  }
  return hash.digest('hex')
}

function whole(name) {
  const value = Number(flags[name])
  if (!Number.isSafeInteger(value) || value < 1 || value > 2 ** 30)
    throw new Error(`--${name} ${flags[name]}: expected a whole number of at least 1`)
  return value
}

function say(text) {
  process.stdout.write(`verify:long: ${text}\n`)
}
