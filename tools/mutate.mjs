// Mutation test, folder by folder: Stryker changes the sources of a folder in many small ways, and the tests for that folder must notice.
// node tools/mutate.mjs [FOLDER …] [-- options of Stryker]; without a folder all those that stryker.config.json lists.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const config = JSON.parse(readFileSync(join(root, 'stryker.config.json'), 'utf8'))
const folders = config.mutate.map((pattern) => pattern.replace(/\/\*\*.*$/, ''))
const args = process.argv.slice(2)
const split = args.indexOf('--')
const wanted = split < 0 ? args : args.slice(0, split)
const options = split < 0 ? [] : args.slice(split + 1)
const unknown = wanted.filter((name) => !folders.includes(name))
if (unknown.length > 0) throw new Error(`not mutated: ${unknown.join(', ')}; there are ${folders.join(', ')}`)

const stryker = join(root, 'node_modules/@stryker-mutator/core/bin/stryker.js')
const failed = (wanted.length > 0 ? wanted : folders).filter((folder) => {
  process.stdout.write(`\n== ${folder}\n`)
  const file = `reports/mutate-${folder.replace('/', '-')}.json`
  const own = ['run', '--mutate', `${folder}/**/*.ts`, '--incrementalFile', file]
  const env = { ...process.env, CIMULATOR_MUTATE: folder }
  return spawnSync(process.execPath, [stryker, ...own, ...options], { cwd: root, env, stdio: 'inherit' }).status !== 0
})
if (failed.length > 0) {
  process.stderr.write(`mutate: below the threshold: ${failed.join(', ')}\n`)
  process.exit(1)
}
