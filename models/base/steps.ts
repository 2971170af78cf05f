// Long computations as generators: they pause so that a caller can look at the world.

/** Runs to the end without pauses. */
export function finished<T>(steps: Generator<void, T>): T {
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}
