// How a long computation tells where it is; the command line draws it.

export interface Progress {
  phase(name: string, total: number): void
  step(done: number): void
  end(): void
  /** one line for the person who waits */
  note(text: string): void
}

export const silent: Progress = { phase: () => {}, step: () => {}, end: () => {}, note: () => {} }
