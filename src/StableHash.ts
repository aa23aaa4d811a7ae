/**
 * A uint32 that depends on the text alone, the same on every machine and in every version: FNV-1a over the UTF-16
 * bytes, finished with murmur3's avalanche so that near texts land far apart.
 */
export const stableHash = (text: string): number => {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    hash = Math.imul(hash ^ (unit & 0xff), 0x01000193)
    hash = Math.imul(hash ^ (unit >>> 8), 0x01000193)
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/** The partition, 0 to 63, that a job belongs to for good. */
export const partitionOf = (job_id: string): number => stableHash(job_id) % 64
