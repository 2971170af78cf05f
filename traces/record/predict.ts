// Classes that a network gives for items: its first output, largest entry. For accuracy before and after a change of the weights.
import { Interrupted } from '../../models/base/errors.js'
import type { Network } from '../../models/nn/types.js'
import { argmax } from './record.js'
import { type InputItem, openSession } from './session.js'

/** @param onItem called after every item */
export async function predict(
  network: Network,
  bytes: Uint8Array,
  items: readonly InputItem[],
  signal: AbortSignal,
  onItem: () => void,
): Promise<Int32Array> {
  const session = await openSession(network, bytes, [])
  const output = network.outputs[0]!
  const classes = new Int32Array(items.length)
  try {
    for (const [i, item] of items.entries()) {
      if (signal.aborted) throw new Interrupted('interrupted')
      classes[i] = argmax((await session.run(item, [output])).get(output)!.data)
      onItem()
    }
  } finally {
    await session.release()
  }
  return classes
}
