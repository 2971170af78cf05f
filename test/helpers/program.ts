// The built command line, as a user runs it in a folder.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { packageRoot } from '../../models/base/paths.js'

export const program = join(packageRoot(), 'dist', 'sim', 'cli', 'main.js')

/** @returns runs the program in the folder: exit code, stdout and stderr */
export function programIn(folder: string) {
  return (...args: string[]) => {
    const run = spawnSync(process.execPath, [program, ...args], {
      cwd: folder,
      encoding: 'utf8',
      env: { ...process.env, NO_COLOR: '1' },
    })
    return { code: run.status, out: run.stdout, err: run.stderr }
  }
}
