// The four kinds of failure and the exit code that each leads to. Nothing below sim/cli prints or exits: it throws one of these.

/** Base of every error that cimulator raises on purpose: `exitCode` is what the command line returns. */
export abstract class CimulatorError extends Error {
  abstract readonly exitCode: number
}

/** The user's input is wrong: a file, an option, a machine description. The message says what was expected, what was got and what to do. */
export class SpecError extends CimulatorError {
  override readonly name = 'SpecError'
  readonly exitCode = 2
}

/** A network that cannot be read or simulated; the message names file, node and operator. */
export class ModelError extends CimulatorError {
  override readonly name = 'ModelError'
  readonly exitCode = 2
}

/** A check of the user's data failed: the run was carried out, its result is not what was claimed. */
export class CheckFailure extends CimulatorError {
  override readonly name = 'CheckFailure'
  readonly exitCode = 1
}

/** A bug of cimulator itself (deadlock, broken invariant). */
export class SimFault extends CimulatorError {
  override readonly name = 'SimFault'
  readonly exitCode = 70
}

/** The user interrupted the run. */
export class Interrupted extends CimulatorError {
  override readonly name = 'Interrupted'
  readonly exitCode = 130
}
