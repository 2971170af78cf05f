// A thread that searches strips.
import { type StripFound, type StripJob, searchStrip } from '../../models/mapping/search.js'

export default function search(jobs: readonly StripJob[]): StripFound[] {
  return jobs.map((job) => searchStrip(job))
}
