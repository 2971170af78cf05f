// YAML files with positions: text → plain data, and for every path where it stands, so that any later complaint can name file:line:col.
import { readFileSync } from 'node:fs'
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml'
import { SpecError } from '../base/errors.js'

export type Plain = { [key: string]: unknown }

export interface ConfigDocument {
  readonly file: string
  readonly data: Plain
  /** "file:line:col" of the value at a path, or of its nearest parent; `key`: of the key itself */
  position(path: readonly PropertyKey[], key?: boolean): string
}

/** Largest file that is read: 1 MiB. */
const largest = 2 ** 20

/** @throws SpecError with position for YAML errors, duplicate keys, alias bombs, files that are no map */
export function readDocument(file: string): ConfigDocument {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (cause) {
    throw new SpecError(`${file}: cannot read (${(cause as NodeJS.ErrnoException).code ?? String(cause)})`)
  }
  return parseText(text, file)
}

export function parseText(text: string, file: string): ConfigDocument {
  if (text.length > largest)
    throw new SpecError(`${file}: ${text.length} characters; a machine description has at most ${largest}`)
  const lines = new LineCounter()
  const doc = parseDocument(text, {
    lineCounter: lines,
    uniqueKeys: true,
    merge: true,
    logLevel: 'error',
    prettyErrors: false,
  })
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset)
    return `${file}:${line}:${col}`
  }
  const problems = [...doc.errors, ...doc.warnings]
  if (problems.length > 0) throw new SpecError(problems.map((e) => `${at(e.pos[0])} ${e.message}`).join('\n'))
  let data: unknown
  try {
    data = doc.toJS({ maxAliasCount: 100 })
  } catch (cause) {
    throw new SpecError(`${file}: ${cause instanceof Error ? cause.message : String(cause)}`)
  }
  if (typeof data !== 'object' || data === null || Array.isArray(data))
    throw new SpecError(
      `${file}:1:1 expected a map of fields (name: value), got ${data === null ? 'an empty file' : typeof data}`,
    )
  return { file, data: data as Plain, position: (path, key = false) => at(offsetOf(doc.contents, path, key)) }
}

function offsetOf(root: Node | null, path: readonly PropertyKey[], key: boolean): number {
  let node: unknown = root
  let offset = root?.range?.[0] ?? 0
  for (const [depth, step] of path.entries()) {
    if (isSeq(node)) {
      node = node.items[Number(step)]
      offset = (node as Node | undefined)?.range?.[0] ?? offset
      continue
    }
    if (!isMap(node)) break
    const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(step))
    if (pair === undefined) break
    const place = (key && depth === path.length - 1 ? pair.key : (pair.value ?? pair.key)) as Node
    offset = place.range?.[0] ?? offset
    node = pair.value
  }
  return offset
}
