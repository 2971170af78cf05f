// Classes that a network gives for items: its first output, largest entry. For accuracy before and after a change of the weights.
import { Interrupted } from '../../models/base/errors.js'
import type { Network } from '../../models/nn/types.js'
import type { InputSource } from './inputs.js'
import { argmax } from './record.js'
import { openSession } from './session.js'

/** @param onItem called after every item */
export async function predict(
  network: Network,
  bytes: Uint8Array,
  items: InputSource,
  signal: AbortSignal,
  onItem: () => void,
): Promise<Int32Array> {
  const session = await openSession(network, bytes, [])
  const output = network.outputs[0]!
  const classes = new Int32Array(items.count)
  try {
    for (let i = 0; i < items.count; i++) {
      if (signal.aborted) throw new Interrupted('interrupted')
      classes[i] = argmax((await session.run(await items.item(i), [output])).get(output)!.data)
      onItem()
    }
  } finally {
    await session.release()
  }
  return classes
}
