/**
 * A well-mixed unsigned 32-bit hash of a text, the same on every machine and in every version: FNV-1a over the UTF-16
 * bytes, finished with MurmurHash3's avalanche.
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

/** How many partitions the jobs are spread over, whatever the number of machines. */
export const partitions = 64

/** The partition that a job belongs to, for life. */
export const partitionOf = (jobId: string): number => stableHash(jobId) % partitions
