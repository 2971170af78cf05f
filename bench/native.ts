// Builds and runs the C++ counterparts in bench/native with g++, into a folder that git ignores.
import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Repository root, seen from dist/bench. */
export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')

/** A built program, or why there is none. */
export type Native = { readonly program: string } | { readonly missing: string }

/** Compiles bench/native/NAME.cpp. A compiler error is an error; a missing compiler is a reason. */
export function build(name: string): Native {
  const found = spawnSync('g++', ['--version'], { encoding: 'utf8' })
  if (found.error !== undefined || found.status !== 0) return { missing: 'no g++ on this machine' }
  const folder = join(root, 'bench', 'native', 'build')
  mkdirSync(folder, { recursive: true })
  const program = join(folder, name)
  const source = join(root, 'bench', 'native', `${name}.cpp`)
  const flags = ['-std=c++17', '-O3', '-march=native', '-Wall', '-Wextra', '-o', program, source]
  const built = spawnSync('g++', flags, { encoding: 'utf8' })
  if (built.status !== 0) throw new Error(`g++ ${flags.join(' ')} failed:\n${built.stderr}`)
  return { program }
}

/** Runs a built program and returns the numbers that it prints, separated by spaces. */
export function numbersOf(program: string, args: readonly (string | number)[]): number[] {
  return linesOf(program, args).flat()
}

/** The same, line by line. @param env variables on top of those of this process */
export function linesOf(program: string, args: readonly (string | number)[], env: NodeJS.ProcessEnv = {}): number[][] {
  const options = { encoding: 'utf8', maxBuffer: 1 << 28, env: { ...process.env, ...env } } as const
  const ran = spawnSync(program, args.map(String), options)
  if (ran.status !== 0) throw new Error(`${program} ${args.join(' ')} failed (${ran.status}): ${ran.stderr}`)
  return ran.stdout
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
}
