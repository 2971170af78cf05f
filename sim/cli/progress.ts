// Progress on stderr: a bar with ETA on a terminal, one plain line every ten seconds elsewhere, nothing when quiet.
import { Presets, SingleBar } from 'cli-progress'
import { type Progress, silent } from '../progress.js'

export function createProgress(quiet: boolean): Progress {
  if (quiet) return silent
  return process.stderr.isTTY ? bar() : lines()
}

function bar(): Progress {
  let current: SingleBar | null = null
  const end = () => {
    current?.stop()
    current = null
  }
  return {
    phase(name, total) {
      end()
      const format = `${name.slice(0, 40).padEnd(40)} {bar} {percentage}%  eta {eta_formatted}`
      current = new SingleBar(
        { format, stream: process.stderr, clearOnComplete: true, hideCursor: true, fps: 5, barsize: 24 },
        Presets.shades_classic,
      )
      current.start(Math.max(1, Math.round(total)), 0)
    },
    step: (done) => current?.update(Math.round(done)),
    end,
    note: (text) => void process.stderr.write(`${text}\n`),
  }
}

const pauseMs = 10_000

function lines(): Progress {
  let name = ''
  let total = 1
  let started = Date.now()
  let shown = Date.now()
  return {
    phase(next, size) {
      name = next
      total = Math.max(1, size)
      started = Date.now()
    },
    step(done) {
      const now = Date.now()
      if (now - shown < pauseMs) return
      shown = now
      const eta = done > 0 ? Math.round((((now - started) / done) * (total - done)) / 1000) : 0
      process.stderr.write(
        `[${Math.round((done / total) * 100)}%] ${name}  ${Math.round(done)}/${Math.round(total)}  eta ${eta}s\n`,
      )
    },
    end: () => {},
    note: (text) => void process.stderr.write(`${text}\n`),
  }
}
