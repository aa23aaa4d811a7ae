/** A scan that comes later than this after the one before began anew: what was late then proves nothing, in ms. */
const sleptBeyond = 90_000

/** How long something must be found, by one scan after the other, to count, in ms. */
const settleTime = 10_000

/**
 * What is late must be found by two scans, one soon after the other, to count: a process that was stopped for a while
 * (SIGSTOP, a machine that slept) finds everything late as it wakes, and deals with it at once.
 */
export const makeSuspicion = () => {
  let since: ReadonlyMap<string, number> = new Map()
  let found = new Map<string, number>()
  let last: number | null = null
  return {
    /** Begins a scan; says when the one before was, and null when that was too long ago. */
    begin: (now: number): number | null => {
      const before = last !== null && now >= last && now - last <= sleptBeyond ? last : null
      since = before === null ? new Map() : found
      found = new Map()
      last = now
      return before
    },
    /** Those of these ids that were found before, too. */
    lasting: (check: string, ids: ReadonlyArray<string>, now: number): ReadonlyArray<string> =>
      ids.filter((id) => {
        const key = `${check} ${id}`
        const first = since.get(key) ?? now
        found.set(key, first)
        return now - first >= settleTime
      })
  }
}
