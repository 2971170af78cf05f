// Paths in a description: relative, and inside the folder that the user named (the description's own, an environment variable, --data).
// A description may come from somebody else: it may not reach other files, not through "..", not through a link.
import { existsSync, readdirSync, realpathSync } from 'node:fs'
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { SpecError } from '../../models/base/errors.js'

export interface Root {
  /** absolute, links resolved */
  readonly folder: string
  /** @param where "file:line:col field" that gave the path, for messages; @throws SpecError */
  file(path: string, where: string): string
  /** files that a path with * in its last part names, sorted by name; @throws SpecError when there are none */
  all(path: string, where: string): string[]
}

/**
 * @param description path of the YAML file
 * @param root its field `root`
 * @param override folder from the command line: taken as it is
 */
export function openRoot(
  description: string,
  root: string | undefined,
  override: string | null,
  where: string,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Root {
  const own = dirname(resolve(description))
  if (override !== null) return rootAt(resolve(override), '--data')
  if (root === undefined) return rootAt(own, where)
  const variable = /^\$\{(CIMULATOR_[A-Z0-9_]+)\}(?:\/(.*))?$/.exec(root)
  if (variable === null) {
    if (root.includes('$'))
      throw new SpecError(`${where}: only \${CIMULATOR_NAME} at the beginning is replaced, got ${JSON.stringify(root)}`)
    return rootAt(inside(rootAt(own, where).folder, root, where), where)
  }
  const [, name, rest = ''] = variable
  const value = environment[name!]
  if (value === undefined || value === '')
    throw new SpecError(
      `${where}: the environment variable ${name} is not set; set it, or give the folder with --data DIR`,
    )
  const folder = rootAt(resolve(value), where).folder
  return rest === '' ? rootAt(folder, where) : rootAt(inside(folder, rest, where), where)
}

function rootAt(path: string, where: string): Root {
  if (!existsSync(path)) throw new SpecError(`${where}: there is no folder ${path}`)
  const folder = realpathSync(path)
  return {
    folder,
    file: (entry, place) => inside(folder, entry, place),
    all(entry, place) {
      const pattern = basename(entry)
      if (dirname(entry).includes('*')) throw new SpecError(`${place}: * may only stand in the last part of a path`)
      const parent = inside(folder, dirname(entry), place)
      const fits = new RegExp(`^${pattern.split('*').map(escaped).join('.*')}$`, 's')
      const names = readdirSync(parent)
        .filter((name) => fits.test(name) && !name.startsWith('.'))
        .sort()
      if (names.length === 0) throw new SpecError(`${place}: no file in ${parent} fits ${JSON.stringify(pattern)}`)
      // with "/" on every system, as in a description
      const above = relative(folder, parent).split(sep)
      return names.map((name) => inside(folder, [...above, name].filter((part) => part !== '').join('/'), place))
    },
  }
}

const escaped = (part: string) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

function inside(folder: string, path: string, where: string): string {
  const bad = (why: string): never => {
    throw new SpecError(`${where}: ${JSON.stringify(path)} ${why}; expected a path inside ${folder}`)
  }
  if (isAbsolute(path) || /^[A-Za-z]:/.test(path) || path.includes('\\') || path.includes('\0'))
    return bad('is no relative path')
  if (path.split('/').includes('..')) return bad('leaves the folder')
  const full = join(folder, path)
  if (!existsSync(full)) return bad('does not exist')
  const real = realpathSync(full)
  if (real !== folder && !real.startsWith(folder.endsWith(sep) ? folder : folder + sep))
    return bad('leaves the folder through a link')
  return real
}
