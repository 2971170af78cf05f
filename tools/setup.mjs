// One set-up step for every npm script: install when package.json, the lock or Node changed, build when a source is newer
// than the last build, then (after --then) run the given command with the remaining arguments. Quick the second time.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const cache = join(root, 'node_modules', '.cache', 'cimulator')
const sources = ['sim', 'models', 'traces', 'bench']
const generated = ['models/nn/proto/onnx.js', 'models/nn/proto/onnx.d.ts']

const args = process.argv.slice(2)
const split = args.indexOf('--then')
const own = split < 0 ? args : args.slice(0, split)
const then = split < 0 ? [] : args.slice(split + 1)

const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) fail(`cimulator needs Node >= 20.19, this is ${process.versions.node}`)

install()
build(own.includes('--rebuild'))
if (then.length > 0) process.exit(run(then[0] === 'node' ? process.execPath : then[0], then.slice(1)))

function install() {
  const stampFile = join(cache, 'install')
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === installStamp()) return
  say('installing packages')
  const flags = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  const npm = process.env.npm_execpath
  const code = npm?.endsWith('js') ? run(process.execPath, [npm, ...flags], 2) : run('npm', flags, 2)
  if (code !== 0) fail('npm install failed: see the message above; the npm registry must be reachable once')
  mkdirSync(cache, { recursive: true })
  writeFileSync(stampFile, installStamp())
}

function installStamp() {
  const hash = createHash('sha256').update(process.version)
  for (const name of ['package.json', 'package-lock.json']) {
    if (existsSync(join(root, name))) hash.update(readFileSync(join(root, name)))
  }
  return hash.digest('hex')
}

function build(force) {
  const stampFile = join(cache, 'build')
  const newest = Math.max(...[...sources, 'tsconfig.json'].map((name) => newestTime(join(root, name))))
  const done = existsSync(stampFile) && existsSync(join(root, 'dist')) ? Number(readFileSync(stampFile, 'utf8')) : 0
  if (!force && done >= newest) return
  say('building')
  rmSync(join(root, 'dist'), { recursive: true, force: true })
  const code = run(
    process.execPath,
    [join(root, 'node_modules/typescript/bin/tsc'), '-p', join(root, 'tsconfig.json')],
    2,
  )
  if (code !== 0) fail('the build failed: see the compiler messages above')
  for (const file of generated) {
    mkdirSync(dirname(join(root, 'dist', file)), { recursive: true })
    copyFileSync(join(root, file), join(root, 'dist', file))
  }
  // For npx in the repository itself: what npm installs it makes executable, what is built here nobody else does.
  chmodSync(join(root, 'dist', 'sim', 'cli', 'main.js'), 0o755)
  mkdirSync(cache, { recursive: true })
  writeFileSync(stampFile, String(newest))
}

/** Newest modification time (ms) below a path: files and folders, so that a deleted file counts too. */
function newestTime(path) {
  const stat = statSync(path)
  if (!stat.isDirectory()) return stat.mtimeMs
  return Math.max(stat.mtimeMs, ...readdirSync(path).map((name) => newestTime(join(path, name))))
}

function run(command, argv, stdout = 1) {
  const result = spawnSync(command, argv, { cwd: root, stdio: [0, stdout, 2] })
  if (result.error) fail(`cannot run ${command}: ${result.error.message}`)
  return result.status ?? 130
}

function say(text) {
  process.stderr.write(`setup: ${text}\n`)
}

function fail(text) {
  process.stderr.write(`setup: ${text}\n`)
  process.exit(1)
}
