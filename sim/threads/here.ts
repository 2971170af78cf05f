// Items simulated in this thread, with pauses in which signals and progress come through.
import { Interrupted } from '../../models/base/errors.js'
import type { CodedTensor } from '../../models/nn/types.js'
import type { Engine, ItemOutcome } from '../chip/items/engine.js'
import { type LayerAnswer, type LayerTask, openLayer } from './layer-task.js'
import type { Simulator, Watch } from './simulator.js'

export function inThisThread(engine: Engine, signal: AbortSignal): Simulator {
  let last: Promise<unknown> = Promise.resolve()
  const run = async (task: LayerTask, items: readonly CodedTensor[], watch: Watch): Promise<LayerAnswer> => {
    const { job, figures, run } = openLayer(engine, task, items.length)
    const outcomes: ItemOutcome[] = []
    for (const [i, tensor] of items.entries()) {
      const all = passesOf(figures, tensor)
      const onPass = (passes: number) => watch.onShare(i, passes / all)
      const steps = run({ tensor, onPass, onFiring: watch.observe?.(job, i) ?? null })
      for (let step = steps.next(); ; step = steps.next()) {
        if (step.done === true) {
          outcomes.push(step.value)
          break
        }
        await breathe(signal)
      }
      watch.onShare(i, 1)
    }
    return { figures, outcomes }
  }
  return {
    threads: 1,
    layers: 1,
    room: async () => void (await last),
    run(task, items, _, watch) {
      const answer = run(task, items, watch)
      answer.catch(() => {})
      last = answer
      return answer
    },
  }
}

function passesOf({ groups, vectors }: LayerAnswer['figures'], { form }: CodedTensor): number {
  return groups * vectors * (form === 'split' ? 2 : 1)
}

async function breathe(signal: AbortSignal): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
  if (signal.aborted) throw new Interrupted('interrupted')
}
