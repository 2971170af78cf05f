// A small assembler of WebAssembly modules with one imported memory: functions as trees of byte code (WebAssembly Core Specification 2.0,
// chapter 5, binary format). Kernels are written in it so that nothing has to be compiled when the package is installed.

/** Instructions, in the order in which they run. */
export type Code = readonly number[]

export type ValueType = 'i32' | 'i64' | 'v128'

export interface FunctionSpec {
  readonly name: string
  /** all i32 */
  readonly params: readonly string[]
  readonly locals: Readonly<Record<string, ValueType>>
  readonly result: ValueType | null
  /** @param at number of a parameter or local by its name */
  body(at: (name: string) => number): Code
}

const typeCodes: Readonly<Record<ValueType, number>> = { i32: 0x7f, i64: 0x7e, v128: 0x7b }

/** Section numbers of the binary format. */
const sections = { type: 1, import: 2, function: 3, export: 7, code: 10 } as const

/** Memory is imported as memory.pages. */
export function assemble(functions: readonly FunctionSpec[]): Uint8Array<ArrayBuffer> {
  const memory = [...name('memory'), ...name('pages'), 0x02, 0x00, 0x00]
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(sections.type, functions.map(typeOf)),
    ...section(sections.import, [memory]),
    ...section(
      sections.function,
      functions.map((_, i) => unsigned(i)),
    ),
    ...section(
      sections.export,
      functions.map((f, i) => [...name(f.name), 0x00, ...unsigned(i)]),
    ),
    ...section(sections.code, functions.map(codeOf)),
  ])
}

function typeOf(f: FunctionSpec): number[] {
  const results = f.result === null ? [] : [typeCodes[f.result]]
  return [0x60, ...vector(f.params.map(() => [typeCodes.i32])), ...vector(results.map((r) => [r]))]
}

function codeOf(f: FunctionSpec): number[] {
  const names = [...f.params, ...Object.keys(f.locals)]
  const at = (wanted: string): number => {
    const index = names.indexOf(wanted)
    if (index < 0) throw new RangeError(`${f.name}: no parameter or local "${wanted}"`)
    return index
  }
  const locals = Object.values(f.locals).map((type) => [1, typeCodes[type]])
  const body = [...vector(locals), ...f.body(at), 0x0b]
  return [...unsigned(body.length), ...body]
}

function section(id: number, entries: readonly Code[]): number[] {
  const content = vector(entries)
  return [id, ...unsigned(content.length), ...content]
}

function vector(entries: readonly Code[]): number[] {
  return [...unsigned(entries.length), ...entries.flat()]
}

function name(text: string): number[] {
  const bytes = [...new TextEncoder().encode(text)]
  return [...unsigned(bytes.length), ...bytes]
}

/** Unsigned LEB128. */
export function unsigned(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  do {
    const low = rest % 128
    rest = Math.floor(rest / 128)
    bytes.push(rest > 0 ? low + 128 : low)
  } while (rest > 0)
  return bytes
}

/** Signed LEB128 of an int32. */
export function signed(value: number): number[] {
  const bytes: number[] = []
  for (let rest = value | 0; ; ) {
    const low = rest & 127
    rest >>= 7
    const done = (rest === 0 && (low & 64) === 0) || (rest === -1 && (low & 64) !== 0)
    bytes.push(done ? low : low + 128)
    if (done) return bytes
  }
}
