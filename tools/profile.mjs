// npm run profile -- cpu|flame|doctor|heap [bench filter]: profiles the benchmarks (default: pipeline) on built files.
// `cpu` is Node's own profiler (open the file in Chrome DevTools or speedscope); the others are clinic's. Results go to .clinic/profiles.
import { spawn, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const limitMs = 5 * 60_000
const tools = { flame: 'flame', doctor: 'doctor', heap: 'heapprofiler' }

const [kind = 'cpu', filter = 'pipeline'] = process.argv.slice(2)
if (kind !== 'cpu' && !(kind in tools)) fail(`unknown profile "${kind}": cpu, ${Object.keys(tools).join(', ')}`)

// A fresh folder: clinic refuses to start beside the trace files of an interrupted run.
const scratch = mkdtempSync(join(tmpdir(), 'cimulator-profile-'))
try {
  await run(kind, filter)
  const out = join(root, '.clinic', 'profiles', `${new Date().toISOString().replace(/[:.]/g, '-')}-${commit()}-${kind}`)
  save(kind, out)
  process.stdout.write(`${out}\n`)
} finally {
  rmSync(scratch, { recursive: true, force: true })
}

function run(kind, filter) {
  const work = [join(root, 'dist/bench/main.js'), filter]
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
function save(kind, out) {
  const from = kind === 'cpu' ? scratch : join(scratch, '.clinic')
  const ending = kind === 'cpu' ? '.cpuprofile' : '.html'
  const names = entries(from).filter((name) => name.endsWith(ending))
  if (names.length === 0) fail(`${kind} wrote no ${ending} file within ${limitMs / 60_000} minutes; try cpu`)
  mkdirSync(out, { recursive: true })
  for (const name of names) cpSync(join(from, name), join(out, name))
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
