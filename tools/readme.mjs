// Puts the real output of `cimulator run` into README.md: node tools/readme.mjs (after a build); with --check only says whether it is there.
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const run = spawnSync(process.execPath, [join(root, 'dist/sim/cli/main.js'), 'run', '--quiet'], { encoding: 'utf8' })
if (run.status !== 0) throw new Error(run.stderr)
const output = run.stdout
  .split('\n')
  .map((line) => line.trimEnd())
  .join('\n')
const file = join(root, 'README.md')
const text = readFileSync(file, 'utf8')
const fresh = text.replace(
  /<!-- output -->[\s\S]*<!-- end -->/,
  () => `<!-- output -->\n\`\`\`\n${output.trimEnd()}\n\`\`\`\n<!-- end -->`,
)
if (!process.argv.includes('--check')) writeFileSync(file, fresh)
else if (fresh !== text) {
  process.stderr.write('README.md does not show what the program prints: npm run readme\n')
  process.exitCode = 1
}
