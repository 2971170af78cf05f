// What an event kernel is. Events are small integers, never objects: a registered handler and one argument.

/** Called when an event is due. @param arg the event's argument @param now the current cycle */
export type Handler = (arg: number, now: number) => void

/**
 * Discrete events in whole cycles, in one total order: by cycle, then by the order in which they were scheduled. An event
 * scheduled for the current cycle runs in it, after everything already queued for it.
 */
export interface Kernel {
  /** Cycle of the event that is running, or ran last; 0 at first. Exact up to 2^53. */
  readonly now: number
  /** Events that are scheduled and have not run. */
  readonly pending: number
  /** @returns a small integer that names the handler in `at` */
  register(handler: Handler): number
  /**
   * Schedules one event.
   * @param cycle whole number of cycles, not before `now`
   * @param handler what `register` returned
   * @param arg whole number in the int32 range
   * @throws SimFault when one of them is not so
   */
  at(cycle: number, handler: number, arg: number): void
  /**
   * Runs every event up to and including cycle `until` (default: all of them). What a handler throws passes through; the event
   * that threw is gone, the others stay.
   * @returns the cycle of the last event that ran: `now`
   * @throws SimFault when called from a handler
   */
  run(until?: number): number
}
