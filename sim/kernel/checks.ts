// The faults of a kernel's callers, in one wording for both backends.
import { SimFault } from '../../models/base/errors.js'

/** @throws SimFault unless `cycle` is a whole number that is not before `now` */
export function checkCycle(cycle: number, now: number): void {
  if (!Number.isSafeInteger(cycle)) throw new SimFault(`event scheduled at cycle ${cycle}: expected a whole number`)
  if (cycle < now) throw new SimFault(`event scheduled at cycle ${cycle}, before the current cycle ${now}`)
}

/** @throws SimFault unless `handler` is registered and `arg` fits an int32 */
export function checkEvent(handler: number, arg: number, handlers: number): void {
  if (!Number.isInteger(handler) || handler < 0 || handler >= handlers)
    throw new SimFault(`event for handler ${handler}: only 0 … ${handlers - 1} are registered`)
  if ((arg | 0) !== arg) throw new SimFault(`event argument ${arg}: expected a whole number in the int32 range`)
}

/** @throws SimFault when a handler calls `run` */
export function checkNotRunning(running: boolean): void {
  if (running) throw new SimFault('run() was called from an event handler')
}
