// The Benes network (Beneš 1964): 2·log2(N) − 1 stages of N/2 switches carry out any permutation of N ports. Settings are found by the looping
// algorithm (Opferman and Tsao-Wu, 1971). A network of M ports is a column of M/2 switches, two networks of M/2 ports (upper, lower) and
// another column: switch i of the first column sends one of its inputs 2i, 2i + 1 to input i of the upper network and the other to input i
// of the lower one; the last column is its mirror image.
import { SimFault } from '../base/errors.js'

/** Switches of a network of N = 2^k ports: (N/2)·(2·log2 N − 1); none for one port. */
export function switchCount(ports: number): number {
  return ports < 2 ? 0 : (ports / 2) * (2 * Math.log2(ports) - 1)
}

/**
 * @param to output of every input: a permutation of 0 … N − 1, N a power of two
 * @returns one byte a switch, stage by stage from the inputs on: 0 straight, 1 crossed. Of the settings that do the same, the one in which
 * the lowest input of every loop goes to the upper network.
 */
export function benesSettings(to: ArrayLike<number>): Uint8Array {
  const ports = to.length
  if (!Number.isInteger(Math.log2(ports))) throw new SimFault(`Benes network of ${ports} ports: not a power of two`)
  const from = new Int32Array(ports).fill(-1)
  for (let i = 0; i < ports; i++) from[to[i]!] = i
  if (from.includes(-1)) throw new SimFault(`Benes network: [${Array.from(to)}] is not a permutation`)
  const settings = new Uint8Array(switchCount(ports))
  if (ports > 1) setNetwork(Int32Array.from(to), 0, ports, 0, settings)
  return settings
}

/** Sets the switches of a network of to.length ports that begins at wire `wire` of stage `depth` of a network of N ports. */
function setNetwork(to: Int32Array, wire: number, ports: number, depth: number, settings: Uint8Array): void {
  const size = to.length
  const stages = 2 * Math.log2(ports) - 1
  const first = (depth * ports + wire) / 2
  if (size === 2) {
    settings[first] = to[0]!
    return
  }
  const last = ((stages - 1 - depth) * ports + wire) / 2
  const lower = halves(to)
  const upperTo = new Int32Array(size / 2)
  const lowerTo = new Int32Array(size / 2)
  for (let input = 0; input < size; input++) {
    const half = lower[input] === 1 ? lowerTo : upperTo
    half[input >> 1] = to[input]! >> 1
    if ((input & 1) === 0) settings[first + (input >> 1)] = lower[input]!
    if ((to[input]! & 1) === 0) settings[last + (to[input]! >> 1)] = lower[input]!
  }
  setNetwork(upperTo, wire, ports, depth + 1, settings)
  setNetwork(lowerTo, wire + size / 2, ports, depth + 1, settings)
}

/** Which half every input goes through: the two inputs of a switch differ, and so do those that leave by one switch. */
function halves(to: Int32Array): Uint8Array {
  const from = new Int32Array(to.length)
  for (let i = 0; i < to.length; i++) from[to[i]!] = i
  const lower = new Uint8Array(to.length)
  const done = new Uint8Array(to.length)
  for (let start = 0; start < to.length; start++) {
    for (let input = start; done[input] === 0; ) {
      const partner = from[to[input]! ^ 1]!
      done[input] = done[partner] = 1
      lower[partner] = 1
      input = partner ^ 1
    }
  }
  return lower
}

/** Sends the ports through the switches. @returns output of every input */
export function throughBenes(settings: Uint8Array, ports: number): Int32Array {
  if (settings.length !== switchCount(ports))
    throw new SimFault(
      `Benes network of ${ports} ports: ${settings.length} settings for ${switchCount(ports)} switches`,
    )
  let tokens: Int32Array = Int32Array.from({ length: ports }, (_, i) => i)
  const log = Math.log2(ports)
  for (let stage = 0; ports > 1 && stage < 2 * log - 1; stage++) {
    for (let i = 0; i < ports / 2; i++) {
      if (settings[(stage * ports) / 2 + i] === 0) continue
      const token = tokens[2 * i]!
      tokens[2 * i] = tokens[2 * i + 1]!
      tokens[2 * i + 1] = token
    }
    // Wiring behind the stage: in front of the middle every block of wires is dealt to its halves, behind the middle gathered from them.
    if (stage < log - 1) tokens = rewire(tokens, ports >> stage, true)
    else if (stage < 2 * log - 2) tokens = rewire(tokens, ports >> (2 * log - 3 - stage), false)
  }
  const to = new Int32Array(ports)
  for (let out = 0; out < ports; out++) to[tokens[out]!] = out
  return to
}

/** In every block of `size` wires: wire 2i ↔ i and wire 2i + 1 ↔ size/2 + i. */
function rewire(tokens: Int32Array, size: number, deal: boolean): Int32Array {
  const next = new Int32Array(tokens.length)
  for (let wire = 0; wire < tokens.length; wire++) {
    const within = wire % size
    const half = wire - within + (within >> 1) + (within & 1) * (size / 2)
    if (deal) next[half] = tokens[wire]!
    else next[wire] = tokens[half]!
  }
  return next
}
