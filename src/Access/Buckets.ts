interface Bucket {
  tokens: number
  /** UTC ms of the last look. */
  at: number
}

/** How many requests are let through: so many at once, and so many per second after that. */
export interface Rate {
  readonly burst: number
  readonly perSecond: number
  /** Keys that are remembered; beyond it the one first seen is forgotten. */
  readonly capacity: number
}

/** Token buckets by key. All instants are UTC ms; a clock that was set back costs nobody anything. */
export const makeBuckets = ({ burst, capacity, perSecond }: Rate) => {
  const buckets = new Map<string, Bucket>()

  const filled = (key: string, now: number): Bucket => {
    const { at, tokens } = buckets.get(key) ?? { at: now, tokens: burst }
    return { at: now, tokens: Math.min(burst, tokens + (Math.max(0, now - at) / 1_000) * perSecond) }
  }

  const wait = ({ tokens }: Bucket): number => (tokens >= 1 ? 0 : Math.max(1, Math.ceil((1 - tokens) / perSecond)))

  return {
    /** Takes a token; gives 0, or where there is none the whole seconds until there is one. */
    take: (key: string, now: number): number => {
      const bucket = filled(key, now)
      const seconds = wait(bucket)
      if (seconds === 0) bucket.tokens--
      if (!buckets.has(key) && buckets.size >= capacity) {
        for (const oldest of buckets.keys()) {
          buckets.delete(oldest)
          break
        }
      }
      buckets.set(key, bucket)
      return seconds
    },
    /** Whether there is no token to take. */
    isEmpty: (key: string, now: number): boolean => wait(filled(key, now)) > 0,
    size: (): number => buckets.size
  }
}
