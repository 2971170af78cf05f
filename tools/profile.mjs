// npm run profile -- [cpu|flame|doctor|heap] [bench NAME | run ARGUMENTS …]: profiles a benchmark or a run of the command line on built files
// (default: cpu, of a run of the embedded network in one thread). `cpu` is Node's own profiler: its file opens in Chrome DevTools and speedscope,
// and where the time went is printed; the others are clinic's. Results go to .clinic/profiles.
import { spawn, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const limitMs = 5 * 60_000
const tools = { flame: 'flame', doctor: 'doctor', heap: 'heapprofiler' }

const given = process.argv.slice(2)
const kind = given[0] === 'cpu' || given[0] in tools ? given.shift() : 'cpu'
const [what = 'run', ...rest] = given
if (what !== 'run' && what !== 'bench')
  fail(`"${what}" is neither a profile (cpu, ${Object.keys(tools).join(', ')}) nor bench or run`)

// A fresh folder: clinic refuses to start beside the trace files of an interrupted run.
const scratch = mkdtempSync(join(tmpdir(), 'cimulator-profile-'))
try {
  await run()
  const out = join(root, '.clinic', 'profiles', `${new Date().toISOString().replace(/[:.]/g, '-')}-${commit()}-${kind}`)
  save(out)
  process.stdout.write(`${out}\n`)
  if (kind === 'cpu') for (const name of entries(out)) summarise(join(out, name))
} finally {
  rmSync(scratch, { recursive: true, force: true })
}

function run() {
  const work =
    what === 'bench'
      ? [join(root, 'dist/bench/main.js'), '--child', rest.join(' '), join(scratch, 'report.json')]
      : [join(root, 'dist/sim/cli/main.js'), 'run', ...(rest.length > 0 ? rest : ['--threads', '1'])]
  const clinic = [
    join(root, 'node_modules/clinic/bin.js'),
    tools[kind],
    '--open=false',
    '--',
    process.execPath,
    ...work,
  ]
  const argv = kind === 'cpu' ? ['--cpu-prof', `--cpu-prof-dir=${scratch}`, ...work] : clinic
  // Without NO_INSIGHT and without a terminal clinic asks a question that nobody answers, and exits with 0 having done nothing.
  const env = { ...process.env, NO_INSIGHT: '1', NO_UPDATE_NOTIFIER: '1' }
  const child = spawn(process.execPath, argv, { cwd: scratch, env, stdio: ['ignore', 'inherit', 'inherit'] })
  const timer = setTimeout(() => child.kill(), limitMs)
  return new Promise((resolve) => child.on('close', resolve)).finally(() => clearTimeout(timer))
}

/** Keeps the profile; an exit code says nothing, so a missing file is the failure. */
function save(out) {
  const from = kind === 'cpu' ? scratch : join(scratch, '.clinic')
  const ending = kind === 'cpu' ? '.cpuprofile' : '.html'
  const names = entries(from).filter((name) => name.endsWith(ending))
  if (names.length === 0) fail(`${kind} wrote no ${ending} file within ${limitMs / 60_000} minutes; try cpu`)
  mkdirSync(out, { recursive: true })
  for (const name of names) cpSync(join(from, name), join(out, name))
}

/** Functions by the time spent in themselves. */
function summarise(file) {
  const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(file, 'utf8'))
  const names = new Map(
    nodes.map(({ id, callFrame: f }) => [id, `${f.functionName || '(anonymous)'} ${f.url.split('/').at(-1)}`]),
  )
  const own = new Map()
  for (const [i, id] of samples.entries()) own.set(names.get(id), (own.get(names.get(id)) ?? 0) + timeDeltas[i])
  const total = [...own.values()].reduce((a, b) => a + b, 0)
  for (const [name, time] of [...own].sort((a, b) => b[1] - a[1]).slice(0, 20))
    process.stdout.write(
      `${((100 * time) / total).toFixed(1).padStart(6)} %  ${(time / 1000).toFixed(0).padStart(7)} ms  ${name}\n`,
    )
}

function entries(folder) {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function commit() {
  const git = spawnSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, encoding: 'utf8' })
  return git.status === 0 ? git.stdout.trim() : 'nogit'
}

function fail(text) {
  throw new Error(`profile: ${text}`)
}
