// Puts the real output of `cimulator run` into README.md: node tools/readme.mjs (after a build).
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
writeFileSync(
  file,
  text.replace(
    /<!-- output -->[\s\S]*<!-- end -->/,
    () => `<!-- output -->\n\`\`\`\n${output.trimEnd()}\n\`\`\`\n<!-- end -->`,
  ),
)
