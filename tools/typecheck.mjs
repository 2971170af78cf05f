// Type-checks sources and tests together, without writing anything.
import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const tsc = join(root, 'node_modules/typescript/bin/tsc')
process.exit(
  spawnSync(process.execPath, [tsc, '-p', join(root, 'test/tsconfig.json')], { stdio: 'inherit' }).status ?? 1,
)
