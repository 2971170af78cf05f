// A stage with one firing per item and a fixed interval; it hands the item on, or ends it.
import { NONE, type Stage, type StageTiming } from '../pipeline/stage.js'

export function passThrough(name: string, timing: StageTiming, interval: number, emits: boolean): Stage {
  let item = NONE
  return {
    name,
    timing,
    constants: { interval, forwards: true, ...(emits ? { credit: true } : {}) },
    behaviour: {
      begin(next) {
        item = next
        return 1
      },
      credit: () => emits,
      interval: () => interval,
      fire: () => (emits ? item : NONE),
    },
  }
}
