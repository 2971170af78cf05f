// Sessions of onnxruntime that also give the tensors between the nodes, as many at a time as fit into memory.
import { ModelError, SpecError } from '../../models/base/errors.js'
import { unknownName } from '../../models/base/registry.js'
import type { Network } from '../../models/nn/types.js'
import { computedZeroPoints, groupsOf, symbolSizes } from './groups.js'
import { createSession, feedOf, fetchedTensor, loadRuntime, outputBytes, type RuntimeSession } from './runtime.js'
import type { FetchedTensor, InputItem } from './tensors.js'

export type { FetchedTensor, InputArray, InputItem } from './tensors.js'

export type Fetched = ReadonlyMap<string, FetchedTensor>

export interface Session {
  /** Runs one item and gives the named tensors (inputs of the network included), all of them in memory. */
  run(item: InputItem, names: readonly string[]): Promise<Fetched>
  /**
   * The same, group after group: `visit` gets the tensors of a group and must not keep them. Computed zero points that are asked for are
   * in every group.
   */
  each(item: InputItem, names: readonly string[], visit: (tensors: Fetched) => void): Promise<void>
  /** Gives the memory back; the next one who asks for tensors opens the network again. */
  release(): Promise<void>
}

/** A model file that is read when it is needed: hundreds of megabytes need not wait in memory. */
export interface ModelBytes {
  readonly length: number
  read(): Uint8Array
}

export interface SessionOptions {
  /** where external data of the model lie; null: nowhere */
  readonly folder?: string | null
  /** bytes that the tensors of a group may take; 1 GiB when left out */
  readonly memoryBytes?: number
  /** bytes beyond which the size of a tensor is taken for a mistake; 8 GiB when left out */
  readonly largestBytes?: number
}

interface Group {
  readonly names: ReadonlySet<string>
  session: RuntimeSession | null
}

/**
 * @param names tensors that may be asked for; they become outputs of the graph unless they are inputs or outputs already
 * @throws ModelError when onnxruntime refuses the model
 */
export async function openSession(
  network: Network,
  model: Uint8Array | ModelBytes,
  names: readonly string[],
  options: SessionOptions = {},
): Promise<Session> {
  const { folder = null, memoryBytes = 2 ** 30, largestBytes = 2 ** 33 } = options
  const runtime = await loadRuntime()
  const given = new Set(network.inputs.map((input) => input.name))
  const always = new Set(network.outputs)
  const extra = [...new Set(names)].filter((name) => !given.has(name) && !always.has(name))
  const zeroPoints = computedZeroPoints(network).filter((name) => extra.includes(name))
  for (const name of zeroPoints) always.add(name)
  const create = (outputs: Iterable<string>) => {
    const wanted = new Set([...outputs, ...zeroPoints])
    return createSession(runtime, network, 'read' in model ? model.read() : model, [...wanted], folder)
  }
  let groups: Group[] = [{ names: new Set(extra), session: await create(extra) }]
  let planned = false

  /** Shapes are known when the first item is: only then it is clear whether everything fits at once. */
  async function plan(item: InputItem): Promise<void> {
    planned = true
    const bytes = outputBytes(await sessionOf(groups[0]!), symbolSizes(network, item))
    for (const [name, size] of bytes) {
      if (size > largestBytes)
        throw new ModelError(`${network.file}: tensor "${name}" takes ${size} bytes; expected at most ${largestBytes}`)
    }
    const parts = groupsOf(
      extra.filter((name) => !always.has(name)),
      bytes,
      memoryBytes,
    )
    if (parts.length < 2) return
    await close()
    groups = parts.map((part) => ({ names: new Set(part), session: null }))
  }

  async function close(): Promise<void> {
    const open = groups.flatMap((group) => group.session ?? [])
    for (const group of groups) group.session = null
    await Promise.all(open.map((session) => session.release()))
  }

  /** Sessions of all groups stay open when that many copies of the weights fit beside the tensors. */
  async function sessionOf(group: Group): Promise<RuntimeSession> {
    if (group.session === null) {
      if (groups.length * model.length > memoryBytes) await close()
      group.session = await create(group.names)
    }
    return group.session
  }

  async function each(item: InputItem, wanted: readonly string[], visit: (tensors: Fetched) => void): Promise<void> {
    checkItem(network, item)
    const inputs = new Map<string, FetchedTensor>()
    for (const name of wanted) {
      const input = given.has(name) ? item.get(name)! : null
      if (input !== null) inputs.set(name, fetchedTensor(network, name, input.dtype, input.shape, input.data))
    }
    if (inputs.size > 0) visit(inputs)
    const computed = wanted.filter((name) => !given.has(name))
    if (computed.length === 0) return
    if (!planned) await plan(item)
    const feeds = Object.fromEntries(network.inputs.map(({ name }) => [name, feedOf(runtime, item.get(name)!)]))
    for (const [g, group] of groups.entries()) {
      const own = computed.filter((name) => group.names.has(name) || (g === 0 && always.has(name)))
      const beside = g === 0 ? [] : zeroPoints.filter((name) => computed.includes(name))
      if (own.length === 0) continue
      const session = await sessionOf(group)
      const results = await session.run(feeds, [...new Set([...own, ...beside])]).catch((cause: Error) => {
        throw new ModelError(`${network.file}: onnxruntime could not run the network: ${cause.message}`)
      })
      const fetched = Object.entries(results).map(([name, tensor]): [string, FetchedTensor] => [
        name,
        fetchedTensor(network, name, tensor.type, tensor.dims, tensor.data),
      ])
      visit(new Map(fetched))
    }
  }

  return {
    each,
    async run(item, wanted) {
      const all = new Map<string, FetchedTensor>()
      await each(item, wanted, (tensors) => {
        for (const [name, tensor] of tensors) all.set(name, tensor)
      })
      return all
    },
    release: close,
  }
}

/** @throws SpecError when names, types, shapes or sizes are not those of the network's inputs */
function checkItem(network: Network, item: InputItem): void {
  const known = network.inputs.map((input) => input.name)
  const odd = [...item.keys()].find((name) => !known.includes(name))
  if (odd !== undefined) throw new SpecError(unknownName(`input of ${network.file}`, odd, known))
  for (const input of network.inputs) {
    const array = item.get(input.name)
    if (array === undefined)
      throw new SpecError(
        `no array for input "${input.name}" of ${network.file}; given: ${[...item.keys()].join(', ')}`,
      )
    const fits =
      array.shape.length === input.shape.length &&
      input.shape.every((dim, i) => typeof dim === 'string' || dim === array.shape[i])
    const size = array.shape.reduce((product, dim) => product * dim, 1)
    if (array.data.length !== size) {
      throw new SpecError(
        `input "${input.name}" of ${network.file}: expected ${size} values for shape [${array.shape.join(', ')}], got ${array.data.length}`,
      )
    }
    if (!fits || array.dtype !== input.dtype) {
      throw new SpecError(
        `input "${input.name}" of ${network.file}: expected ${input.dtype} [${input.shape.join(', ')}], got ${array.dtype} [${array.shape.join(', ')}]`,
      )
    }
  }
}
