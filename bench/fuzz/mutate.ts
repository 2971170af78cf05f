// Mutations of bytes and of text, from a seed.
import seedrandom from 'seedrandom'

export interface Random {
  /** 0 ≤ x < 1 */
  unit(): number
  /** integer, 0 ≤ x < n */
  below(n: number): number
  pick<T>(list: readonly T[]): T
}

export function randomOf(seed: string): Random {
  const next = seedrandom.alea(seed)
  const below = (n: number) => Math.floor(next() * n)
  return { unit: next, below, pick: (list) => list[below(list.length)]! }
}

const extremes = [0, 1, 2, 127, 128, 255, 256, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff]

/** Half of all positions lie near one of the ends: headers and directories stand there. */
function place(random: Random, length: number): number {
  const near = Math.min(length, 512)
  const kind = random.below(4)
  if (kind === 0) return random.below(near)
  return kind === 1 ? length - 1 - random.below(near) : random.below(length)
}

type ByteMutation = (bytes: Uint8Array, random: Random, other: Uint8Array) => Uint8Array

function splice(bytes: Uint8Array, from: number, to: number, put: Uint8Array): Uint8Array {
  const out = new Uint8Array(bytes.length - (to - from) + put.length)
  out.set(bytes.subarray(0, from))
  out.set(put, from)
  out.set(bytes.subarray(to), from + put.length)
  return out
}

const byteMutations: readonly ByteMutation[] = [
  // bits
  (bytes, random) => {
    const out = bytes.slice()
    for (let i = 0; i <= random.below(8); i++) out[place(random, out.length)]! ^= 1 << random.below(8)
    return out
  },
  // cut off
  (bytes, random) => bytes.slice(0, place(random, bytes.length)),
  // a length or a number, little-endian, 1 to 8 bytes
  (bytes, random) => {
    const out = bytes.slice()
    const width = 1 << random.below(4)
    const at = place(random, Math.max(1, out.length - width))
    const value = BigInt(random.pick(extremes)) << BigInt(random.below(2) * 32)
    for (let i = 0; i < width && at + i < out.length; i++) out[at + i] = Number((value >> BigInt(8 * i)) & 255n)
    return out
  },
  // a long protobuf varint
  (bytes, random) => {
    const length = 1 + random.below(10)
    const varint = new Uint8Array(length).fill(255)
    varint[length - 1] = random.below(128)
    const at = place(random, bytes.length)
    return splice(bytes, at, random.below(2) === 0 ? at : Math.min(bytes.length, at + length), varint)
  },
  // a section left out
  (bytes, random) => {
    const at = place(random, bytes.length)
    return splice(bytes, at, Math.min(bytes.length, at + 1 + random.below(64)), new Uint8Array(0))
  },
  // a section twice, somewhere
  (bytes, random) => {
    const at = place(random, bytes.length)
    const section = bytes.slice(at, at + 1 + random.below(256))
    const to = place(random, bytes.length)
    return splice(bytes, to, to, section)
  },
  // a section of another file
  (bytes, random, other) => {
    const at = place(random, other.length)
    const section = other.slice(at, at + 1 + random.below(256))
    const to = place(random, bytes.length)
    return splice(bytes, to, random.below(2) === 0 ? to : Math.min(bytes.length, to + section.length), section)
  },
]

/** One to three mutations. @param other bytes that sections are taken from */
export function mutateBytes(bytes: Uint8Array, random: Random, other: Uint8Array): Uint8Array {
  let out = bytes
  for (let i = 0; i <= random.below(3) && out.length > 0; i++)
    out = random.pick(byteMutations)(out, random, other.length === 0 ? out : other)
  return out
}

export const oddNumbers: readonly number[] = [
  0,
  -1,
  1,
  2,
  3,
  7,
  255,
  256,
  65_535,
  65_536,
  1e6,
  2 ** 24,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  1e308,
  -(2 ** 31),
  0.5,
  -0.001,
  1e-30,
  1e-308,
]

export const oddTexts: readonly string[] = [
  '',
  ' ',
  'x',
  '..',
  '../x',
  '/etc/passwd',
  'NaN',
  'Infinity',
  '-0',
  '1e400',
  'null',
  'true',
  '__proto__',
  'constructor',
  '\u0000',
  '\u001b[2J',
  'é́',
  '[]',
  '{}',
  '0x10',
  '-1',
  '9'.repeat(30),
  'a'.repeat(5000),
]

const oddYaml = [
  '&a',
  '*a',
  '<<: *a',
  '!!js/function',
  '!!binary',
  '.inf',
  '.nan',
  '~',
  '? ',
  '- ',
  '|',
  '>-',
  '%YAML',
  '---',
  '...',
  '@',
  '`',
  '\t',
  '0o17',
  '2001-01-01',
  '"',
  "'",
  '#',
]

/** Tokens swapped, doubled, left out or replaced; YAML and JSON alike. */
export function mutateText(text: string, random: Random): string {
  let tokens = text.split(/(\s+|[:,{}[\]"'])/).filter((token) => token !== '')
  for (let i = 0; i <= random.below(4) && tokens.length > 0; i++) {
    const at = random.below(tokens.length)
    const other = random.below(tokens.length)
    const kind = random.below(6)
    const copy = [...tokens]
    if (kind === 0) [copy[at], copy[other]] = [copy[other]!, copy[at]!]
    else if (kind === 1) copy.splice(at, 1)
    else if (kind === 2) copy.splice(at, 0, tokens[other]!)
    else if (kind === 3) copy[at] = random.pick(oddYaml)
    else if (kind === 4) copy[at] = random.pick(oddTexts)
    else {
      const numbers = [...tokens.keys()].filter((t) => /^-?[\d.]+$/.test(tokens[t]!))
      if (numbers.length > 0) copy[random.pick(numbers)] = String(random.pick(oddNumbers))
    }
    tokens = copy
  }
  return tokens.join('')
}
