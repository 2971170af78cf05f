// `npm run kill-test [-- COUNT [SEED]]`: runs that are killed (SIGKILL) at random moments, half of them while they write. A run directory is
// absent or whole afterwards, never something in between, and the next run works and clears away what the dead one left.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import seedrandom from 'seedrandom'
import { packageRoot } from '../models/base/paths.js'

export interface KillReport {
  readonly kills: number
  /** runs that were killed before they had written anything, while they wrote, and that had ended already */
  readonly early: number
  readonly writing: number
  readonly late: number
  /** what was found wrong, with the number of the kill */
  readonly failures: readonly string[]
}

const name = 'run'

/** @param count kills; every one has a directory of its own, every second one replaces an older run */
export async function killRuns(count: number, seed: string): Promise<KillReport> {
  const random = seedrandom.alea(seed)
  const folder = mkdtempSync(join(tmpdir(), 'cimulator-kill-'))
  const failures: string[] = []
  const tally = { early: 0, writing: 0, late: 0 }
  try {
    const started = performance.now()
    await run(folder, [])
    const milliseconds = performance.now() - started
    const whole = contentOf(join(folder, name))
    for (let kill = 0; kill < count; kill++) {
      const replaces = kill % 2 === 1
      if (!replaces) rmSync(join(folder, name), { recursive: true, force: true })
      // The draws come first, so that they do not depend on what the machine does.
      const [fraction, pause] = [random(), random() * 20]
      const ended = await run(folder, ['--force'], async (alive) => {
        if (kill % 4 < 2) await sleep(fraction * milliseconds)
        else {
          while (alive() && temporaries(folder).length === 0) await sleep(1)
          await sleep(pause)
        }
      })
      const left = temporaries(folder)
      tally[ended ? 'late' : left.length > 0 ? 'writing' : 'early']++
      const state = existsSync(join(folder, name)) ? contentOf(join(folder, name)) : null
      if (state !== null && state !== whole) failures.push(`kill ${kill}: ${name} is there and not whole: ${state}`)
      if (state === null && replaces && !left.some((entry) => entry.includes('.old-')))
        failures.push(`kill ${kill}: the older run is gone`)
      if (!(await run(folder, ['--force']))) failures.push(`kill ${kill}: the next run failed`)
      const after = existsSync(join(folder, name)) ? contentOf(join(folder, name)) : 'absent'
      if (after !== whole) failures.push(`kill ${kill}: the next run left ${after}`)
      if (temporaries(folder).length > 0) failures.push(`kill ${kill}: left over: ${temporaries(folder).join(', ')}`)
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
  return { kills: count, ...tally, failures }
}

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/**
 * Runs the embedded network for a moment.
 * @param until when it resolves, the run is killed
 * @returns whether the run came to its end, with exit code 0
 */
function run(
  folder: string,
  more: readonly string[],
  until?: (alive: () => boolean) => Promise<void>,
): Promise<boolean> {
  const program = join(packageRoot(), 'dist', 'sim', 'cli', 'main.js')
  const args = ['run', '--layers', 'gemm', '--limit', '1', '--vectors', 'first:2', '--quiet', '--out', name, ...more]
  const child = spawn(process.execPath, [program, ...args], { cwd: folder, stdio: 'ignore' })
  return new Promise((resolve) => {
    let alive = true
    child.on('exit', (code) => {
      alive = false
      resolve(code === 0)
    })
    void until?.(() => alive).then(() => child.kill('SIGKILL'))
  })
}

/** What the dead and the living write beside the run directory. */
function temporaries(folder: string): string[] {
  return readdirSync(folder).filter((entry) => entry.startsWith(`.${name}.`))
}

/** One text for all that a run directory holds but its times; says what is missing of what its manifest lists. */
function contentOf(directory: string): string {
  const read = (file: string) => readFileSync(join(directory, file))
  try {
    const { files } = JSON.parse(read('manifest.json').toString()) as { files: Record<string, string> }
    JSON.parse(read('environment.json').toString())
    for (const [file, expected] of Object.entries(files)) {
      const found = createHash('sha256').update(read(file)).digest('hex')
      if (found !== expected) return `${file} is not what the manifest says`
    }
    return createHash('sha256').update(read('manifest.json')).digest('hex')
  } catch (cause) {
    return cause instanceof Error ? cause.message : String(cause)
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [count = '50', seed = '1'] = process.argv.slice(2)
  const { kills, early, writing, late, failures } = await killRuns(Number(count), seed)
  process.stdout.write(
    `${kills} runs killed: ${early} before they wrote, ${writing} while they wrote, ${late} after their end; ${failures.length} failures\n`,
  )
  for (const failure of failures) process.stdout.write(`${failure}\n`)
  if (failures.length > 0) process.exitCode = 1
}
